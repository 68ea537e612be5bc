"""Evidence: what linear models of a block's words and of its path say of its kind."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from newsieve.characters import TEXT_BUCKETS
from newsieve.features.tokens import Path as BlockPath
from newsieve.features.tokens import Tokens
from newsieve.labels import KINDS
from newsieve.layout import Floats, Layout
from newsieve.signatures import PATH_BUCKETS

Weights = npt.NDArray[np.float32]

# A row of n words weighs SCALE / sqrt(n) each, so that long texts and long paths do not lead.
TEXT_SCALE, PATH_SCALE = 2.0, 4.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """Weights of K kinds: `text` (TEXT_BUCKETS, K), `path` (3 x PATH_BUCKETS, K), and their intercepts (K,)."""

    text: Weights
    path: Weights
    text_bias: Weights
    path_bias: Weights

    @classmethod
    def load(cls, folder: Path, biases: dict[str, list[float]]) -> Evidence:
        """Read the tables as `save` writes them. Raises OSError or ValueError where they are not."""
        shapes = {"text": (TEXT_BUCKETS, len(KINDS)), "path": (3 * PATH_BUCKETS, len(KINDS))}
        tables = {name: np.load(folder / f"{name}.npy", allow_pickle=False) for name in shapes}
        for name, shape in shapes.items():
            if tables[name].shape != shape or tables[name].dtype != np.float16 or len(biases[name]) != len(KINDS):
                raise ValueError(f"{name}.npy is not a table of {shape} half floats")
        return cls(
            *(table.astype(np.float32) for table in tables.values()),
            *(np.array(biases[name], dtype=np.float32) for name in shapes),
        )

    def save(self, folder: Path) -> dict[str, list[float]]:
        """Write the tables as half floats, and return the intercepts."""
        for name, table in (("text", self.text), ("path", self.path)):
            np.save(folder / f"{name}.npy", table.astype(np.float16), allow_pickle=False)
        return {"text": self.text_bias.tolist(), "path": self.path_bias.tolist()}

    def of_text(self, tokens: Tokens, count: int) -> Floats:
        """Log-odds of each kind by a text's words. (count, K)"""
        sums = _summed(self.text[tokens.numbers], tokens.rows, count)
        words = np.maximum(np.bincount(tokens.rows, minlength=count), 1)
        return np.asarray(sums * (TEXT_SCALE / np.sqrt(words))[:, None] + self.text_bias)

    def of_path(self, path: BlockPath, layout: Layout) -> Floats:
        """Log-odds of each kind by the words of the path, each signature summed once for the page. (B, K)"""
        sizes = np.array([len(s.words) for s in layout.signatures])
        words = np.array([word for s in layout.signatures for word in s.words])
        rows = np.repeat(np.arange(len(sizes)), sizes)
        sums = _summed(self.path[path.links.numbers], path.links.rows, len(layout))
        for part, span in enumerate(path.spans):
            of_signature = _summed(self.path[words + part * PATH_BUCKETS], rows, len(sizes))
            sums += (of_signature[path.kinds[:, span]] * path.there[:, span, None]).sum(axis=1)
        count = (sizes[path.kinds] * path.there).sum(axis=1) + np.bincount(path.links.rows, minlength=len(layout))
        return np.asarray(sums * (PATH_SCALE / np.sqrt(count))[:, None] + self.path_bias)


def _summed(values: npt.NDArray[np.float32], rows: npt.NDArray[np.int64], count: int) -> Floats:
    """Sums of `values` (N, K) by their row, of which there are `count`."""
    columns = values.shape[1]
    keys = (rows[:, None] * columns + np.arange(columns)).ravel()
    sums = np.bincount(keys, values.ravel(), count * columns).astype(np.float64)  # integers where there is no value
    return sums.reshape(count, columns)
