"""Silver: kinds for rows without gold, by rules, by published texts, and by a teacher that learned from gold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from newsieve.features.context import joined
from newsieve.labels import KINDS, LABELS, Label
from newsieve.layout import Floats
from newsieve.pipeline.folds import Lesson
from newsieve.pipeline.label import GOLD, INSIDE, OUTSIDE, RULE
from newsieve.pipeline.linear import Odds
from newsieve.pipeline.tables import Table

TEACHER = "model"  # the source of labels that the teacher alone gives
_CONTENT = LABELS.index(Label.CONTENT)


@dataclass(frozen=True)
class Silver:
    """What a row's label weighs by its source (rule, text, snippets, model), and how sure the teacher has to be."""

    weights: Mapping[Any, float]
    confidence: float

    def __bool__(self) -> bool:
        return any(self.weights.values())


def without_gold(table: Table) -> npt.NDArray[np.bool_]:
    """The pages that have no gold. (P,)"""
    gold = (table.about["source"] == GOLD).to_numpy()
    return ~np.logical_or.reduceat(gold, table.starts[:-1]) if len(table) else np.zeros(0, dtype=bool)


def extended(lesson: Lesson, table: Table, shares: Floats, odds: Odds, counted: Floats, silver: Silver) -> Lesson:
    """`lesson` with kinds and weights for the rows of pages without gold.

    `shares` (N, 4) are the teacher's probabilities of the labels, `odds` (N, 2 K) the evidence beside it, `counted`
    (4, K) which kinds count as which label. Where a published text says inside or outside, the teacher chooses
    among the labels that this leaves; of what it chooses it has to be sure.
    """
    about = table.about
    main = about["main"].to_numpy()[:, None]
    content = np.arange(len(LABELS)) == _CONTENT
    left = np.where(((main == INSIDE) & ~content) | ((main == OUTSIDE) & content), 0, shares)
    labels = left.argmax(axis=1)
    sure = left.max(axis=1) >= silver.confidence * np.maximum(left.sum(axis=1), 1e-9)
    source = about["source"].replace("", TEACHER)
    by_rule = (source == RULE).to_numpy()
    kinds = np.where(by_rule, about["kind"], likeliest_kinds(labels, joined(odds), counted)).astype(np.int8)
    weights = source.map(dict(silver.weights)).fillna(0).to_numpy(dtype=np.float64) * (sure | by_rule)
    bare = np.repeat(without_gold(table), np.diff(table.starts))
    return Lesson(np.where(bare, kinds, lesson.kinds).astype(np.int8), np.where(bare, weights, lesson.weights))


def likeliest_kinds(labels: npt.NDArray[np.intp], by_kind: Floats, counted: Floats) -> npt.NDArray[np.intp]:
    """Of each row the likeliest kind (N, K) among those that count as its label (4, K)."""
    return np.asarray(np.where(counted[labels] > 0, by_kind, -1).argmax(axis=1))


def counted_as(kinds: Mapping[Any, str]) -> Floats:
    """Which kinds count as which label, from a label's letters as params.yaml and model.json have them. (4, K)"""
    return np.array([[float(kind.value in kinds[label].split()) for kind in KINDS] for label in LABELS])
