"""What the learned evidence reads: buckets of a text's words, and of the words on a block's path to the root."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from newsieve.characters import Hashes, buckets
from newsieve.layout import Bools, Ints, Layout
from newsieve.signatures import PATH_BUCKETS, bucket

OWN, NEAR, FAR = range(3)  # the block's elements up to its box; the box's next ancestors; those above them
NEAR_STEPS = 3
HREF_WORDS = 8
_HREF_WORD = re.compile(r"[a-zA-Z]{3,20}")


@dataclass(frozen=True, slots=True)
class Tokens:
    """Numbers below some count of buckets for each of B rows: those of row ``k`` are where `rows` is ``k``; sorted."""

    rows: Ints
    numbers: Ints

    def of_rows(self, wanted: Bools) -> Tokens:
        """Those of the `wanted` rows (B,), which are counted anew."""
        kept = wanted[self.rows]
        return Tokens((np.cumsum(wanted) - 1)[self.rows[kept]], self.numbers[kept])

    def lists(self, count: int) -> list[Ints]:
        """The distinct numbers of each of `count` rows, in ascending order."""
        order = np.lexsort((self.numbers, self.rows))
        rows, numbers = self.rows[order], self.numbers[order]
        return np.split(numbers, np.searchsorted(rows, np.arange(1, count)))


def text_tokens(rows: Ints, words: Hashes) -> Tokens:
    """The words and pairs of words of the texts, as `Characters.words` gives them."""
    return Tokens(*buckets(rows, words))


@dataclass(frozen=True, slots=True)
class Path:
    """The path of each block as signatures: `kinds` (B, steps) their numbers, `there` (B, steps) whether the step
    exists, `spans` the columns of OWN, NEAR and FAR; and `links`, the words of where the block's link leads.
    """

    kinds: Ints
    there: Bools
    spans: tuple[slice, slice, slice]
    links: Tokens


def path_of(layout: Layout, hrefs: list[str | None]) -> Path:
    """Walk up from each block."""
    inline, above = layout.inline, layout.ancestors
    chain = np.concatenate([np.maximum(inline, 0), above], axis=1)
    real = np.ones_like(above, dtype=bool)
    real[:, 1:] = above[:, 1:] != above[:, :-1]  # the root repeats
    own = inline.shape[1] + 1
    spans = (slice(0, own), slice(own, own + NEAR_STEPS), slice(own + NEAR_STEPS, chain.shape[1]))
    return Path(layout.kinds[chain], np.concatenate([inline >= 0, real], axis=1), spans, _link_tokens(hrefs))


def path_tokens(path: Path, layout: Layout) -> Tokens:
    """The words of every step, those of OWN, NEAR and FAR in ranges of PATH_BUCKETS each; the links' with OWN."""
    counts = np.array([len(s.words) for s in layout.signatures])
    words = np.array([word for s in layout.signatures for word in s.words])
    first = np.cumsum(counts) - counts
    rows, numbers = [path.links.rows], [path.links.numbers]
    for part, span in enumerate(path.spans):
        at, steps = np.nonzero(path.there[:, span])
        kinds = path.kinds[:, span][at, steps]
        sizes = counts[kinds]
        within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        rows.append(np.repeat(at, sizes))
        numbers.append(words[np.repeat(first[kinds], sizes) + within] + part * PATH_BUCKETS)
    return Tokens(np.concatenate(rows), np.concatenate(numbers))


def _link_tokens(hrefs: list[str | None]) -> Tokens:
    words = {href: _href_words(href) for href in set(hrefs) if href}
    lists = [words.get(href or "", ()) for href in hrefs]
    rows = np.repeat(np.arange(len(lists)), [len(numbers) for numbers in lists])
    return Tokens(rows, np.array([number for numbers in lists for number in numbers], dtype=np.int64))


def _href_words(href: str) -> tuple[int, ...]:
    """Buckets of the words of a target without its query."""
    found = _HREF_WORD.findall(href[:160].split("?", 1)[0])[:HREF_WORDS]
    return tuple([bucket("href " + word.lower()) for word in found])
