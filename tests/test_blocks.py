"""Blocks: what cuts a page's text and what does not; no text is lost, and none comes twice."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from newsieve.blocks import segment
from newsieve.dom import read


def texts(source):
    return segment(read(source)[0]).texts


def squeezed(parts):
    """All characters of some texts but white space."""
    return "".join("".join(parts).split())


# --- pages made from a model, whose blocks are known without any parser

CUT, BREAK = "¦", "⏎"
INLINE = "abbr b cite code em font i small span strong sub time u x-card".split()
BOX = "article aside blockquote div figure footer header main nav noscript pre section".split()
# What the parser closes early where a box or one of its own kind comes inside; here neither does.
PHRASING_ALONE = "a button form h1 h3 p".split()
LISTS = {"ul": "li", "ol": "li", "dl": "dd", "table": "td"}
FENCE = ["label", "video", "canvas"]
VOID = {"br": BREAK, "hr": CUT, "img alt='unseen'": CUT, "input value='unseen'": CUT, "wbr": "", "link": "", "meta": ""}
UNSEEN = [
    "<script>unseen('<p>')</script>", "<style>unseen {}</style>", "<template><p>unseen</p></template>",
    "<svg><title>unseen</title><text>unseen</text></svg>", "<!-- unseen -->", "<?unseen ?>", "<![CDATA[unseen]]>",
]  # fmt: skip
HIDING = ["", " hidden", " style='display:none'", " aria-hidden=true", " class='visually-hidden'"]


@dataclass(frozen=True)
class Piece:
    """A piece of a page: its HTML, and the text it gives, with CUT and BREAK where they fall."""

    html: str
    text: str


def element(tag, hiding, inside):
    html, text = "".join(p.html for p in inside), "".join(p.text for p in inside)
    end = "" if tag in {"a", *INLINE} else CUT
    return Piece(f"<{tag}{hiding}>{html}</{tag}>", end + text + end)


def listed(tag, items):
    item = LISTS[tag]
    html = "".join(f"<{item}>{p.html}</{item}>" for p in items)
    return Piece(f"<{tag}>{html}</{tag}>", CUT + CUT.join(p.text for p in items) + CUT)


def choice(options):
    html = "".join(f"<option>{p.html}</option>" for p in options)
    return Piece(f"<select>{html}</select>", CUT + " ".join(p.text for p in options) + CUT)


WORDS = st.text("abcXYZ09é中ж'&<>\" \n\t\xa0\u200b", min_size=1, max_size=6).map(lambda t: Piece(escape(t), t))
LEAVES = st.one_of(
    WORDS,
    WORDS,
    st.sampled_from([Piece(f"<{tag}>", text) for tag, text in VOID.items()]),
    st.sampled_from([Piece(html, "") for html in UNSEEN] + [Piece("<iframe src=x>unseen</iframe>", CUT)]),
    WORDS.map(lambda p: Piece(f"<textarea>{p.html}</textarea>", CUT + p.text + CUT)),
    st.lists(WORDS, min_size=1, max_size=3).map(choice),
)


def elements(tags, inside):
    return st.builds(element, st.sampled_from(tags), st.sampled_from(HIDING), st.lists(inside, max_size=4))


PHRASES = st.recursive(LEAVES, lambda inner: elements(INLINE, inner), max_leaves=6)
PIECES = st.recursive(
    PHRASES | elements(PHRASING_ALONE, PHRASES),
    lambda inner: st.one_of(
        elements(INLINE, inner),
        elements(BOX + FENCE, inner),
        st.builds(listed, st.sampled_from(list(LISTS)), st.lists(inner, min_size=1, max_size=3)),
    ),
    max_leaves=20,
)
BODIES = st.lists(PIECES, max_size=6)


def page_of(pieces):
    return (
        f"<!doctype html><html><head><title>unseen</title></head><body>{''.join(p.html for p in pieces)}</body></html>"
    )


def expected(pieces):
    text = re.sub(rf"{BREAK}(\s*{BREAK})+", CUT, "".join(p.text for p in pieces))
    return [folded for run in text.split(CUT) if (folded := " ".join(run.replace(BREAK, " ").split()))]


@settings(max_examples=250, deadline=None)
@given(BODIES)
def test_every_visible_text_lies_in_exactly_one_block_and_only_boxes_cut(pieces):
    assert texts(page_of(pieces)) == expected(pieces)


# --- pages of any tags in any order, whose text another walk over the parsed tree tells

SOUP_TAGS = (
    "a b p div span ul li dl dt h2 table tbody tr td th caption select option form button noscript svg title".split()
)
SOUP = st.lists(
    st.one_of(
        st.text("abc09é \n", min_size=1, max_size=4),
        st.sampled_from([f"<{tag}>" for tag in [*SOUP_TAGS, "br", "hr", "img", "body", "head"]]),
        st.sampled_from([f"</{tag}>" for tag in [*SOUP_TAGS, "br", "body", "html"]]),
        st.sampled_from(["<script>x</script>", "<style>x</style>", "<template>x</template>", "<!--x-->", "<p ", "</"]),
    ),
    max_size=30,
).map("".join)
UNSEEN_TAGS = {"head", "title", "script", "style", "template", "svg"}


def walked(html):
    """The visible text nodes of a page, by child and next links."""
    node, found = LexborHTMLParser(html).root, []
    ahead = [node] if node is not None else []
    while ahead:
        node = ahead.pop()
        if node.next is not None:
            ahead.append(node.next)
        if node.tag == "-text":
            found.append(node.text_content or "")
        elif node.tag not in UNSEEN_TAGS and not node.tag.startswith(("-", "!")) and node.child is not None:
            ahead.append(node.child)
    return found


@settings(max_examples=400, deadline=None)
@given(SOUP)
def test_tag_soup_loses_no_text_and_repeats_none(html):
    assert squeezed(texts(html)) == squeezed(walked(html))


@settings(max_examples=150, deadline=None)
@given(SOUP)
def test_runs_follow_each_other_within_their_boxes(html):
    tree = read(html)[0]
    segments = segment(tree)
    assert len(segments.texts) == len(segments.boxes) == len(segments.runs)
    ends = [end for run in segments.runs for end in run]
    assert ends == sorted(ends)
    for box, (first, last) in zip(segments.boxes, segments.runs, strict=True):
        assert first < last
        for owner in tree.owners[first:last]:
            above = owner
            while above > box:
                above = tree.parents[above]
            assert above == box


def test_authored_pages_lose_no_text(authored):
    assert authored
    for name, html in authored.items():
        assert squeezed(texts(html)) == squeezed(walked(html)), name


# --- one rule each


@pytest.mark.parametrize(
    "tag",
    [
        *BOX,
        *FENCE,
        "p",
        "h1",
        "ul",
        "li",
        "dd",
        "form",
        "button",
        "details",
        "fieldset",
        "legend",
        "summary",
        "center",
        "dialog",
        "amp-ad",
    ],
)
def test_a_box_cuts_on_both_sides(tag):
    assert texts(f"<body>a<{tag}>b</{tag}>c") == ["a", "b", "c"]


@pytest.mark.parametrize(
    "tag", [*INLINE, "a", "mark", "q", "s", "kbd", "ins", "del", "bdi", "ruby", "big", "tt", "nobr"]
)
def test_an_inline_element_never_cuts_nor_parts_words(tag):
    assert texts(f"<p>a<{tag}>b</{tag}>c <{tag}></{tag}>d") == ["abc d"]


@pytest.mark.parametrize("void", ["hr", "img src=x", "input", "embed"])
def test_what_stands_between_two_texts_cuts_without_text_of_its_own(void):
    assert texts(f"<div>a<{void}>b</div>") == ["a", "b"]


def test_a_box_cuts_where_it_is_empty_or_inside_an_inline_element():
    assert texts("<div>a<div></div>b<span>c<div></div>d</span>e</div>") == ["a", "bc", "de"]


def test_one_line_break_parts_words_and_two_cut():
    assert texts("<p>a<br>b") == ["a b"]
    assert texts("<p>a<br><br>b<br><br><br>c") == ["a", "b", "c"]


@pytest.mark.parametrize("between", [" ", "\n&nbsp;", "<!-- c -->", "<i></i>", "<i> </i>", "<script>x</script>"])
def test_line_breaks_cut_with_nothing_visible_between(between):
    assert texts(f"<p>a<br>{between}<br>b") == ["a", "b"]


def test_line_breaks_with_text_between_do_not_cut():
    assert texts("<p>a<br>b<br>c") == ["a b c"]
    assert texts("<p>a<br><i>b</i><br>c") == ["a b c"]


def test_line_breaks_in_different_inline_elements_cut():
    assert texts("<p><b>a<br></b><i><br>b</i>") == ["a", "b"]


def test_options_part_words():
    assert texts("<select><optgroup label=x><option>a</option><option>b</option></optgroup></select>") == ["a b"]


def test_a_void_word_break_opportunity_does_not_part_a_word():
    assert texts("<p>extra<wbr>ordinary") == ["extraordinary"]


def test_white_space_is_folded_and_stripped():
    assert texts("<pre>\n  a \t b\r\n\n\xa0c\u3000d  </pre>") == ["a b c d"]


def test_blank_text_nodes_part_words_across_inline_elements():
    assert texts("<p><b>a</b> <i>b</i>\n<u>c</u><i> </i>d") == ["a b c d"]


def test_blocks_of_white_space_alone_are_none():
    assert texts("<p> <p>\n<p>&nbsp;<p>a<div> </div>") == ["a"]


@pytest.mark.parametrize("tag", ["script", "style", "template", "iframe", "noembed", "noframes"])
def test_unseen_text_neither_shows_nor_cuts_a_word(tag):
    got = texts(f"<body><p>a<{tag}>unseen</{tag}>b")
    assert squeezed(got) == "ab"
    assert got == (["a", "b"] if tag == "iframe" else ["ab"])


def test_svg_text_is_unseen_with_all_inside():
    svg = "<svg><title>unseen</title><text>unseen</text><foreignObject><p>unseen</p></foreignObject></svg>"
    assert texts(f"<p>a{svg}b") == ["ab"]


def test_title_is_no_block_in_the_head_or_out_of_it():
    assert texts("<head><title>t</title></head><body><p>a") == ["a"]
    assert texts("<body><p>a</p><title>t</title><p>b") == ["a", "b"]


def test_noscript_and_hidden_elements_are_visible():
    assert texts("<body><noscript>a <img> b</noscript><p hidden>c<p style='display:none'>d") == ["a", "b", "c", "d"]
    assert texts("<head><noscript><link></noscript></head><body><p>e") == ["e"]


def test_blocks_come_in_reading_order():
    html = "<div>a<ul><li>b<ul><li>c</ul>d<li>e</ul>f<table><caption>g<tr><td>h<th>i</table>j</div>k"
    assert texts(html) == list("abcdefghijk")


def test_text_astray_in_a_table_comes_where_a_browser_puts_it():
    assert texts("<table><tr><td>a</td></tr>astray</table>") == ["astray", "a"]


def test_the_box_of_a_block_is_the_nearest_box_around_its_text():
    tree = read("<div><span>a</span><section><b><i>b</i></b></section><button>c</button></div>d")[0]
    assert [tree.tags[box] for box in segment(tree).boxes] == ["div", "section", "button", "body"]


@pytest.mark.parametrize("html", ["", " \n", "<!doctype html>", "<!-- c -->", "<p></p>", "<img>", "<frameset>"])
def test_a_page_without_text_nodes_has_no_blocks(html):
    assert texts(html) == []


def test_a_page_with_a_title_alone_has_no_blocks():
    assert texts("<title>t</title>") == []
