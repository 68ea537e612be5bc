"""A page as numpy arrays: elements, blocks, and who lies in whom."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

from newsieve.blocks import Segments
from newsieve.dom.tree import Tree
from newsieve.signatures import GROUP_NAMES, Key, key_of, signature

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Real = TypeVar("Real", bound=np.floating[Any])

ABOVE = 16  # ancestors of a block that are looked at, the box itself the first
INLINE = 4  # elements between a block's text and its box that are looked at


class Layout:
    """The arrays of one page with E elements and B > 0 blocks, all int64 unless said otherwise.

    Elements (E,): `places` and `ends` (the clock when the element opens, and when it has closed), `parents`
    (0 for the root's own), `kinds` (the number of its signature). Signatures (S, groups): `groups` (bool).
    Blocks (B,): `boxes`, `owners` (the element that holds the first text), `starts` and `stops` (the clock at
    the first text, and after the last), `chars`.
    """

    def __init__(self, tree: Tree, segments: Segments, url: str | None = None) -> None:
        self.tree, self.segments, self.url = tree, segments, url
        self.places = np.array(tree.places)
        self.ends = np.array(_ends(tree))
        self.parents = np.maximum(np.array(tree.parents), 0)
        self.boxes = np.array(segments.boxes)
        first = np.array([run[0] for run in segments.runs])
        last = np.array([run[1] for run in segments.runs]) - 1
        text_places = np.array(tree.text_places)
        self.owners = np.array(tree.owners)[first]
        self.starts, self.stops = text_places[first], text_places[last] + 1
        self.chars = np.array([len(text) for text in segments.texts])
        self._read_signatures(tree)

    def _read_signatures(self, tree: Tree) -> None:
        numbers: dict[Key, int] = {}
        kinds = [
            numbers.setdefault(key_of(tag, attributes), len(numbers))
            for tag, attributes in zip(tree.tags, tree.attributes, strict=True)
        ]
        self.kinds = np.array(kinds)
        self.signatures = [signature(key) for key in numbers]
        groups = [s.groups for s in self.signatures]
        self.groups = np.zeros((len(groups), len(GROUP_NAMES)), dtype=bool)
        rows = np.repeat(np.arange(len(groups)), [len(g) for g in groups])
        self.groups[rows, [number for g in groups for number in g]] = True

    def __len__(self) -> int:
        return len(self.segments.texts)

    def grouped(self, name: str) -> Bools:
        """Per element whether its signature is in the group. (E,)"""
        return np.asarray(self.groups[self.kinds, GROUP_NAMES.index(name)])

    @cached_property
    def _closed(self) -> tuple[Ints, Ints]:
        """The elements in the order in which they close, and per element how many closed before it opened."""
        order = np.argsort(self.ends, kind="stable")
        return order, np.searchsorted(self.ends[order], self.places, side="right")

    @cached_property
    def depths(self) -> Ints:
        """Ancestors of each element. (E,)"""
        return np.arange(len(self.places)) - self._closed[1]

    def inherited(self, values: npt.NDArray[np.int64]) -> Ints:
        """Per element the sum of `values` (E, K) over itself and its ancestors: of all opened less all closed."""
        order, closed = self._closed
        sums = np.zeros((len(values) + 1, values.shape[1]), dtype=np.int64)
        np.cumsum(values[order], axis=0, out=sums[1:])
        return np.asarray(np.cumsum(values, axis=0) - sums[closed])

    @cached_property
    def meta(self) -> dict[str, str]:
        """The page's meta elements: name or property, in lower case, to content; of twins the first."""
        found: dict[str, str] = {}
        tags, attributes = self.tree.tags, self.tree.attributes
        for number in [i for i, tag in enumerate(tags[:1000]) if tag == "meta"]:
            own = attributes[number]
            name = own.get("property") or own.get("name") or ""
            found.setdefault(name.lower(), own.get("content") or "")
        return found

    @cached_property
    def title(self) -> str:
        """The page's title as its head gives it: og:title, else the title element."""
        if title := self.meta.get("og:title"):
            return title
        tags, owners = self.tree.tags, self.tree.owners[:50]
        return next((self.tree.texts[j] for j, owner in enumerate(owners) if tags[owner] == "title"), "")

    @cached_property
    def alts(self) -> tuple[Ints, list[str]]:
        """The texts that stand for the page's first pictures, where there are any, and the places of these pictures."""
        attributes = self.tree.attributes
        numbers = np.flatnonzero(self.grouped("media"))[:300].tolist()
        found = [(i, alt) for i in numbers if (alt := (attributes[i].get("alt") or "").strip())]
        return self.places[np.array([i for i, _ in found], dtype=np.int64)], [alt for _, alt in found]

    @cached_property
    def ancestors(self) -> Ints:
        """Each block's box, the box's parent, and so on; the root repeats. (B, ABOVE)"""
        return self._chain(self.boxes, ABOVE)

    @cached_property
    def inline(self) -> Ints:
        """The element of each block's text, its parent, and so on below the box; else -1. (B, INLINE)"""
        chain = self._chain(self.owners, INLINE)
        return np.where(chain > self.boxes[:, None], chain, -1)

    def _chain(self, elements: Ints, steps: int) -> Ints:
        chain = np.empty((len(elements), steps), dtype=np.int64)
        for step in range(steps):
            chain[:, step] = elements
            elements = self.parents[elements]
        return chain

    def nearest(self, flags: Bools, default: Ints) -> Ints:
        """Per block the nearest flagged one of its `ancestors`, else `default`. (E,) to (B,)"""
        hits = flags[self.ancestors]
        step = hits.argmax(axis=1)
        rows = np.arange(len(self))
        return np.where(hits[rows, step], self.ancestors[rows, step], default)

    def spans(self, elements: Ints) -> tuple[Ints, Ints]:
        """The first block inside each element, and the one after its last."""
        first = np.searchsorted(self.starts, self.places[elements])
        return first, np.searchsorted(self.starts, self.ends[elements])


def _ends(tree: Tree) -> list[int]:
    """The clock when each element has closed."""
    ends = [place + 1 for place in tree.places]
    for owner, place in zip(tree.owners, tree.text_places, strict=True):
        ends[owner] = place + 1
    parents = tree.parents
    for number in range(len(ends) - 1, 0, -1):
        parent = parents[number]
        ends[parent] = max(ends[parent], ends[number])
    return ends


def softmax(scores: npt.NDArray[Real]) -> npt.NDArray[Real]:
    """Probabilities of the columns, row by row, in the precision of the scores."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return cast("npt.NDArray[Real]", powers / powers.sum(axis=1, keepdims=True))


def running(values: Iterable[float] | Floats) -> Floats:
    """Sums of the first 0, 1, 2, ... values along the first axis."""
    array = np.asarray(values, dtype=np.float64)
    sums = np.zeros((len(array) + 1, *array.shape[1:]))
    np.cumsum(array, axis=0, out=sums[1:])
    return sums
