"""Classifier: the only door to a model."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from newsieve.blocks import segment
from newsieve.characters import Characters
from newsieve.dom import DEFAULT_LIMITS, Source, read
from newsieve.dom.limits import Limits
from newsieve.evidence import Evidence
from newsieve.features import FEATURES, featurize, learned
from newsieve.features.context import joined
from newsieve.features.lines import LINE_FEATURES, line_features, shared_features
from newsieve.features.tokens import text_tokens
from newsieve.labels import KINDS, LABELS, Kind
from newsieve.layout import Floats, Layout, softmax
from newsieve.page import Block, Page
from newsieve.trees import Trees

FORMAT = 2
SHIPPED = Path(__file__).parent / "model"
_TITLE = KINDS.index(Kind.TITLE)


class ModelError(ValueError):
    """A model folder that is missing, broken, or made for other features."""


@dataclass(frozen=True)
class Classifier:
    """A model: evidence, the trees of pages and those of text mode, and the features that the first take."""

    evidence: Evidence
    trees: Trees
    line_trees: Trees
    columns: npt.NDArray[np.intp]
    about: dict[str, Any]

    @classmethod
    def load(cls, folder: str | Path = SHIPPED) -> Classifier:
        """Load the model in `folder`, or in a model of MLflow's that was downloaded there. Runs no code of it.

        Raises ModelError, which says what is wrong.
        """
        folder = _model_in(Path(folder))
        about = _about(folder)
        try:
            trees, line_trees = (Trees.parse((folder / name).read_text()) for name in ("model.txt", "lines.txt"))
            evidence = Evidence.load(folder, about["evidence"])
        except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
            raise ModelError(f"{folder}: {error}") from error
        index = {name: number for number, name in enumerate(FEATURES)}
        columns = np.array([index[name] for name in about["features"]], dtype=np.intp)
        for part, width in ((trees, len(columns)), (line_trees, len(LINE_FEATURES))):
            if part.feature.max() >= width or part.classes != len(LABELS):
                raise ModelError(f"{folder}: its files do not belong together")
        return cls(evidence, trees, line_trees, columns, about)

    def classify(
        self, html: Source, url: str | None = None, *, charset: str | None = None, limits: Limits = DEFAULT_LIMITS
    ) -> Page:
        """Label every block of a page.

        `html` is str, bytes, a BeautifulSoup or Tag, or an lxml element (of parsel: selector.root). `url`, where known,
        tells links within the site from others; `charset` is what the server named for bytes. An empty page has no
        blocks. Raises TypeError on other types.
        """
        tree, notes = read(html, charset, limits)
        segments = segment(tree)
        if not segments.texts:
            return Page((), (*notes, "the page has no text"))
        layout = Layout(tree, segments, url)
        shares, headline = self.predict(layout)
        blocks = _blocks(segments.texts, shares, headline)
        for block, box in zip(blocks, segments.boxes, strict=True):
            block._tree, block._box = tree, box  # noqa: SLF001 # filled here, hidden from readers
        return Page(tuple(blocks), notes)

    def classify_text(self, text: str) -> Page:
        """Label the lines of a text dump, one block a line, by the words, their place and the lines around alone."""
        lines = [folded for line in text.splitlines() if (folded := " ".join(line.split()))]
        if not lines:
            return Page((), ("the text is empty",))
        characters = Characters(lines)
        odds = self.evidence.of_text(text_tokens(*characters.words()), len(lines))
        shares = self.line_trees.probabilities(line_features(shared_features(lines, characters), odds))
        return Page(tuple(_blocks(lines, shares, softmax(odds)[:, _TITLE])))

    def classify_many(self, pages: Iterable[Source]) -> Iterator[Page]:
        """Label the pages one by one, in order."""
        return map(self.classify, pages)

    def predict(self, layout: Layout) -> tuple[Floats, Floats]:
        """Probabilities of the labels (B, 4), and of the block being the headline by the evidence (B,)."""
        values, odds = self.rows(layout)
        return self.trees.probabilities(values), joined(odds)[:, _TITLE]

    def rows(self, layout: Layout) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """What the trees take of each block (B, columns), and the log-odds by text and by path (B, 2 K)."""
        plain = featurize(layout)
        text, path = self.evidence.of_text(plain.text, len(layout)), self.evidence.of_path(plain.path, layout)
        odds = np.concatenate([text, path], axis=1, dtype=np.float32)
        return np.concatenate([plain.values, learned(odds, plain.places)], axis=1)[:, self.columns], odds


def _model_in(folder: Path) -> Path:
    """`folder`, or where MLflow keeps the model folder that a model of its own was logged with."""
    inner = folder / "artifacts" / "model"
    return inner if inner.is_dir() and not (folder / "model.json").exists() else folder


def _about(folder: Path) -> dict[str, Any]:
    """What model.json says, checked against what this newsieve computes."""
    try:
        about = dict(json.loads((folder / "model.json").read_text()))
        made, features, lines = about["format"], about["features"], about["line_features"]
    except FileNotFoundError:
        raise ModelError(f"{folder}: no model here (model.json is missing)") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{folder}: model.json is broken: {error}") from error
    if made != FORMAT:
        raise ModelError(f"{folder}: model.json is of format {made}; this newsieve reads {FORMAT}")
    if unknown := [name for name in features if name not in FEATURES] or lines != list(LINE_FEATURES):
        what = f", such as {unknown[0]!r}" if isinstance(unknown, list) else ""
        raise ModelError(f"{folder}: the model is made for other features{what}; train it again")
    return about


def _blocks(texts: list[str], shares: Floats, headline: Floats) -> list[Block]:
    best = shares.argmax(axis=1).tolist()
    return [
        Block(text, LABELS[number], row[number], title, row)
        for text, row, number, title in zip(texts, shares.tolist(), best, headline.tolist(), strict=True)
    ]
