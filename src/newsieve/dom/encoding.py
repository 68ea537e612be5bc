"""Bytes to text as browsers do it: byte order mark, then what the server or the page declares, then a guess."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_META = re.compile(rb"<meta[\s/][^>]*", re.IGNORECASE)
_UNSEEN = re.compile(rb"<!--.*?-->|<script.*?</script", re.IGNORECASE | re.DOTALL)
_CONTENT = re.compile(rb"""\bcontent\s*=\s*("[^"]*"|'[^']*')""", re.IGNORECASE)
_CHARSET = re.compile(rb"""charset\s*=\s*["']?\s*([\w.:-]{2,40})""", re.IGNORECASE)
_XML = re.compile(rb"""^\s*<\?xml[^>]{0,100}?encoding\s*=\s*["']([\w.:-]{2,40})""")
_TAG = re.compile(rb"<(?:script.*?</script|style.*?</style|[^>]*)>", re.IGNORECASE | re.DOTALL)
_ASCII_LETTERS = re.compile(rb"[A-Za-z]")
_GUESSED_BY = 50_000  # bytes that a guess is made by
_LOOKED_AT = 4096  # bytes of the page's start that may declare a character set

# The WHATWG encoding standard reads these labels as supersets of what they name.
_SUPERSETS = {
    "ascii": "cp1252", "iso8859-1": "cp1252", "iso8859-9": "cp1254", "gb2312": "gb18030", "gbk": "gb18030",
    "shift_jis": "cp932", "euc_kr": "cp949", "tis-620": "cp874", "iso8859-11": "cp874", "big5": "big5hkscs",
    "utf-32": "utf-8", "utf-7": "cp1252", "utf-16": "utf-16-le",
}  # fmt: skip
# Labels of that standard which Python's codecs do not know.
_LABELS = {
    "windows-31j": "cp932", "x-sjis": "cp932", "x-euc-jp": "euc_jp", "x-gbk": "gb18030", "gb_2312-80": "gb18030",
    "cn-big5": "big5hkscs", "x-x-big5": "big5hkscs", "windows-949": "cp949", "windows-874": "cp874", "dos-874": "cp874",
    "koi": "koi8_r", "koi8": "koi8_r", "x-mac-cyrillic": "mac_cyrillic", "x-mac-ukrainian": "mac_cyrillic",
    "x-mac-roman": "mac_roman", "iso-8859-8-i": "iso8859_8", "unicode-1-1-utf-8": "utf-8", "x-unicode20utf8": "utf-8",
}  # fmt: skip
# Codecs that are no character sets of documents.
_NOT_OF_THE_WEB = frozenset(
    "undefined punycode idna unicode-escape raw-unicode-escape unicode_escape raw_unicode_escape mbcs oem".split()
)
_NUMBERED = re.compile(r"(?:x-)?(cp125\d)|iso-?8859-?(\d{1,2})")


def decode(data: bytes, charset: str | None = None) -> tuple[str, str | None]:
    """The text of `data`, and a note where characters were lost or guessed. `charset` is what the server named."""
    for mark, name in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(name, "replace"), None
    if charset and (codec := _codec(charset)):
        return _decoded(data, codec)
    for label in _declared(data[:_LOOKED_AT]):
        if codec := _codec(label):
            # A declaration that could be read byte by byte cannot mean UTF-16.
            return _decoded(data, "utf-8" if codec.startswith("utf-16") else codec)
    try:
        return data.decode("utf-8"), None
    except UnicodeDecodeError as error:
        if error.start >= len(data) - 3 or _mostly_utf8(data):
            return _decoded(data, "utf-8")
    return _guessed(data)


def _declared(start: bytes) -> Iterator[str]:
    """The labels that the page's start declares: of an XML declaration, then of meta elements."""
    if match := _XML.search(start):
        yield match[1].decode("ascii")
    for meta in _META.findall(_UNSEEN.sub(b"", start)):
        told = meta if b"http-equiv" in meta.lower() else _CONTENT.sub(b"", meta)
        if match := _CHARSET.search(told):
            yield match[1].decode("ascii")


def _codec(label: str) -> str | None:
    """Python's codec of a character set's label, widened as browsers do; None where there is none for text."""
    name = label.strip().lower()
    if match := _NUMBERED.fullmatch(name):
        name = match[1] or f"iso8859-{match[2]}"
    try:
        info = codecs.lookup(_LABELS.get(name, name))
    except (LookupError, ValueError):
        return None
    if not getattr(info, "_is_text_encoding", True) or info.name in _NOT_OF_THE_WEB:
        return None
    return _SUPERSETS.get(info.name, info.name)


def _decoded(data: bytes, codec: str) -> tuple[str, str | None]:
    try:
        return data.decode(codec), None
    except UnicodeDecodeError as error:
        if codec != "utf-8" and _is_utf8(data):
            return data.decode("utf-8"), f"declared as {codec}, read as utf-8"
        return data.decode(codec, "replace"), f"not valid {codec} at byte {error.start}"


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _mostly_utf8(data: bytes) -> bool:
    """Whether what is not valid UTF-8 is rare beside what is beyond ASCII and valid."""
    text = data.decode("utf-8", "replace")
    return 20 * text.count("\ufffd") < len(data) - len(text) + 1


def _guessed(data: bytes) -> tuple[str, str | None]:
    start = _TAG.sub(b"", data[:_GUESSED_BY])
    letters, beyond = len(_ASCII_LETTERS.findall(start)), len(start.translate(None, bytes(range(128))))
    codec = "cp1252"
    if beyond > letters / 3:  # accents are rarer: another script, which a detector tells better than another accent
        from charset_normalizer import from_bytes

        best = from_bytes(start).best()
        codec = (_codec(best.encoding) if best else None) or codec
    return data.decode(codec, "replace"), f"no character set declared, read as {codec}"
