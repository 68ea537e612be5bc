"""Figures of how good probabilities are, from a table of judged rows (stage train)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import confusion_matrix, f1_score, log_loss, precision_recall_fscore_support

from newsieve.labels import LABELS

NUMBERS = list(range(len(LABELS)))
BINS = 15
RESAMPLES = 200

Floats = npt.NDArray[np.float64]


def lines_of(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with the probabilities of text mode in the place of those of the blocks."""
    return rows.assign(**{label: rows[f"line_{label}"] for label in LABELS})


def after_of(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of one's own pages with the probabilities by a model that has seen the others of their site."""
    return rows.assign(**{label: rows[f"after_{label}"] for label in LABELS})


def shares_of(rows: pd.DataFrame) -> Floats:
    """The probabilities of the rows. (N, 4)"""
    return np.asarray(rows[list(LABELS)].to_numpy())


def figures(rows: pd.DataFrame) -> dict[str, Any]:
    """Macro-F1, log loss and calibration error, and per label precision, recall and F1 by block and F1 by token."""
    truth, shares = rows["label"].to_numpy(), shares_of(rows)
    guess = shares.argmax(axis=1)
    precision, recall, f1, support = precision_recall_fscore_support(truth, guess, labels=NUMBERS, zero_division=0)
    tokens = f1_score(truth, guess, labels=NUMBERS, average=None, sample_weight=rows["words"], zero_division=0)
    (low, *lows), (high, *highs) = intervals(rows)
    overall = {
        "macro_f1": f1.mean(), "macro_f1_low": low, "macro_f1_high": high,
        "log_loss": log_loss(truth, shares, labels=NUMBERS), "calibration_error": calibration_error(truth, shares),
        "blocks": float(len(rows)), "pages": float(rows.groupby(["corpus", "page"]).ngroups),
    }  # fmt: skip
    by_label = {
        label.value: {
            "f1": f1[k], "f1_low": lows[k], "f1_high": highs[k], "precision": precision[k], "recall": recall[k],
            "token_f1": tokens[k], "blocks": float(support[k]),
        }
        for k, label in enumerate(LABELS)
    }  # fmt: skip
    return dict(_rounded({**overall, **by_label}))


def macro_f1(truth: npt.NDArray[Any], guess: npt.NDArray[Any]) -> float:
    """Mean F1 of the labels that occur."""
    return float(f1_score(truth, guess, average="macro", labels=np.unique(truth), zero_division=0))


def intervals(rows: pd.DataFrame) -> list[list[float]]:
    """The 95 % intervals of macro-F1 and each label's F1, by bootstrap over sites (Efron 1979): lows, then highs."""
    guess = shares_of(rows).argmax(axis=1)
    sites = pd.factorize(rows["site"])[0]
    cells = np.zeros((sites.max() + 1, len(LABELS) ** 2))
    np.add.at(cells, (sites, rows["label"].to_numpy() * len(LABELS) + guess), 1)
    draws = np.random.default_rng(0).multinomial(len(cells), np.full(len(cells), 1 / len(cells)), RESAMPLES)
    tables = (draws @ cells).reshape(RESAMPLES, len(LABELS), len(LABELS))
    hits = np.diagonal(tables, axis1=1, axis2=2)
    scores = 2 * hits / np.maximum(tables.sum(axis=1) + tables.sum(axis=2), 1)
    every = np.column_stack([scores.mean(axis=1), scores])
    return [list(map(float, edge)) for edge in np.percentile(every, [2.5, 97.5], axis=0)]


def calibration(truth: npt.NDArray[Any], shares: Floats) -> pd.DataFrame:
    """By bins of the top probability: its mean, the share that is right, and the rows (Guo et al. 2017)."""
    top, right = shares.max(axis=1), shares.argmax(axis=1) == truth
    bins = np.minimum((top * BINS).astype(int), BINS - 1)
    table = pd.DataFrame({"bin": bins, "confidence": top, "accuracy": right.astype(float), "blocks": 1})
    return table.groupby("bin").agg({"confidence": "mean", "accuracy": "mean", "blocks": "sum"}).reset_index(drop=True)


def calibration_error(truth: npt.NDArray[Any], shares: Floats) -> float:
    """Expected calibration error: the gap between confidence and accuracy, over `calibration`'s bins by their rows."""
    table = calibration(truth, shares)
    gaps = (table["confidence"] - table["accuracy"]).abs() * table["blocks"]
    return float(gaps.sum() / table["blocks"].sum())


def by_group(rows: pd.DataFrame, column: str, at_least: int = 200) -> dict[str, dict[str, float]]:
    """Macro-F1 and content's F1 by token of the rows of each value of `column` with enough rows."""
    found = {}
    for value, part in rows.groupby(column):
        if value and len(part) >= at_least:
            guess, truth = shares_of(part).argmax(axis=1), part["label"].to_numpy()
            token = f1_score(truth == 0, guess == 0, sample_weight=part["words"], zero_division=0)
            found[str(value)] = {
                "macro_f1": macro_f1(truth, guess),
                "content_token_f1": token,
                "blocks": float(len(part)),
            }
    return dict(_rounded(found))


def confusion(rows: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Rows by label (down) and by guess (across). (4, 4)"""
    return np.asarray(confusion_matrix(rows["label"], shares_of(rows).argmax(axis=1), labels=NUMBERS))


def flat(nested: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """Nested figures as slash-joined names, of signs that MLflow takes, and values."""
    for name, value in nested.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{name}/")
        else:
            yield re.sub(r"[^\w. :/-]", "_", f"{prefix}{name}"), float(value)


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(part) for name, part in value.items()}
    return round(float(value), 5)
