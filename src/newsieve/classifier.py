"""Classifier: the only door to a model."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from newsieve.blocks import Segments, segment
from newsieve.dom import Source, read
from newsieve.dom.tree import Tree
from newsieve.evidence import Evidence
from newsieve.features import FEATURES, featurize, learned
from newsieve.features.context import joined
from newsieve.labels import KINDS, LABELS, Kind
from newsieve.layout import Floats, Layout
from newsieve.page import Block, Page
from newsieve.trees import Trees

FORMAT = 1
SHIPPED = Path(__file__).parent / "model"


class ModelError(ValueError):
    """A model folder that is missing, broken, or made for other features."""


@dataclass(frozen=True)
class Classifier:
    """A model: evidence, trees, and the features (numbers in FEATURES) that the trees take."""

    evidence: Evidence
    trees: Trees
    columns: npt.NDArray[np.intp]
    about: dict[str, Any]

    @classmethod
    def load(cls, folder: str | Path = SHIPPED) -> Classifier:
        """Load the model in `folder`. Runs no code of it. Raises ModelError, which says what is wrong."""
        folder = Path(folder)
        about = _about(folder)
        if about["features"] and not set(about["features"]) <= set(FEATURES):
            unknown = sorted(set(about["features"]) - set(FEATURES))
            raise ModelError(f"{folder}: the model is made for other features, such as {unknown[0]!r}; train it again")
        try:
            trees = Trees.parse((folder / "model.txt").read_text())
            evidence = Evidence.load(folder, about["biases"])
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(f"{folder}: {error}") from error
        index = {name: number for number, name in enumerate(FEATURES)}
        columns = np.array([index[name] for name in about["features"]], dtype=np.intp)
        if trees.feature.max() >= len(columns) or trees.classes != len(LABELS):
            raise ModelError(f"{folder}: model.txt and model.json do not belong together")
        return cls(evidence, trees, columns, about)

    def classify(self, html: Source, url: str | None = None) -> Page:
        """Label every block of a page. `url`, where known, tells links within the site from others."""
        tree, notes = read(html)
        segments = segment(tree)
        if not segments.texts:
            return Page((), (*notes, "the page has no text"))
        probabilities, headline = self.predict(Layout(tree, segments, url))
        return Page(tuple(_blocks(tree, segments, probabilities, headline)), notes)

    def classify_many(self, pages: Iterable[Source]) -> Iterator[Page]:
        """Label the pages one by one, in order."""
        return map(self.classify, pages)

    def predict(self, layout: Layout) -> tuple[Floats, Floats]:
        """Probabilities of the labels (B, 4), and of the block being the headline by the evidence (B,)."""
        rows = featurize(layout)
        text, path = self.evidence.of_text(rows.text, len(layout)), self.evidence.of_path(rows.path, layout)
        odds = np.concatenate([text, path], axis=1, dtype=np.float32)
        values = np.concatenate([rows.values, learned(odds, rows.places)], axis=1)
        return self.trees.probabilities(values[:, self.columns]), joined(odds)[:, KINDS.index(Kind.TITLE)]


def _about(folder: Path) -> dict[str, Any]:
    try:
        about = json.loads((folder / "model.json").read_text())
        if about["format"] != FORMAT or not isinstance(about["features"], list):
            raise ModelError(f"{folder}: model.json is of format {about['format']}; this newsieve reads {FORMAT}")
    except FileNotFoundError:
        raise ModelError(f"{folder}: no model here (model.json is missing)") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise error if isinstance(error, ModelError) else ModelError(f"{folder}: model.json: {error}") from error
    return dict(about)


def _blocks(tree: Tree, segments: Segments, probabilities: Floats, headline: Floats) -> Iterator[Block]:
    best = probabilities.argmax(axis=1)
    for text, box, row, number, title in zip(
        segments.texts, segments.boxes, probabilities.tolist(), best.tolist(), headline.tolist(), strict=True
    ):
        yield Block(text, LABELS[number], row[number], dict(zip(LABELS, row, strict=True)), title, tree, box)
