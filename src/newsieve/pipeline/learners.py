"""What learns labels from rows of features: boosted trees, and the baselines that they have to beat."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from newsieve.labels import LABELS

Learner = Literal["trees", "logistic", "majority"]
Values = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int8]

# What LightGBM writes beside the trees themselves, and nobody needs in order to predict or to read them again.
_NOTES = ("split_gain=", "leaf_weight=", "leaf_count=", "internal_weight=", "internal_count=", "tree_sizes=")


class Model(Protocol):
    """Anything that gives rows of features (N, features) the probabilities of the labels (N, 4)."""

    def predict(self, features: Values) -> Floats:
        """Probabilities."""
        ...


def boosting_of(seed: int, **chosen: float) -> dict[str, object]:
    """LightGBM's parameters for the labels, the same to the byte every time; `chosen` are added."""
    return {
        "objective": "multiclass", "num_class": len(LABELS), "bagging_freq": 1, "max_bin": 127, "seed": seed,
        "num_threads": 2, "deterministic": True, "force_row_wise": True, "verbose": -1, **chosen,
    }  # fmt: skip


@dataclass(frozen=True)
class Learning:
    """How to learn: by which learner, and for trees LightGBM's parameters and the rounds of boosting."""

    learner: Learner
    boosting: dict[str, object]
    rounds: int

    def fit(self, features: Values, labels: Labels, weights: Floats, curve: Curve | None = None) -> Model:
        """Learn from the rows with a label and a weight above 0; `curve` takes the loss round by round, of trees."""
        if self.learner == "trees":
            return Trees(fit_trees(features, labels, weights, self.boosting, self.rounds, curve))
        rows = np.flatnonzero((weights > 0) & (labels >= 0))
        baseline = Baseline.of(self.learner)
        baseline.fit(features[rows], labels[rows], weights[rows])
        return baseline


@dataclass(frozen=True)
class Trees:
    """Boosted trees (Ke et al. 2017)."""

    booster: lgb.Booster

    def predict(self, features: Values) -> Floats:
        """Probabilities."""
        return np.asarray(self.booster.predict(features, num_threads=2))

    def text(self) -> str:
        """LightGBM's text without its notes, which are two fifths of it."""
        lines = self.booster.model_to_string(num_iteration=-1).splitlines(keepends=True)
        return "".join(line for line in lines if not line.startswith(_NOTES))

    def gains(self) -> list[float]:
        """The share of the gain of all splits that each feature has. (features,)"""
        gains = self.booster.feature_importance("gain")
        return [round(float(gain), 5) for gain in gains / max(gains.sum(), 1e-9)]


@dataclass(frozen=True)
class Baseline:
    """A model of scikit-learn's."""

    model: Any

    @classmethod
    def of(cls, learner: Learner) -> Baseline:
        """The commonest label everywhere, or logistic regression on scaled features."""
        if learner == "majority":
            return cls(DummyClassifier())
        sgd = SGDClassifier(loss="log_loss", alpha=1e-4, max_iter=10, tol=None, random_state=0)
        return cls(make_pipeline(StandardScaler(), sgd))

    def fit(self, features: Values, labels: Labels, weights: Floats) -> None:
        """Learn. The scaler takes all rows alike."""
        last = getattr(self.model, "steps", [("",)])[-1][0]
        self.model.fit(features, labels, **{f"{last}__sample_weight" if last else "sample_weight": weights})

    def predict(self, features: Values) -> Floats:
        """Probabilities; 0 of labels that no row had."""
        shares = np.zeros((len(features), len(LABELS)))
        shares[:, self.model.classes_] = self.model.predict_proba(features)
        return shares


@dataclass
class Curve:
    """Log loss by round of boosting, on the rows learned from and on the `held_out` rows of a fold."""

    held_out: npt.NDArray[np.intp]
    losses: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    def table(self) -> pd.DataFrame:
        """Columns round, learned, held_out; no row where nothing was boosted."""
        columns = {name: self.losses.get(name, {}).get("multi_logloss", []) for name in ("learned", "held_out")}
        return pd.DataFrame({"round": range(1, len(columns["learned"]) + 1), **columns})


def fit_trees(
    features: Values, labels: Labels, weights: Floats, boosting: dict[str, object], rounds: int,
    curve: Curve | None = None,
) -> lgb.Booster:  # fmt: skip
    """Train boosted trees on the rows with a label and a weight above 0."""
    rows = np.flatnonzero((weights > 0) & (labels >= 0))
    data = lgb.Dataset(features[rows], labels[rows], weight=weights[rows], free_raw_data=True)
    if curve is None:
        return lgb.train(boosting, data, rounds)
    judged = lgb.Dataset(features[curve.held_out], labels[curve.held_out], reference=data)
    names, watch = ["learned", "held_out"], lgb.record_evaluation(curve.losses)
    return lgb.train(boosting, data, rounds, valid_sets=[data, judged], valid_names=names, callbacks=[watch])
