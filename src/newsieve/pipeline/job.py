"""One job of learning: its rows, and the fits on them with silver, out of fold, and after one's own pages."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd
from tqdm import tqdm

from newsieve.features import PLAIN_FEATURES, learned
from newsieve.features.lines import SHARED, line_features
from newsieve.labels import KINDS, LABELS, Label
from newsieve.pipeline.corpora import OWN
from newsieve.pipeline.folds import Fit, Folds, HeldOut, Lesson, folds_of
from newsieve.pipeline.label import GOLD
from newsieve.pipeline.learners import Curve, Floats, Learning, Model, Values
from newsieve.pipeline.linear import Odds, Words, odds_of
from newsieve.pipeline.silver import Silver, extended
from newsieve.pipeline.tables import Table

PAGE_FOLDS = 3  # of one's own pages, to see what learning from the others of a site gives


@dataclass(frozen=True)
class Job:
    """What all fits share: the rows, their folds, what they weigh by corpus (else 1) and label (else 1), how to learn.

    `of_kind` is label_of_kind's; `columns` the numbers in FEATURES of what the learner takes.
    """

    table: Table
    of_kind: npt.NDArray[np.int8]
    folds: Folds
    corpus_weights: dict[str, float]
    label_weights: dict[Label, float]
    columns: npt.NDArray[np.int64]
    learning: Learning

    @cached_property
    def gold(self) -> Lesson:
        """What rows with gold teach."""
        about = self.table.about
        kinds = np.where(about["source"] == GOLD, about["kind"], -1).astype(np.int8)
        by_corpus = about["corpus"].map(self.corpus_weights).fillna(1.0).to_numpy(dtype=np.float64)
        return Lesson(kinds, by_corpus * self.by_label(kinds))

    def by_label(self, kinds: npt.NDArray[np.int8]) -> Floats:
        """What rows of these kinds weigh by their label."""
        weights = np.array([*(self.label_weights.get(label, 1.0) for label in LABELS), 0.0])
        return np.asarray(weights[self.of_kind[kinds]])

    @cached_property
    def words(self) -> Words:
        """The rows' tokens as the evidence takes them."""
        return Words.of(self.table.text, self.table.path, self.table.about["site"].to_numpy())

    def features(self, odds: Odds) -> Values:
        """The columns that the learner takes, of all rows by their odds."""
        parts = [learned(odds[a:b], places) for a, b, places in self.table.by_page()]
        return np.concatenate([self.table.values, np.concatenate(parts)], axis=1)[:, self.columns]

    def line_features(self, odds: Odds) -> Values:
        """The same for text mode: of the plain features those that lines have too, of the odds those by text."""
        shared = self.table.values[:, [PLAIN_FEATURES.index(name) for name in SHARED]]
        by_text = odds[:, : len(KINDS)]
        return np.concatenate([line_features(shared[a:b], by_text[a:b]) for a, b, _ in self.table.by_page()])


@dataclass(frozen=True)
class Fits:
    """What was learned beside the evidence: of blocks, and of lines in text mode."""

    blocks: Model
    lines: Model

    @classmethod
    def of(cls, job: Job, odds: Odds, lesson: Lesson) -> Fits:
        """Learn from the rows with a weight above 0."""
        fit, labels = job.learning.fit, job.of_kind[lesson.kinds]
        return cls(
            fit(job.features(odds), labels, lesson.weights), fit(job.line_features(odds), labels, lesson.weights)
        )


def taught(job: Job, held: HeldOut, counted: Floats, silver: Silver) -> list[Lesson]:
    """A lesson for each fold and the last, with silver by a teacher that has seen no gold of the fold."""
    lessons = []
    for fold, odds in enumerate(tqdm(held.odds, desc="teachers", unit="fit")):
        features = job.features(odds)
        weights = np.where(job.folds == fold, 0, job.gold.weights)
        teacher = job.learning.fit(features, job.of_kind[job.gold.kinds], weights)
        lesson = extended(job.gold, job.table, teacher.predict(features), odds, counted, silver)
        rows = job.gold.kinds < 0
        lessons.append(
            Lesson(lesson.kinds, np.where(rows, lesson.weights * job.by_label(lesson.kinds), lesson.weights))
        )
    return lessons


def judge(job: Job, held: HeldOut, lessons: list[Lesson]) -> tuple[Floats, list[Fits], pd.DataFrame]:
    """Probabilities of all rows by the models of their folds (N, 2 x 4), these, and the mean of their curves."""
    shares, found, curves = np.zeros((len(job.table), 2 * len(LABELS))), [], []
    for fold, odds in enumerate(tqdm(held.odds[:-1], desc="folds", unit="fold")):
        inside = job.folds == fold
        labels, weights = job.of_kind[lessons[fold].kinds], np.where(inside, 0, lessons[fold].weights)
        curve = Curve(np.flatnonzero(inside & (job.gold.kinds >= 0)))
        features, lines = job.features(odds), job.line_features(odds)
        fits = Fits(job.learning.fit(features, labels, weights, curve), job.learning.fit(lines, labels, weights))
        shares[inside] = np.hstack([fits.blocks.predict(features[inside]), fits.lines.predict(lines[inside])])
        found.append(fits)
        curves.append(curve.table())
    return shares, found, pd.concat(curves).groupby("round").mean().round(5).reset_index()


def after(job: Job, fit: Fit, held: HeldOut, lesson: Lesson) -> Floats:
    """Probabilities of the rows of one's own pages by a model that has seen the other own pages (N, 4); else NaN.

    In judge none of a site is seen; here a fold is of pages. The judged page's labels can reach the odds of the rows
    that are learned from, though never its own odds.
    """
    shares = np.full((len(job.table), len(LABELS)), np.nan)
    about, labels = job.table.about, job.of_kind[lesson.kinds]
    own = (about["corpus"] == OWN).to_numpy()
    if about.loc[own, "page"].nunique() < PAGE_FOLDS:
        return shares
    folds = np.full(len(about), -1)
    pages = about.loc[own, "page"].to_numpy()
    folds[own] = folds_of(pages, np.ones(len(pages), dtype=bool), PAGE_FOLDS, 0)
    for fold in tqdm(range(PAGE_FOLDS), desc="one's own pages", unit="fold"):
        inside = folds == fold
        weights = np.where(inside, 0, lesson.weights)
        odds = held.odds[-1].copy()
        odds[inside] = odds_of(fit(lesson.kinds, weights), job.words, np.flatnonzero(inside))
        features = job.features(odds)
        shares[inside] = job.learning.fit(features, labels, weights).predict(features[inside])
    return shares
