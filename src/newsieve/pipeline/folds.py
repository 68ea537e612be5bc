"""Holding sites out: their folds, and evidence on rows that it has not learned from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import GroupKFold
from tqdm import tqdm

from newsieve.evidence import Evidence
from newsieve.labels import KINDS
from newsieve.pipeline.linear import Odds, Words, odds_of

Folds = npt.NDArray[np.int64]
Fit = Callable[[npt.NDArray[np.int8], npt.NDArray[np.float64]], Evidence]


def folds_of(sites: npt.NDArray[np.object_], dealt: npt.NDArray[np.bool_], folds: int, seed: int) -> Folds:
    """The fold of each row by its site: no site is in two.

    Folds are dealt among the sites of the rows that are `dealt` (N,), so as to be of one size. A site that has no such
    row gets its fold by a hash of its name, so that no other site changes its fold when one comes or goes.
    """
    found = {site: int(sha256(f"{seed} {site}".encode()).hexdigest(), 16) % folds for site in set(sites)}
    splitter = GroupKFold(folds, shuffle=True, random_state=seed)
    known = sites[dealt]
    for fold, (_, held_out) in enumerate(splitter.split(known, groups=known) if len(known) else ()):
        found |= dict.fromkeys(known[held_out], fold)
    return np.array([found[site] for site in sites], dtype=np.int64)


@dataclass(frozen=True)
class Lesson:
    """What evidence learns from: per row a kind (a number in KINDS, or -1) and a weight."""

    kinds: npt.NDArray[np.int8]
    weights: npt.NDArray[np.float64]


@dataclass(frozen=True)
class HeldOut:
    """Evidence by fold that is held out, the last holding out none, and the odds of all N rows beside each.

    `evidence[a]` has seen no row of fold a. `odds[a]` (N, 2 K) are what the trees of fold a work on: of its own rows by
    that evidence, of the rows of another fold b by evidence that has seen neither a nor b. The last evidence has seen
    all rows, and the last odds, for the trees beside it, are of each row by evidence that has not seen its fold.
    """

    evidence: list[Evidence]
    odds: list[Odds]


def hold_out(words: Words, folds: Folds, lessons: Sequence[Lesson], fit: Fit) -> HeldOut:
    """Fit evidence on the rows of `words` but what is held out.

    `lessons` has one for each fold and one more, for what a fold's evidence may learn can differ by fold (silver).
    """
    count = len(lessons) - 1
    parts = [np.flatnonzero(folds == fold) for fold in range(count)]
    fitted: dict[tuple[int, frozenset[int]], Evidence] = {}

    def key_of(lesson: Lesson, *left_out: int) -> tuple[int, frozenset[int]]:
        return id(lesson), frozenset(left_out) - {count}  # the last lesson's own number is no fold

    distinct = {key_of(lesson, a, b) for a, lesson in enumerate(lessons) for b in range(count)}
    progress = tqdm(desc="evidence", unit="fit", total=len(distinct) + 1)

    def without(lesson: Lesson, *left_out: int) -> Evidence:
        if (key := key_of(lesson, *left_out)) not in fitted:
            fitted[key] = fit(lesson.kinds, np.where(np.isin(folds, left_out), 0, lesson.weights))
            progress.update()
        return fitted[key]

    odds = [np.zeros((len(folds), 2 * len(KINDS)), dtype=np.float32) for _ in lessons]
    for a, lesson in enumerate(lessons):
        for b, rows in enumerate(parts):
            odds[a][rows] = odds_of(without(lesson, a, b), words, rows)
    evidence = [without(lesson, a) for a, lesson in enumerate(lessons)]
    progress.close()
    return HeldOut(evidence, odds)
