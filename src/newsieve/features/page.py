"""Family `page`: the block against the whole page: its place, the main column, the title, repeats."""

from __future__ import annotations

from collections import Counter

import numpy as np

from newsieve.characters import Characters, Hashes, Ints, mixed
from newsieve.features.containers import LONG, paragraphs
from newsieve.layout import Bools, Floats, Layout, running

SHARES = (0.4, 0.7)
_LIKENESS_BUCKETS = 1 << 15
_PICTURE = np.uint64(0xC2B2AE3D27D4EB4F)  # an odd number, which keeps pictures apart
_COLUMN = ("up", "down", "at", "before", "after")
PLACE = ("position", "char_position", "from_start", "from_end", "page_blocks", "page_chars")
REPEATS = ("repeats", "stood_before")
NAMES = (
    *PLACE, "page_link_share", "page_long", "page_long_chars", "page_media", "page_is_article",
    *(f"column{round(share * 100)}_{name}" for share in SHARES for name in _COLUMN),
    "title_precision", "title_recall", "description_precision", "alt_precision",
    "own_alt_precision", "own_alt_recall", "headlines_before", "from_headline",
    *REPEATS,
)  # fmt: skip


def page_features(layout: Layout, link_share: Floats, rows: Ints, words: Hashes) -> Floats:
    """All of the family; `rows` and `words` are the page's words as `Characters.words` gives them. (B, NAMES)"""
    long = paragraphs(layout, link_share)
    columns = [*place(layout.chars), *_whole(layout, link_share, long)]
    for share in SHARES:
        columns += _column(layout, long, share)
    return np.stack(
        [*columns, *_likeness(layout, rows, words), *_headlines(layout), *repeats(layout.segments.texts)], axis=1
    )


def place(chars: Ints) -> list[Floats]:
    """`PLACE`: where each block stands on its page, by the lengths of all, and the page's size."""
    count, sums = len(chars), np.cumsum(chars)
    numbers = np.arange(count)
    start, end = np.minimum(numbers, 300), np.minimum(count - 1 - numbers, 300)
    size = [np.full(count, float(figure)) for figure in (min(count, 2000), min(sums[-1], 100_000))]
    return [numbers / count, (sums - chars) / sums[-1], start, end, *size]


def _whole(layout: Layout, link_share: Floats, long: Bools) -> list[Floats]:
    """Figures of the page, the same for all its blocks."""
    chars = layout.chars
    total = chars.sum()
    figures = (
        (chars * link_share).sum() / total, long.mean(),
        (long * chars).sum() / total, min(layout.grouped("media").sum(), 300), _is_article(layout),
    )  # fmt: skip
    return [np.full(len(layout), float(figure)) for figure in figures]


def _is_article(layout: Layout) -> bool:
    """Whether the page says of itself (og:type) that it is an article."""
    return "article" in layout.meta.get("og:type", "")


def _column(layout: Layout, long: Bools, share: float) -> list[Floats]:
    """Nearness to the deepest element that holds `share` of the page's paragraph text: its main column.

    Levels from the block and from the column up to where both meet, place within the column, blocks from its
    first and from its last paragraph.
    """
    mass = long * layout.chars + 1e-3 * layout.chars
    runs = running(mass)
    first, last = layout.spans(np.arange(len(layout.places)))
    candidates = np.flatnonzero(runs[last] - runs[first] >= share * runs[-1])
    column = candidates[np.argmax(layout.depths[candidates])]
    chain = candidates[
        (layout.places[candidates] <= layout.places[column]) & (layout.ends[candidates] >= layout.ends[column])
    ]
    inside = (layout.places[chain] <= layout.starts[:, None]) & (layout.ends[chain] > layout.starts[:, None])
    meet = layout.depths[chain[np.maximum(inside.sum(axis=1) - 1, 0)]]
    numbers, start, stop = np.arange(len(layout)), first[column], last[column]
    texts = start + np.flatnonzero(mass[start:stop] >= LONG)
    edges = (texts[0], texts[-1]) if len(texts) else (start, start)
    return [
        np.minimum(layout.depths[layout.boxes] - meet, 40),
        np.minimum(layout.depths[column] - meet, 40),
        np.clip((numbers - start) / max(stop - start, 1), -2, 3),
        *(np.clip(numbers - edge, -100, 100) for edge in edges),
    ]


def _likeness(layout: Layout, rows: Ints, words: Hashes) -> list[Floats]:
    """Share of the block's words in the page's title, description and pictures' texts, of the title's in the block, and
    both ways for the text of the picture before the block alone.
    """
    description = layout.meta.get("description") or layout.meta.get("og:description", "")
    places, alts = layout.alts
    alt_rows, alt_words = _words(alts)
    tables = [_table(_words(_pieces(text))[1]) for text in (layout.title, description)] + [_table(alt_words)]
    own = mixed(words, _LIKENESS_BUCKETS)
    count = np.maximum(np.bincount(rows, minlength=len(layout)), 1)
    shared = [np.bincount(rows, table[own], len(layout)) for table in tables]
    recall = np.minimum(shared[0] / max(tables[0].sum(), 1), 1)
    before = np.searchsorted(places, layout.starts) - 1
    both = _table(_of_picture(alt_words, alt_rows))[mixed(_of_picture(words, before[rows]), _LIKENESS_BUCKETS)]
    near = np.bincount(rows, both & (before[rows] >= 0), len(layout))
    sizes = np.append(np.bincount(alt_rows, minlength=len(alts)), 1)[before]
    return [
        shared[0] / count, recall, shared[1] / count, shared[2] / count,
        near / count, np.minimum(near / np.maximum(sizes, 1), 1),
    ]  # fmt: skip


def _words(texts: list[str]) -> tuple[Ints, Hashes]:
    """As Characters.words, of texts that may be none."""
    return Characters(texts).words() if texts else (np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.uint64))


def _pieces(text: str) -> list[str]:
    """A text as pieces that Characters takes whole."""
    return [text[at : at + 200] for at in range(0, min(len(text), 20_000), 200)]


def _table(words: Hashes) -> Bools:
    """Which buckets the words are in. (_LIKENESS_BUCKETS,)"""
    table = np.zeros(_LIKENESS_BUCKETS, dtype=bool)
    table[mixed(words, _LIKENESS_BUCKETS)] = True
    return table


def _of_picture(words: Hashes, pictures: Ints) -> Hashes:
    """Hashes of the words as those of a picture's text."""
    return words ^ ((pictures + 2).astype(np.uint64) * _PICTURE)


def _headlines(layout: Layout) -> list[Floats]:
    """How many h1 opened before the block, and blocks since the last (to the next, negative, where none was yet)."""
    starts = np.searchsorted(layout.starts, layout.places[layout.grouped("h1")])
    numbers = np.arange(len(layout))
    if not len(starts):
        return [np.zeros(len(layout)), np.full(len(layout), 200.0)]
    index = np.searchsorted(starts, numbers, side="right")
    since = np.clip(numbers - starts[np.maximum(index - 1, 0)], -100, 150)
    return [np.minimum(index, 3), since]


def repeats(texts: list[str]) -> list[Floats]:
    """`REPEATS`: how often the very text stands on the page, and whether it stood there before."""
    folded = [text.lower() for text in texts]
    counts, first = Counter(folded), {text: k for k, text in reversed(list(enumerate(folded)))}
    again = [first[text] < k for k, text in enumerate(folded)]
    return [np.array([min(counts[text], 20) for text in folded]), np.array(again)]
