"""Boosted trees in numpy: reads LightGBM's text format and sums the trees of many rows at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Trees:
    """T trees laid end to end, classes taking turns. Per node: `feature`, `threshold`, `left`, `right`, `value`.

    A leaf points at itself, so that rows that have arrived stay. `roots` (T,). `depth` is that of the deepest leaf.
    """

    feature: npt.NDArray[np.intp]
    threshold: npt.NDArray[np.float64]
    children: npt.NDArray[np.intp]
    value: npt.NDArray[np.float64]
    roots: npt.NDArray[np.intp]
    depth: int
    classes: int

    @classmethod
    def parse(cls, text: str) -> Trees:
        """Read a model of numerical features without missing values. Raises ValueError on any other."""
        head, *parts = text.split("end of trees", 1)[0].split("\nTree=")
        fields = _fields(head)
        if "num_class" not in fields or not parts:
            raise ValueError("not a LightGBM model in text form")
        trees = [_Tree.parse(_fields(part)) for part in parts]
        offsets = np.cumsum([0] + [len(tree.value) for tree in trees])
        return cls(
            np.concatenate([tree.feature for tree in trees]),
            np.concatenate([tree.threshold for tree in trees]),
            np.concatenate([tree.children + at for tree, at in zip(trees, offsets, strict=False)]),
            np.concatenate([tree.value for tree in trees]),
            offsets[:-1],
            max(tree.depth() for tree in trees),
            int(fields["num_class"]),
        )

    def scores(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """The sum of the trees of each class. (N, features) to (N, classes)"""
        count, width = rows.shape
        flat = np.ascontiguousarray(rows, dtype=np.float64).ravel()
        node = np.tile(self.roots, count)
        base = np.repeat(np.arange(count) * width, len(self.roots))
        for _ in range(self.depth):
            goes_right = flat[base + self.feature[node]] > self.threshold[node]
            node = self.children[node, goes_right.view(np.int8)]
        return np.asarray(self.value[node].reshape(count, -1, self.classes).sum(axis=1))

    def probabilities(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Softmax of the scores. (N, features) to (N, classes)"""
        scores = self.scores(rows)
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))


@dataclass(frozen=True, slots=True)
class _Tree:
    """One tree: inner nodes first, then leaves. `children` (nodes, 2): left (at most the threshold), right."""

    feature: npt.NDArray[np.intp]
    threshold: npt.NDArray[np.float64]
    children: npt.NDArray[np.intp]
    value: npt.NDArray[np.float64]

    @classmethod
    def parse(cls, fields: dict[str, str]) -> _Tree:
        values = np.array(_numbers(fields, "leaf_value"))
        leaves, inner = len(values), len(values) - 1
        if inner and set(fields["decision_type"].split()) - {"0", "2"}:
            raise ValueError("the model has categorical features or missing values, which newsieve's models have not")
        feature = np.zeros(inner + leaves, dtype=np.intp)
        threshold = np.zeros(inner + leaves)
        value = np.concatenate([np.zeros(inner), values])
        children = np.repeat(np.arange(inner + leaves)[:, None], 2, axis=1)
        if inner:
            feature[:inner] = np.array(_numbers(fields, "split_feature"), dtype=np.intp)
            threshold[:inner] = _numbers(fields, "threshold")
            sides = np.array([_numbers(fields, "left_child"), _numbers(fields, "right_child")], dtype=np.intp).T
            children[:inner] = np.where(sides >= 0, sides, inner - 1 - sides)  # ~leaf is written for a leaf
        return cls(feature, threshold, children, value)

    def depth(self) -> int:
        """Steps from the root to the deepest leaf."""
        nodes, steps = {0}, 0
        while nodes := {int(c) for n in nodes for c in self.children[n] if c != n}:
            steps += 1
        return steps


def _fields(part: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in part.splitlines() if "=" in line)


def _numbers(fields: dict[str, str], name: str) -> Sequence[float]:
    try:
        return [float(word) for word in fields[name].split()]
    except (KeyError, ValueError):
        raise ValueError(f"a tree of the model has no valid {name}") from None
