"""Stage evaluate: how good the model is on sites that it has not seen, against baselines, and where it errs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from newsieve.features import FAMILIES, FEATURES, learned
from newsieve.labels import LABELS
from newsieve.pipeline.errors import PipelineError
from newsieve.pipeline.label import GOLD
from newsieve.pipeline.metrics import by_group, calibration, confusion, figures, lines_of, macro_f1, shares_of
from newsieve.pipeline.report import write_errors
from newsieve.pipeline.tables import Table, read_tables
from newsieve.pipeline.train import fit_trees

Values = npt.NDArray[np.float32]


def evaluate(
    tables: Path,
    authored: Path,
    pages: Path,
    judged: Path,
    model: Path,
    out: Path,
    *,
    ablation_rounds: Annotated[int, Field(ge=0, le=500)],
    worst: Annotated[int, Field(ge=0, le=10_000)],
) -> None:
    """Write metrics.json, the tables of plots and errors.html into the folder `out`, from the rows `judged` by train.

    The headline figures are those of the real pages; the authored ones have a group of their own. Baselines and
    families left out are cross-validated on the same folds, with `ablation_rounds` rounds of boosting (0: not at all).
    """
    rows = pd.read_parquet(judged)
    rows = rows[(rows["source"] == GOLD) & (rows["label"] >= 0)]
    real = rows[rows["corpus"] != "authored"]
    if real.empty:
        real = rows
    out.mkdir(parents=True, exist_ok=True)
    metrics = figures(real)
    metrics["lines"] = figures(lines_of(real))
    for column in ("corpus", "type", "script"):
        metrics[column] = by_group(rows if column == "corpus" else real, column)
    if ablation_rounds:
        table = read_tables([*sorted(tables.glob("*.parquet")), authored])
        metrics |= _compared(table, pd.read_parquet(judged), ablation_rounds)
    (out / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n")
    _plots(real, model, out)
    write_errors(rows[rows["corpus"] == "authored"], pages, out / "errors.html", worst)


def _plots(rows: pd.DataFrame, model: Path, out: Path) -> None:
    names = np.array([label.value for label in LABELS])
    shares = shares_of(rows)
    pairs = pd.DataFrame({"actual": names[rows["label"]], "predicted": names[shares.argmax(axis=1)]})
    pairs.to_csv(out / "confusion.csv", index=False)
    calibration(rows["label"].to_numpy(), shares).round(5).to_csv(out / "calibration.csv", index=False)
    confusion_table = pd.DataFrame(confusion(rows), index=names, columns=names)
    confusion_table.to_csv(out / "confusion_counts.csv", index_label="actual")
    _importance(model).to_csv(out / "importance.csv", index=False)


def _importance(model: Path) -> pd.DataFrame:
    """The share of the trees' gain that each feature gives, the 40 first."""
    booster = lgb.Booster(model_file=str(model / "model.txt"))
    gain = booster.feature_importance("gain")
    names = json.loads((model / "model.json").read_text())["features"]
    if len(gain) != len(names):
        raise PipelineError(f"{model}: model.txt and model.json do not belong together; run the stage train again")
    table = pd.DataFrame({"feature": names, "gain": (gain / gain.sum()).round(5)})
    return table.sort_values(["gain", "feature"], ascending=[False, True]).head(40)


def _compared(table: Table, judged: pd.DataFrame, rounds: int) -> dict[str, dict[str, float]]:
    """Macro-F1 of baselines and of the trees without each family, on the rows of real gold.

    The learned families are those by evidence that has not seen the row's own site.
    """
    rows = np.flatnonzero((judged["source"] == GOLD) & (judged["corpus"] != "authored") & (judged["label"] >= 0))
    odds = judged[[name for name in judged if name.startswith("odds_")]].to_numpy(dtype=np.float32)
    spans = zip(table.starts, table.starts[1:], table.places, strict=False)
    parts = [learned(odds[a:b], places) for a, b, places in spans]
    values = np.concatenate([table.values, np.concatenate(parts)], axis=1)[rows]
    labels, folds = judged["label"].to_numpy()[rows], judged["fold"].to_numpy()[rows]
    family = np.array([name.split(".")[0] for name in FEATURES])
    plain = values[:, ~np.isin(family, ["text_evidence", "path_evidence", "context"])]
    logistic = make_pipeline(
        StandardScaler(), SGDClassifier(loss="log_loss", alpha=1e-4, max_iter=10, tol=None, random_state=0)
    )
    baselines = {"majority": DummyClassifier(), "logistic": logistic}
    found: dict[str, dict[str, float]] = {"baseline": {}, "without": {}}
    for name, model in baselines.items():
        guess = np.zeros(len(rows), dtype=np.int64)
        for fold in np.unique(folds):
            model.fit(plain[folds != fold], labels[folds != fold])
            guess[folds == fold] = model.predict(plain[folds == fold])
        found["baseline"][name] = round(macro_f1(labels, guess), 5)
    for left_out in tqdm(("nothing", *FAMILIES), desc="families left out", unit="family"):
        guess = _cross_validated(values[:, family != left_out], labels, folds, rounds)
        found["without"][left_out] = round(macro_f1(labels, guess), 5)
    return found


def _cross_validated(
    values: Values, labels: npt.NDArray[np.int8], folds: npt.NDArray[np.int64], rounds: int
) -> npt.NDArray[np.int64]:
    boosting: dict[str, object] = {
        "objective": "multiclass", "num_class": len(LABELS), "learning_rate": 0.25, "num_leaves": 15,
        "feature_fraction": 0.3, "max_bin": 63, "seed": 1, "num_threads": 2, "deterministic": True,
        "force_row_wise": True, "verbose": -1,
    }  # fmt: skip
    guess = np.zeros(len(labels), dtype=np.int64)
    for fold in np.unique(folds):
        booster = fit_trees(values, labels, (folds != fold).astype(float), boosting, rounds)
        guess[folds == fold] = np.asarray(booster.predict(values[folds == fold])).argmax(axis=1)
    return guess
