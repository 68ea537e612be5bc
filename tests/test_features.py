"""Features: what cards, headings, pictures and links say of a block."""

from __future__ import annotations

from newsieve.blocks import segment
from newsieve.dom import lexbor
from newsieve.features import PLAIN_FEATURES, featurize
from newsieve.layout import Layout


def rows_of(html):
    """The plain features of a page's blocks, each a dict by name, and their texts."""
    tree = lexbor.read(html)
    layout = Layout(tree, segment(tree))
    return [dict(zip(PLAIN_FEATURES, row, strict=True)) for row in featurize(layout).values], layout.segments.texts


def test_a_card_is_one_of_several_alike_that_hold_more_than_one_block():
    cards = "".join(f"<li class=c><h3>Title {n}</h3><p>Text of it</p></li>" for n in range(4))
    rows, _ = rows_of(f"<main><p>One</p><p>Two</p><p>Three</p></main><ul>{cards}</ul>")
    assert [row["containers.cards"] for row in rows] == [0, 0, 0] + [4] * 8
    assert [row["containers.card_blocks"] for row in rows[3:]] == [2] * 8
    assert [row["containers.from_start_card"] for row in rows[3:]] == [0, 1] * 4


def test_what_a_heading_stands_over_reaches_to_the_next_heading():
    rows, _ = rows_of("<p>Before</p><h2>One</h2><p>a</p><p>b</p><h2>Two</h2><p>c</p>")
    assert [row["containers.headed_blocks"] for row in rows] == [1, 3, 3, 3, 2, 2]
    assert [row["containers.from_start_headed"] for row in rows] == [0, 0, 1, 2, 0, 1]


def test_a_caption_is_compared_with_the_text_of_the_picture_before_it_alone():
    rows, texts = rows_of(
        "<img alt='A red boat'><p>A red boat</p><img alt='The old town'><p>A red boat</p><p>The old town</p>"
    )
    assert [round(float(row["page.own_alt_precision"]), 2) for row in rows] == [1, 0, 1], texts
    assert [round(float(row["page.own_alt_recall"]), 2) for row in rows] == [1, 0, 1]
    assert all(row["page.alt_precision"] == 1 for row in rows)


def test_a_links_target_has_one_of_seven_forms():
    targets = ("#", "#part", "mailto:a@b.example", "/photo.JPG?w=1", "/story", "https://away.example/x")
    rows, _ = rows_of("<p>none</p>" + "".join(f"<p><a href='{target}'>text</a></p>" for target in targets))
    assert [row["box.href_form"] for row in rows] == [0, 1, 2, 3, 4, 5, 6]
