"""Family `containers`: what the elements around a block hold together, and the blocks built alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from newsieve.layout import Bools, Floats, Ints, Layout, running

CONTAINERS = ("parent", "grand", "great", "list", "section", "module", "card")
SPANS = (*CONTAINERS, "headed")  # runs of blocks: those of the containers, and a heading with all up to the next one
CARDS = 3  # siblings built alike from which on each may be a card: one of many teasers, entries, offers, posts
LONG = 80  # characters from which on a block without links reads like a paragraph
# Signs of a block that are averaged over what it lies among: it follows a picture at once, ends as a sentence does,
# has money in it, leads to another site.
AT_ONCE = 4  # on the clock
SIGNS = ("pictured", "ended", "priced", "away")
_STATISTICS = ("blocks", "mean_chars", "spread", "link_share", "long", "long_chars", *SIGNS)
_COUNTED = ("media", "control", "link", "heading", "field")
_ORDERED = ("parent", "grand", "list", "section", "module", "card", "headed")
NAMES = (
    *(f"{name}_{statistic}" for name in (*SPANS, "alike", "twin") for statistic in _STATISTICS),
    *(f"{name}_{counted}" for name in CONTAINERS for counted in _COUNTED),
    *(f"at_{name}" for name in _ORDERED), *(f"from_start_{name}" for name in _ORDERED), "since_heading", "cards",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Places:
    """Where a page's blocks belong, for the sums over what belongs together.

    `elements` (B, CONTAINERS): the element of each container. `first`, `last` (B, SPANS): the blocks of each span,
    first and one after the last. `cards` (B,): how many siblings built alike a block's card is one of; 0 where it is
    in none. `alike` (B,): number of the group of blocks whose box, parent and grandparent have
    the same signatures. `twin` (B,): the same with the element of the text too. `heading` (B,): the heading block
    above, or -1.
    """

    elements: Ints
    first: Ints
    last: Ints
    cards: Ints
    alike: Ints
    twin: Ints
    heading: Ints


def places_of(layout: Layout) -> Places:
    """Find the containers, the group of likes, and the heading of every block."""
    above = layout.ancestors
    parent = above[:, 1]
    lists = layout.nearest(layout.grouped("listing"), parent)
    sections = layout.nearest(layout.grouped("sectioning"), above[:, -1])
    card, cards = _card(layout)
    elements = np.column_stack([parent, above[:, 2], above[:, 3], lists, sections, _module(layout), card])
    inside = layout.inherited(layout.grouped("heading")[:, None].astype(np.int64))[layout.owners, 0] > 0
    edges = zip(layout.spans(elements), _headed(inside), strict=True)
    first, last = (np.column_stack(pair) for pair in edges)
    kinds = layout.kinds[above[:, :3]]
    count = len(layout.signatures)
    key = (kinds[:, 0] * count + kinds[:, 1]) * count + kinds[:, 2]
    alike = np.unique(key, return_inverse=True)[1]
    twin = np.unique(alike * count + layout.kinds[layout.owners], return_inverse=True)[1]
    return Places(elements, first, last, cards, alike, twin, _heading_above(inside))


def _module(layout: Layout) -> Ints:
    """The widest of each block's ancestors that holds no more than a quarter of the page's blocks."""
    first, last = layout.spans(layout.ancestors)
    small = last - first <= max(len(layout) // 4, 8)
    return np.asarray(layout.ancestors[np.arange(len(layout)), np.maximum(small.sum(axis=1) - 1, 0)])


def _card(layout: Layout) -> tuple[Ints, Ints]:
    """The nearest of each block's ancestors that holds other blocks too and has siblings built alike, and how many.

    A block in none is its own card, and has 0.
    """
    key = layout.parents * len(layout.signatures) + layout.kinds
    _, groups, counts = np.unique(key, return_inverse=True, return_counts=True)
    alike = counts[groups][layout.ancestors]
    first, last = layout.spans(layout.ancestors)
    hits = (alike >= CARDS) & (last - first > 1)
    rows, step = np.arange(len(layout)), hits.argmax(axis=1)
    return layout.ancestors[rows, step], np.where(hits[rows, step], np.minimum(alike[rows, step], 100), 0)


def _headed(headings: Bools) -> tuple[Ints, Ints]:
    """The heading block that starts each block's run, and where the run ends; the page's edges stand in for none."""
    count = len(headings)
    starts = np.flatnonzero(headings)
    at = np.searchsorted(starts, np.arange(count), side="right")
    return np.concatenate([[0], starts])[at], np.append(starts, count)[at]


def _heading_above(headings: Bools) -> Ints:
    numbers = np.where(headings, np.arange(len(headings)), -1)
    return np.concatenate([[-1], np.maximum.accumulate(numbers)[:-1]])


def paragraphs(layout: Layout, link_share: Floats) -> Bools:
    """Which blocks read like paragraphs. (B,)"""
    return np.asarray((layout.chars >= LONG) & (link_share < 0.4))


def container_features(layout: Layout, places: Places, link_share: Floats, signs: Floats) -> Floats:
    """Sizes and shares over each container and over the blocks alike, counts of elements, order. (B, NAMES)

    `signs` (B, SIGNS) are 0 or 1.
    """
    sums = np.concatenate([_sums(layout, link_share), signs], axis=1)
    runs = running(sums)
    within = runs[places.last] - runs[places.first]
    groups = [grouped(sums, places.alike), grouped(sums, places.twin)]
    statistics = _statistics(np.concatenate([within, np.stack(groups, axis=1)], axis=1))
    flat = statistics.reshape(len(layout), -1)
    return np.concatenate([flat, _elements(layout, places), _order(layout, places)], axis=1)


def grouped(values: Floats, groups: Ints) -> Floats:
    """Per row the sum of `values` (B, K) over the rows of its group."""
    columns = values.shape[1]
    keys = (groups[:, None] * columns + np.arange(columns)).ravel()
    totals = np.bincount(keys, values.ravel(), (groups.max() + 1) * columns)
    return np.asarray(totals.reshape(-1, columns)[groups])


def _sums(layout: Layout, link_share: Floats) -> Floats:
    """Per block what is added up: one, characters, their square, link characters, paragraphs and their characters."""
    chars = layout.chars.astype(np.float64)
    long = paragraphs(layout, link_share)
    return np.stack([np.ones(len(chars)), chars, chars**2, chars * link_share, long, long * chars], axis=1)


def _statistics(sums: Floats) -> Floats:
    """Sums to `_STATISTICS`, along the last axis."""
    blocks, chars, squares, link_chars, long, long_chars = np.moveaxis(sums[..., :6], -1, 0)
    blocks, chars = np.maximum(blocks, 1), np.maximum(chars, 1)
    mean = chars / blocks
    spread = np.sqrt(np.maximum(squares / blocks - mean**2, 0)) / mean
    shares = np.stack(
        [np.minimum(blocks, 500), mean, spread, link_chars / chars, long / blocks, long_chars / chars], axis=-1
    )
    return np.concatenate([shares, sums[..., 6:] / blocks[..., None]], axis=-1)


def _elements(layout: Layout, places: Places) -> Floats:
    """How many elements of each group lie inside each container."""
    flags = np.column_stack([layout.grouped(name) for name in _COUNTED])
    opened = np.zeros((len(flags) + 1, len(_COUNTED)))
    np.cumsum(flags, axis=0, out=opened[1:])
    stops = np.searchsorted(layout.places, layout.ends[places.elements])
    counts = np.minimum(opened[stops] - opened[places.elements], 100)
    return np.asarray(counts.reshape(len(layout), -1))


def _order(layout: Layout, places: Places) -> Floats:
    """Where the block stands in its containers, and how far from the heading above it."""
    columns = [SPANS.index(name) for name in _ORDERED]
    first, last = places.first[:, columns], places.last[:, columns]
    since = np.arange(len(layout))[:, None] - first
    heading = np.where(places.heading < 0, 60, np.minimum(np.arange(len(layout)) - places.heading, 50))
    return np.column_stack([since / np.maximum(last - first, 1), np.minimum(since, 50), heading, places.cards])
