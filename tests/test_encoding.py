"""Character sets: bytes are read as browsers read them, and what was lost or guessed is noted."""

from __future__ import annotations

import codecs
import encodings.aliases

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsieve.dom import read
from newsieve.dom.encoding import decode

SENTENCE = "Съешь же ещё этих мягких французских булок, да выпей чаю."


def declared(label, text=""):
    return f'<!doctype html><meta charset="{label}"><p>{text}'


# --- byte order marks


@pytest.mark.parametrize(
    ("mark", "codec"),
    [(codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")],
)
@pytest.mark.parametrize("charset", [None, "koi8-r"])
def test_a_byte_order_mark_beats_all_that_is_declared_and_is_no_text(mark, codec, charset):
    html = declared("windows-1251", SENTENCE)
    assert decode(mark + html.encode(codec), charset) == (html, None)


def test_an_odd_byte_after_a_mark_loses_one_character_alone():
    assert decode(codecs.BOM_UTF16_LE + "ab".encode("utf-16-le") + b"c")[0] == "ab\ufffd"


# --- what the page declares


@pytest.mark.parametrize(
    "start",
    [
        '<meta charset="koi8-r">',
        "<meta charset=koi8-r>",
        "<META CHARSET='KOI8-R' />",
        "<meta id=x charset = koi8-r>",
        '<meta http-equiv="Content-Type" content="text/html; charset=koi8-r">',
        "<meta content='text/html;charset=koi8-r' http-equiv=content-type>",
        '<?xml version="1.0" encoding="koi8-r"?><html>',
        "<!doctype html><html><head><title>x</title>" + "<meta name=a content=b>" * 30 + "<meta charset=koi8-r>",
    ],
)
def test_a_declared_character_set_is_used(start):
    html = f"{start}<p>{SENTENCE}"
    assert decode(html.encode("koi8-r")) == (html, None)


def test_the_first_declaration_counts():
    html = f"<meta charset=koi8-r><meta charset=windows-1251><p>{SENTENCE}"
    assert decode(html.encode("koi8-r")) == (html, None)


@pytest.mark.parametrize(
    "text", ["charset=koi8-r", "<p charset=koi8-r>", "<metal charset", "<script>x.charset='koi8-r'"]
)
def test_a_character_set_named_elsewhere_is_no_declaration(text):
    html = f"{text}<p>{SENTENCE}"
    assert decode(html.encode()) == (html, None)


@pytest.mark.parametrize(
    "start",
    [
        "<!-- <meta charset=koi8-r> -->",
        "<meta name=description content='why charset=koi8-r matters'>",
        "<script>'<meta charset=koi8-r>'</script>",
    ],
    ids=["comment", "description", "script"],
)
def test_a_meta_that_declares_nothing_is_passed_over(start):
    html = f"{start}<meta charset=utf-8><p>{SENTENCE}"
    assert decode(html.encode()) == (html, None)


# --- what the server declares


@pytest.mark.parametrize("charset", ["koi8-r", "KOI8-R", " koi8-r ", "koi8_r"])
def test_what_the_server_declares_beats_the_page(charset):
    html = declared("windows-1251", SENTENCE)
    assert decode(html.encode("koi8-r"), charset) == (html, None)


def test_read_takes_the_servers_character_set():
    tree, notes = read(declared("windows-1251", SENTENCE).encode("koi8-r"), "koi8-r")
    assert (tree.texts, notes) == ([SENTENCE], ())


@pytest.mark.parametrize("charset", ["utf-16le", "utf-16be", "utf-16"])
def test_utf_16_without_a_mark_is_read_where_the_server_names_it(charset):
    codec = "utf-16-be" if charset == "utf-16be" else "utf-16-le"
    assert decode(SENTENCE.encode(codec), charset) == (SENTENCE, None)


# --- the names of the web

SUPERSETS = [
    ("latin-1", "cp1252", "“quoted” for 5 €"),
    ("iso-8859-1", "cp1252", "“quoted” for 5 €"),
    ("us-ascii", "cp1252", "“quoted” for 5 €"),
    ("windows-1252", "cp1252", "“quoted” for 5 €"),
    ("iso-8859-9", "cp1254", "“İstanbul” 5 €"),
    ("gb2312", "gb18030", "朱镕基 𠀀 €"),
    ("gbk", "gb18030", "朱镕基 𠀀"),
    ("shift_jis", "cp932", "①髙﨑㈱"),
    ("sjis", "cp932", "①髙﨑㈱"),
    ("euc-kr", "cp949", "똠방각하"),
    ("ks_c_5601-1987", "cp949", "똠방각하"),
    ("tis-620", "cp874", "ภาษาไทย €"),
    ("big5", "big5hkscs", "嘅啲咗"),
    ("euc-jp", "euc_jp", "日本語の記事"),
    ("iso-2022-jp", "iso2022_jp", "日本語の記事"),
    ("windows-1251", "cp1251", SENTENCE),
    ("macintosh", "mac_roman", "“été”"),
]


@pytest.mark.parametrize(("label", "codec", "text"), SUPERSETS, ids=[label for label, *_ in SUPERSETS])
def test_a_label_means_what_it_means_to_browsers(label, codec, text):
    html = declared(label, text)
    assert decode(html.encode(codec)) == (html, None)
    assert decode(text.encode(codec), label) == (text, None)


@pytest.mark.parametrize("label", ["utf-16", "utf-16le", "utf-16be", "utf8", "UTF-8"])
def test_a_page_that_declares_utf_16_in_ascii_is_utf_8(label):
    html = declared(label, SENTENCE)
    assert decode(html.encode()) == (html, None)


# Labels of the WHATWG standard that Python's codecs do not know.
WEB_LABELS = [
    ("windows-31j", "cp932", "日本語①"),
    ("x-sjis", "cp932", "日本語①"),
    ("x-euc-jp", "euc_jp", "日本語の記事"),
    ("x-gbk", "gb18030", "中文镕"),
    ("gb_2312-80", "gb18030", "中文镕"),
    ("cn-big5", "big5hkscs", "中文網頁"),
    ("windows-949", "cp949", "똠방각하"),
    ("windows-874", "cp874", "ภาษาไทย"),
    ("x-cp1251", "cp1251", SENTENCE),
    ("x-cp1252", "cp1252", "“été”"),
    ("koi", "koi8_r", SENTENCE),
    ("x-mac-cyrillic", "mac_cyrillic", "Съешь"),
    ("iso-8859-8-i", "iso8859_8", "שלום עולם"),
    ("iso88592", "iso8859_2", "zażółć gęślą jaźń"),
]


@pytest.mark.parametrize(("label", "codec", "text"), WEB_LABELS, ids=[label for label, *_ in WEB_LABELS])
def test_a_label_of_the_web_that_python_does_not_know_is_understood(label, codec, text):
    html = declared(label, text)
    assert decode(html.encode(codec)) == (html, None)


# --- wrong, unknown and missing declarations


def test_utf_8_needs_no_declaration():
    html = f"<p>{SENTENCE} — 日本語 😀"
    assert decode(html.encode()) == (html, None)


@pytest.mark.parametrize("label", ["gb2312", "shift_jis", "euc-kr", "big5", "iso-8859-1", "us-ascii"])
def test_valid_utf_8_is_read_as_such_where_the_declared_set_cannot_be(label):
    html = declared(label, "“Ýàíá”\u200f 日本語の記事を読む😀 Ё")  # bytes that each of the sets leaves open
    text, note = decode(html.encode())
    assert text == html
    assert note.startswith("declared as")
    assert note.endswith("read as utf-8")


def test_what_is_not_valid_in_the_declared_set_is_noted_and_costs_its_own_characters_alone():
    start = declared("utf-8", "caf")
    text, note = decode(start.encode() + b"\xe9 noir")
    assert text == f"{start}\ufffd noir"
    assert note == f"not valid utf-8 at byte {len(start)}"


@pytest.mark.parametrize("label", ["none", "utf-8x", "foo-8859", "rot13", "hex", "base64", "../x", "x" * 40])
def test_an_unknown_character_set_is_ignored(label):
    html = declared(label, SENTENCE)
    assert decode(html.encode()) == (html, None)
    assert decode(SENTENCE.encode(), label) == (SENTENCE, None)


@pytest.mark.parametrize("label", ["", " ", "é", "x" * 5_000])
def test_an_unknown_character_set_of_the_server_is_ignored(label):
    assert decode(declared("koi8-r", SENTENCE).encode("koi8-r"), label) == (declared("koi8-r", SENTENCE), None)


@pytest.mark.parametrize("label", ["utf-8\0", "\udc80"], ids=["nul", "surrogate"])
def test_a_label_that_no_codec_can_have_is_ignored(label):
    assert decode(SENTENCE.encode(), label) == (SENTENCE, None)


# Codecs of Python's own, which no browser knows and which fail in ways of their own.
PYTHONS_OWN = ["undefined", "punycode", "idna", "unicode_escape", "raw_unicode_escape"]


@pytest.mark.parametrize("label", PYTHONS_OWN)
def test_pythons_own_codecs_are_unknown(label):
    html = declared(label, f"{SENTENCE} \\d \\u0041")
    assert decode(html.encode()) == (html, None)


CODECS = sorted({*encodings.aliases.aliases.values(), "utf_8_sig", "koi8_u", "cp874", "mac_arabic"})


@pytest.mark.parametrize("label", CODECS)
def test_no_label_makes_any_bytes_raise(label):
    data = declared(label).encode() + bytes(range(256)) + SENTENCE.encode()
    assert isinstance(decode(data)[0], str)
    assert isinstance(decode(data, label)[0], str)


LEGACY = [
    ("cp1251", SENTENCE),
    ("cp1252", "Où est passé le garçon ? — À l’école."),
    ("shift_jis", "これは日本語の記事です。"),
]


@pytest.mark.parametrize(("codec", "text"), LEGACY, ids=[codec for codec, _ in LEGACY])
def test_undeclared_legacy_text_is_guessed_with_a_note(codec, text):
    html = f"<!doctype html><title>page</title><p>{text * 5}</p><p>the end"
    got, note = decode(html.encode(codec))
    assert note.startswith("no character set declared, read as ")
    assert got.startswith("<!doctype html><title>page</title><p>")
    assert got.endswith("</p><p>the end")


def test_undeclared_western_text_is_read_right():
    html = "<p>" + "Où est passé le garçon ? Il est resté à l’école, paraît-il. " * 5
    assert decode(html.encode("cp1252"))[0] == html


def test_a_few_broken_characters_do_not_make_a_utf_8_page_another():
    html = SENTENCE * 20
    text, note = decode(html.encode() + b"\xff " + html.encode())
    assert text == f"{html}\ufffd {html}"
    assert note == f"not valid utf-8 at byte {len(html.encode())}"


def test_a_page_cut_within_a_character_is_still_utf_8():
    data = ("<p>" + SENTENCE[:-1]).encode()
    text, note = decode(data + "ж".encode()[:1])
    assert text == f"<p>{SENTENCE[:-1]}\ufffd"
    assert note == f"not valid utf-8 at byte {len(data)}"


def test_notes_come_out_of_the_door():
    notes = read("<p>Où est passé le garçon ?".encode("cp1252"))[1]
    assert len(notes) == 1
    assert notes[0].startswith("no character set declared")


def test_no_bytes_are_no_text():
    assert decode(b"") == ("", None)
    assert decode(codecs.BOM_UTF8) == ("", None)


# --- any bytes

LABELS = st.sampled_from([None, "utf-8", "latin-1", "gb2312", "shift_jis", "euc-kr", "big5", "iso-2022-jp", "hz", "?"])


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80), LABELS)
def test_any_bytes_are_read(data, charset):
    text, note = decode(data, charset)
    assert isinstance(text, str)
    assert note or "\ufffd" not in text or b"\xef\xbf\xbd" in data or data[:2] in {b"\xff\xfe", b"\xfe\xff"}


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(codec="utf-8"), max_size=60))
def test_utf_8_comes_back_as_it_was(text):
    html = declared("utf-8", text)
    assert decode(html.encode()) == (html, None)
    assert decode(html.encode(), "utf-8") == (html, None)


def test_undeclared_text_of_another_script_is_read_right():
    html = "<p>" + "Съешь ещё этих мягких французских булок, да выпей чаю. Вечером в городе пошёл первый снег. " * 4
    text, note = decode(html.encode("cp1251"))
    assert text == html
    assert "no character set declared" in note
