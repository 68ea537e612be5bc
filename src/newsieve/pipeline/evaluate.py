"""Stage evaluate: how good the model is on sites that it has not seen, what each family gives, and where it errs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field
from tqdm import tqdm

from newsieve.features import FAMILIES, FEATURES, learned
from newsieve.labels import LABELS
from newsieve.pipeline.corpora import AUTHORED, OWN
from newsieve.pipeline.label import GOLD
from newsieve.pipeline.learners import boosting_of, fit_trees
from newsieve.pipeline.metrics import after_of, by_group, calibration, confusion, figures, lines_of, macro_f1, shares_of
from newsieve.pipeline.report import write_errors
from newsieve.pipeline.silver import without_gold
from newsieve.pipeline.tables import Table, read_tables

Values = npt.NDArray[np.float32]


def evaluate(
    tables: Path,
    authored: Path,
    own: Path,
    pages: Path,
    own_pages: Path,
    judged: Path,
    curves: Path,
    model: Path,
    out: Path,
    *,
    ablation_rounds: Annotated[int, Field(ge=0, le=500)],
    worst: Annotated[int, Field(ge=0, le=10_000)],
) -> None:
    """Write metrics.json, the tables of plots and errors.html into the folder `out`, from the rows `judged` by train.

    The headline figures are those of the public pages; the authored ones and one's own have groups of their own.
    What the trees are without each family is cross-validated on the same folds, with `ablation_rounds` rounds of
    boosting (0: not at all). Errors are shown of pages whose texts lie in `pages` or `own_pages`.
    """
    rows = pd.read_parquet(judged)
    rows["block"] = rows.groupby(["corpus", "page"]).cumcount()
    known = rows[(rows["source"] == GOLD) & (rows["label"] >= 0)]
    real = known[~known["corpus"].isin([AUTHORED, OWN])]
    if real.empty:
        real = known
    out.mkdir(parents=True, exist_ok=True)
    metrics = figures(real)
    metrics["lines"] = figures(lines_of(real))
    for column in ("corpus", "type", "script"):
        metrics[column] = by_group(known if column == "corpus" else real, column)
    if own_rows := len(mine := known[known["corpus"] == OWN]):
        metrics["own"] = {"blocks": float(own_rows), "before": _by_site(mine), "after": _by_site(after_of(mine))}
    if ablation_rounds:
        table = read_tables([*sorted(tables.glob("*.parquet")), authored, own])
        table = table.of_pages(~without_gold(table))
        metrics["without"] = _without(table, rows, ablation_rounds)
    (out / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n")
    _plots(real, model, out)
    shutil.copyfile(curves, out / "curves.csv")
    shown = known[known["corpus"].isin([AUTHORED, OWN])]
    write_errors(shown, {AUTHORED: pages, OWN: own_pages}, out / "errors.html", worst)


def _by_site(rows: pd.DataFrame) -> dict[str, Any]:
    """Figures of one's own pages, all and by site; nothing where too few pages are there to hold some out."""
    if rows[list(LABELS)].isna().to_numpy().any():
        return {}
    return {**by_group(rows, "corpus", at_least=1)[OWN], "site": by_group(rows, "site", at_least=1)}


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
    """The share of the trees' gain that each feature gives, the 25 first."""
    about = json.loads((model / "model.json").read_text())
    names = about["features"] if about["gains"] else []  # a baseline has none
    table = pd.DataFrame({"feature": names, "gain": about["gains"]})
    return table.sort_values(["gain", "feature"], ascending=[False, True]).head(25)


def _without(table: Table, judged: pd.DataFrame, rounds: int) -> dict[str, float]:
    """Macro-F1 of the trees without each family, on the rows of real gold.

    The learned families are those by evidence that has not seen the row's own site.
    """
    public = ~judged["corpus"].isin([AUTHORED, OWN])
    rows = np.flatnonzero((judged["source"] == GOLD) & public & (judged["label"] >= 0))
    odds = judged[[name for name in judged if name.startswith("odds_")]].to_numpy(dtype=np.float32)
    parts = [learned(odds[a:b], places) for a, b, places in table.by_page()]
    values = np.concatenate([table.values, np.concatenate(parts)], axis=1)[rows]
    labels, folds = judged["label"].to_numpy()[rows], judged["fold"].to_numpy()[rows]
    family = np.array([name.split(".")[0] for name in FEATURES])
    found = {}
    for left_out in tqdm(("nothing", *FAMILIES), desc="families left out", unit="family"):
        guess = _cross_validated(values[:, family != left_out], labels, folds, rounds)
        found[left_out] = round(macro_f1(labels, guess), 5)
    return found


def _cross_validated(
    values: Values, labels: npt.NDArray[np.int8], folds: npt.NDArray[np.int64], rounds: int
) -> npt.NDArray[np.int64]:
    boosting = boosting_of(1, learning_rate=0.25, num_leaves=15, feature_fraction=0.3, max_bin=63)
    guess = np.zeros(len(labels), dtype=np.int64)
    for fold in np.unique(folds):
        booster = fit_trees(values, labels, (folds != fold).astype(float), boosting, rounds)
        guess[folds == fold] = np.asarray(booster.predict(values[folds == fold])).argmax(axis=1)
    return guess
