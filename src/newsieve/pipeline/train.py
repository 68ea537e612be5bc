"""Stage train: tables to a model folder, and to probabilities out of fold by site for the stage evaluate."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Annotated, Literal

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field
from sklearn.model_selection import GroupKFold
from tqdm import tqdm

from newsieve.classifier import FORMAT
from newsieve.evidence import Evidence
from newsieve.features import FAMILIES, FEATURES, PLAIN_FEATURES, learned
from newsieve.features.lines import LINE_FEATURES, SHARED, line_features
from newsieve.labels import KINDS, LABELS, Label
from newsieve.pipeline.errors import PipelineError
from newsieve.pipeline.label import GOLD
from newsieve.pipeline.linear import Odds, Phrases, Settings, Words, fit_evidence, odds_of
from newsieve.pipeline.tables import Table, read_tables

log = logging.getLogger(__name__)

Share = Annotated[float, Field(gt=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Family = Literal["text", "box", "containers", "page", "text_evidence", "path_evidence", "context"]
Weight = Annotated[float, Field(ge=0, le=10)]
Penalty = Annotated[float, Field(gt=0, le=1)]
Floats = npt.NDArray[np.float64]
Values = npt.NDArray[np.float32]


def train(
    tables: Path,
    authored: Path,
    phrases: Path,
    model: Path,
    judged: Path,
    *,
    kinds: dict[Label, str],
    families: list[Family],
    folds: Annotated[int, Field(ge=3, le=20)],
    seed: int,
    text_penalty: Penalty,
    path_penalty: Penalty,
    passes: Count,
    authored_weight: Weight,
    phrase_weight: Weight,
    label_weights: dict[Label, Weight],
    rounds: Count,
    learning_rate: Share,
    leaves: Annotated[int, Field(ge=2, le=256)],
    leaf_rows: Count,
    feature_share: Share,
    row_share: Share,
    l2: Annotated[float, Field(ge=0)],
) -> None:
    """Train on all rows of `tables` (a folder) and `authored` (a table), and on `phrases` (a folder).

    Writes the folder `model` and the table `judged`. The latter holds, for every row with gold, the probabilities by
    a model that saw no page of the row's site.
    """
    paths = sorted(tables.glob("*.parquet"))
    if not paths:
        raise PipelineError(f"{tables} holds no tables; git keeps them: git checkout -- {tables}")
    table = read_tables([*paths, authored])
    of_kind = label_of_kind(kinds)
    boosting = {
        "objective": "multiclass", "num_class": len(LABELS), "learning_rate": learning_rate, "num_leaves": leaves,
        "min_data_in_leaf": leaf_rows, "feature_fraction": feature_share, "bagging_fraction": row_share,
        "bagging_freq": 1, "lambda_l2": l2, "max_bin": 127, "seed": seed, "num_threads": 2, "deterministic": True,
        "force_row_wise": True, "verbose": -1,
    }  # fmt: skip
    columns = np.array([k for k, name in enumerate(FEATURES) if name.split(".")[0] in families])
    by_label = np.array([*(label_weights.get(label, 1.0) for label in LABELS), 0.0])
    weights = _weights(table, authored_weight) * by_label[of_kind[table.about["kind"].to_numpy()]]
    job = _Job(table, of_kind, fold_of(table, folds, seed), weights, columns, boosting, rounds)
    settings = Settings(text_penalty, path_penalty, passes)
    evidence, held_out, own = _evidence(job, Phrases.read(phrases, phrase_weight), settings, folds)
    _judge(job, held_out, own, judged)
    _save(model, evidence, [job.fit(own, job.weights), job.fit_lines(own, job.weights)], job, kinds)


def label_of_kind(kinds: dict[Label, str]) -> npt.NDArray[np.int8]:
    """Per kind the number of its label; the last entry, for rows without a kind, is -1. Raises PipelineError."""
    found = {kind: LABELS.index(label) for label, letters in kinds.items() for kind in letters.split()}
    if missing := [kind.value for kind in KINDS if kind not in found] or sorted(set(found) - set(KINDS)):
        raise PipelineError(f"params.yaml: train.kinds must give each of the 12 kinds one label; see {missing[0]!r}")
    return np.array([*(found[kind] for kind in KINDS), -1], dtype=np.int8)


def fold_of(table: Table, folds: int, seed: int) -> npt.NDArray[np.int64]:
    """The fold of each row: no site is in two."""
    found = np.zeros(len(table), dtype=np.int64)
    sites = table.about["site"].to_numpy()
    splitter = GroupKFold(folds, shuffle=True, random_state=seed)
    for fold, (_, held_out) in enumerate(splitter.split(sites, groups=sites)):
        found[held_out] = fold
    return found


def _weights(table: Table, authored_weight: float) -> Floats:
    """What each row weighs in training before its label does: 0 without gold."""
    gold = (table.about["source"] == GOLD).to_numpy(dtype=np.float64)
    return np.asarray(gold * np.where(table.about["corpus"] == "authored", authored_weight, 1.0))


@dataclass(frozen=True)
class _Job:
    """What all fits share."""

    table: Table
    of_kind: npt.NDArray[np.int8]
    folds: npt.NDArray[np.int64]
    weights: Floats
    columns: npt.NDArray[np.int64]
    boosting: dict[str, object]
    rounds: int

    @property
    def labels(self) -> npt.NDArray[np.int8]:
        return np.asarray(self.of_kind[self.table.about["kind"].to_numpy()])

    def features(self, odds: Odds) -> Values:
        """The columns that the trees take, of all rows by their odds."""
        parts = [learned(odds[a:b], self.table.places[page]) for page, a, b in self._spans()]
        return np.concatenate([self.table.values, np.concatenate(parts)], axis=1)[:, self.columns]

    def line_features(self, odds: Odds) -> Values:
        """The same for text mode: of the plain features those that lines have too, of the odds those by text."""
        shared = self.table.values[:, [PLAIN_FEATURES.index(name) for name in SHARED]]
        by_text = odds[:, : len(KINDS)]
        return np.concatenate([line_features(shared[a:b], by_text[a:b]) for _, a, b in self._spans()])

    def fit_lines(self, odds: Odds, weights: Floats) -> lgb.Booster:
        """Train the trees of text mode."""
        return fit_trees(self.line_features(odds), self.labels, weights, self.boosting, self.rounds)

    def _spans(self) -> Iterator[tuple[int, int, int]]:
        yield from zip(range(len(self.table.places)), self.table.starts, self.table.starts[1:], strict=False)

    def fit(self, odds: Odds, weights: Floats) -> lgb.Booster:
        """Train the trees on the rows with a weight above 0."""
        return fit_trees(self.features(odds), self.labels, weights, self.boosting, self.rounds)


def fit_trees(
    features: Values, labels: npt.NDArray[np.int8], weights: Floats, boosting: dict[str, object], rounds: int
) -> lgb.Booster:
    """Train boosted trees on the rows with a label and a weight above 0."""
    rows = np.flatnonzero((weights > 0) & (labels >= 0))
    data = lgb.Dataset(features[rows], labels[rows], weight=weights[rows], free_raw_data=True)
    return lgb.train(boosting, data, rounds)


def _evidence(job: _Job, phrases: Phrases, settings: Settings, folds: int) -> tuple[Evidence, list[Odds], Odds]:
    """The evidence of all rows, and the odds of rows by evidence that has not seen their site.

    The second holds one table per fold that is held out: the odds of its rows by the other folds, those of any
    other row by the folds that are neither the row's nor held out. The third is for the final model, which holds
    out none: each row's odds by the other folds.
    """
    words = Words.of(job.table.text, job.table.path, len(job.table))
    kinds = job.table.about["kind"].to_numpy()
    held_out = [np.zeros((len(kinds), 2 * len(KINDS)), dtype=np.float32) for _ in range(folds)]
    left_out = [*((fold, fold) for fold in range(folds)), *combinations(range(folds), 2)]
    rows_of = [np.flatnonzero(job.folds == fold) for fold in range(folds)]
    for a, b in tqdm(left_out, desc="evidence", unit="fit"):
        weights = np.where((job.folds == a) | (job.folds == b), 0, job.weights)
        evidence = fit_evidence(words, kinds, weights, phrases, settings)
        held_out[a][rows_of[b]] = odds_of(evidence, words, rows_of[b])
        held_out[b][rows_of[a]] = odds_of(evidence, words, rows_of[a])
    own = np.zeros_like(held_out[0])
    for fold, rows in enumerate(rows_of):
        own[rows] = held_out[fold][rows]
    return fit_evidence(words, kinds, job.weights, phrases, settings), held_out, own


def _judge(job: _Job, held_out: list[Odds], own: Odds, out: Path) -> None:
    """Write the probabilities of all gold rows out of fold, with what the evaluation groups them by."""
    shares = np.zeros((len(job.table), 2 * len(LABELS)))
    for fold, odds in enumerate(tqdm(held_out, desc="folds", unit="fold")):
        rows = np.flatnonzero(job.folds == fold)
        weights = np.where(job.folds == fold, 0, job.weights)
        fits = ((job.fit, job.features), (job.fit_lines, job.line_features))
        shares[rows] = np.concatenate(
            [fit(odds, weights).predict(features(odds)[rows], num_threads=2) for fit, features in fits], axis=1
        )
    about = job.table.about.assign(label=job.labels, fold=job.folds)
    names = [*LABELS, *(f"line_{label}" for label in LABELS), *(f"odds_{k}" for k in range(own.shape[1]))]
    table = pd.concat([about, pd.DataFrame(np.concatenate([shares, own], axis=1), columns=names)], axis=1)
    out.parent.mkdir(parents=True, exist_ok=True)
    table.to_parquet(out, index=False)


def _save(folder: Path, evidence: Evidence, boosters: list[lgb.Booster], job: _Job, kinds: dict[Label, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, booster in zip(("model.txt", "lines.txt"), boosters, strict=True):
        (folder / name).write_text(booster.model_to_string(num_iteration=-1))
    gold = job.table.about[job.table.about["source"] == GOLD]
    about = {
        "format": FORMAT,
        "features": [FEATURES[k] for k in job.columns],
        "line_features": list(LINE_FEATURES),
        "families": [family for family in FAMILIES if any(FEATURES[k].startswith(f"{family}.") for k in job.columns)],
        "kinds": {str(label): letters for label, letters in kinds.items()},
        "biases": evidence.save(folder),
        "trained_on": {
            "rows": int((job.weights > 0).sum()),
            "pages": {corpus: int(n) for corpus, n in gold.groupby("corpus")["page"].nunique().items()},
            "sites": int(gold["site"].nunique()),
        },
    }
    (folder / "model.json").write_text(json.dumps(about, indent=1) + "\n")
