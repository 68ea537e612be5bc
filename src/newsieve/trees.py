"""Boosted trees in numpy: reads LightGBM's text format and sums the trees of many rows at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from newsieve.layout import softmax

Nodes = npt.NDArray[np.intp]

_AT_ONCE = 4096  # rows
_EARLY = 3  # steps before which too few pairs have reached a leaf for dropping them to pay


@dataclass(frozen=True, slots=True)
class Trees:
    """T trees laid end to end, classes taking turns. Per node: `feature`, `threshold`, `children`, `value`.

    `children` has for node ``n`` at ``2 n`` the one for values at most the threshold, at ``2 n + 1`` the other; a leaf
    points at itself. `roots` (T,). `depth` is that of the deepest leaf. Thresholds are rounded down to the precision
    of the rows, which decides the same.
    """

    feature: Nodes
    threshold: npt.NDArray[np.float32]
    children: Nodes
    value: npt.NDArray[np.float64]
    roots: Nodes
    depth: int
    classes: int

    @classmethod
    def parse(cls, text: str) -> Trees:
        """Read a model of numerical features without missing values. Raises ValueError on any other."""
        whole, end, _ = text.partition("end of trees")
        head, *parts = whole.split("\nTree=")
        fields = _fields(head)
        if "num_class" not in fields or not parts or not end:
            raise ValueError("not a whole LightGBM model in text form")
        trees = [_Tree.parse(_fields(part)) for part in parts]
        offsets = np.cumsum([0] + [len(tree.value) for tree in trees])
        return cls(
            np.concatenate([tree.feature for tree in trees]),
            _rounded_down(np.concatenate([tree.threshold for tree in trees])),
            np.concatenate([tree.children + at for tree, at in zip(trees, offsets, strict=False)]).ravel(),
            np.concatenate([tree.value for tree in trees]),
            offsets[:-1],
            max(tree.depth() for tree in trees),
            int(fields["num_class"]),
        )

    def scores(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """The sum of the trees of each class. (N, features) to (N, classes)"""
        parts = [self._scores(rows[at : at + _AT_ONCE]) for at in range(0, len(rows), _AT_ONCE)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _scores(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """As `scores`, of a number of rows that memory holds.

        All pairs of tree and row go down one level at a time, tree by tree so that nodes lie close in memory.
        """
        count = len(rows)
        columns = np.ascontiguousarray(rows.T, dtype=np.float32)
        first = columns[self.feature[self.roots]] > self.threshold[self.roots, None]
        nodes = self.children[2 * self.roots[:, None] + first].ravel()
        leaves = self._leaves(nodes, np.tile(np.arange(count), len(self.roots)), columns.ravel(), count)
        return np.asarray(self.value[leaves].reshape(-1, self.classes, count).sum(axis=0).T)

    def _leaves(self, nodes: Nodes, rows: Nodes, values: npt.NDArray[np.float32], count: int) -> Nodes:
        """The leaf that each pair of node and row reaches; pairs that have arrived are dropped on the way."""
        starts, inner = self.feature * count, self.children[::2] != np.arange(len(self.feature))
        leaves, pairs = nodes.copy(), np.arange(len(nodes))
        for step in range(1, self.depth):
            value = values.take(starts.take(nodes, mode="clip") + rows, mode="clip")
            nodes = self.children.take(2 * nodes + (value > self.threshold.take(nodes, mode="clip")), mode="clip")
            if step >= _EARLY:
                leaves[pairs] = nodes
                going = np.flatnonzero(inner.take(nodes, mode="clip"))
                nodes, rows, pairs = nodes.take(going), rows.take(going), pairs.take(going)
        leaves[pairs] = nodes
        return leaves

    def probabilities(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Softmax of the scores. (N, features) to (N, classes)"""
        return softmax(self.scores(rows))


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


def _rounded_down(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """The largest single-precision numbers that are no larger: of two such numbers a value passes both or neither."""
    rounded = values.astype(np.float32)
    above = rounded.astype(np.float64) > values
    rounded[above] = np.nextafter(rounded[above], np.float32(-np.inf))
    return rounded


def _fields(part: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in part.splitlines() if "=" in line)


def _numbers(fields: dict[str, str], name: str) -> Sequence[float]:
    try:
        return [float(word) for word in fields[name].split()]
    except (KeyError, ValueError):
        raise ValueError(f"a tree of the model has no valid {name}") from None
