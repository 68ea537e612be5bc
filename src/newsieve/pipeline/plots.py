"""Pictures of an evaluation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure


def draw(evaluation: Path) -> Iterator[tuple[str, Figure]]:
    """Name and figure of each plot, from the tables that the stage evaluate wrote."""
    yield "confusion", _confusion(pd.read_csv(evaluation / "confusion_counts.csv", index_col=0))
    yield "calibration", _calibration(pd.read_csv(evaluation / "calibration.csv"))
    if len(table := pd.read_csv(evaluation / "importance.csv")):
        yield "importance", _importance(table)
    if len(table := pd.read_csv(evaluation / "curves.csv")):
        yield "curves", _curves(table)


def _confusion(counts: pd.DataFrame) -> Figure:
    figure = Figure(figsize=(5.5, 4.6), layout="constrained")
    axes = figure.subplots()
    shares = counts.div(counts.sum(axis=1).clip(lower=1), axis=0)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(counts)), counts.columns)
    axes.set_yticks(range(len(counts)), counts.index)
    axes.set(xlabel="model", ylabel="gold", title="Blocks by label")
    for row in range(len(counts)):
        for column in range(len(counts)):
            share = shares.iat[row, column]
            text = f"{counts.iat[row, column]:,}\n{share:.1%}"
            axes.text(column, row, text, ha="center", va="center", color="white" if share > 0.5 else "black")
    return figure


def _calibration(table: pd.DataFrame) -> Figure:
    figure = Figure(figsize=(5, 4.6), layout="constrained")
    axes = figure.subplots()
    axes.plot([0.2, 1], [0.2, 1], color="grey", linewidth=1, linestyle="--")
    axes.plot(table["confidence"], table["accuracy"], marker="o")
    axes.set(xlabel="probability of the label given", ylabel="share that is right", title="Calibration")
    return figure


def _importance(table: pd.DataFrame) -> Figure:
    figure = Figure(figsize=(7, 7), layout="constrained")
    axes = figure.subplots()
    first = table.iloc[::-1]
    axes.barh(first["feature"], first["gain"])
    axes.set(xlabel="share of the trees' gain", title="What the trees use most")
    return figure


def _curves(table: pd.DataFrame) -> Figure:
    figure = Figure(figsize=(5, 4.6), layout="constrained")
    axes = figure.subplots()
    for name in ("learned", "held_out"):
        axes.plot(table["round"], table[name], label=name.replace("_", " "))
    axes.set(xlabel="round", ylabel="log loss", title="Learning")
    axes.legend()
    return figure
