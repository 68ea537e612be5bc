"""Evidence: what linear models of a block's words and of its path say of its kind."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from newsieve.characters import TEXT_BUCKETS
from newsieve.features.tokens import Path as BlockPath
from newsieve.features.tokens import Tokens
from newsieve.labels import KINDS
from newsieve.layout import Floats, Ints, Layout
from newsieve.signatures import PATH_BUCKETS

Weights = npt.NDArray[np.float32]

# A row of n words weighs SCALE / sqrt(n) each, so that long texts and long paths do not lead.
TEXT_SCALE, PATH_SCALE = 2.0, 4.0
_LARGEST = 127  # of a signed byte


@dataclass(frozen=True)
class Linear:
    """Linear models of K kinds: `steps` (N, K), signed bytes, times `scale` (K,) are the weights; `bias` (K,)."""

    steps: npt.NDArray[np.int8]
    scale: Weights
    bias: Weights

    @classmethod
    def of(cls, weights: Weights, bias: Weights) -> Linear:
        """Round weights (N, K) to bytes: a kind's largest is 127 steps."""
        scale = np.abs(weights).max(axis=0, initial=1e-9) / np.float32(_LARGEST)
        return cls(np.round(weights / scale).astype(np.int8), scale.astype(np.float32), bias)

    @cached_property
    def weights(self) -> Weights:
        """The weights. (N, K)"""
        return self.steps * self.scale


@dataclass(frozen=True)
class Evidence:
    """`text` is of the buckets `words` (V,), ascending, which are all that it knows; `path` of all buckets of paths."""

    words: Ints
    text: Linear
    path: Linear

    @classmethod
    def load(cls, folder: Path, about: dict[str, dict[str, list[float]]]) -> Evidence:
        """Read the tables as `save` writes them. Raises OSError, ValueError or KeyError where they are not."""
        known = np.unpackbits(_read(folder, "words", np.uint8, (TEXT_BUCKETS // 8,)))
        words = np.flatnonzero(known)
        parts = [
            Linear(
                _read(folder, name, np.int8, (size, len(KINDS))), *(_row(about[name][key]) for key in ("scale", "bias"))
            )
            for name, size in (("text", len(words)), ("path", 3 * PATH_BUCKETS))
        ]
        return cls(words, *parts)

    def save(self, folder: Path) -> dict[str, dict[str, list[float]]]:
        """Write words.npy (a bit for each bucket), text.npy and path.npy, and return the scales and intercepts."""
        known = np.zeros(TEXT_BUCKETS, dtype=bool)
        known[self.words] = True
        np.save(folder / "words.npy", np.packbits(known), allow_pickle=False)
        parts = {"text": self.text, "path": self.path}
        for name, part in parts.items():
            np.save(folder / f"{name}.npy", part.steps, allow_pickle=False)
        return {name: {"scale": part.scale.tolist(), "bias": part.bias.tolist()} for name, part in parts.items()}

    @cached_property
    def rows(self) -> npt.NDArray[np.int32]:
        """Of each bucket the row in `text`, or -1. (TEXT_BUCKETS,)"""
        rows = np.full(TEXT_BUCKETS, -1, dtype=np.int32)
        rows[self.words] = np.arange(len(self.words))
        return rows

    def of_text(self, tokens: Tokens, count: int) -> Floats:
        """Log-odds of each kind by a text's known words. (count, K)"""
        at = self.rows[tokens.numbers]
        known = at >= 0
        rows = tokens.rows[known]
        sums = _summed(self.text.weights[at[known]], rows, count)
        words = np.maximum(np.bincount(rows, minlength=count), 1)
        return np.asarray(sums * (TEXT_SCALE / np.sqrt(words))[:, None] + self.text.bias)

    def of_path(self, path: BlockPath, layout: Layout) -> Floats:
        """Log-odds of each kind by the words of the path, each signature summed once for the page. (B, K)"""
        weights = self.path.weights
        sizes = np.array([len(s.words) for s in layout.signatures])
        words = np.array([word for s in layout.signatures for word in s.words])
        rows = np.repeat(np.arange(len(sizes)), sizes)
        sums = _summed(weights[path.links.numbers], path.links.rows, len(layout))
        for part, span in enumerate(path.spans):
            of_signature = _summed(weights[words + part * PATH_BUCKETS], rows, len(sizes))
            sums += (of_signature[path.kinds[:, span]] * path.there[:, span, None]).sum(axis=1)
        count = (sizes[path.kinds] * path.there).sum(axis=1) + np.bincount(path.links.rows, minlength=len(layout))
        return np.asarray(sums * (PATH_SCALE / np.sqrt(count))[:, None] + self.path.bias)


def _read(folder: Path, name: str, kind: Any, shape: tuple[int, ...]) -> Any:
    table = np.load(folder / f"{name}.npy", allow_pickle=False)
    if table.shape != shape or table.dtype != kind:
        raise ValueError(f"{name}.npy is not a table of {shape} {np.dtype(kind).name}")
    return table


def _row(numbers: list[float]) -> Weights:
    row = np.array(numbers, dtype=np.float32)
    if row.shape != (len(KINDS),):
        raise ValueError(f"model.json: its evidence is not of {len(KINDS)} kinds")
    return row


def _summed(values: npt.NDArray[np.float32], rows: npt.NDArray[np.int64], count: int) -> Floats:
    """Sums of `values` (N, K) by their row, of which there are `count`."""
    columns = values.shape[1]
    keys = (rows[:, None] * columns + np.arange(columns)).ravel()
    sums = np.bincount(keys, values.ravel(), count * columns).astype(np.float64)  # integers where there is no value
    return sums.reshape(count, columns)
