"""Boosted trees in numpy: reads LightGBM's text format and sums the trees of many rows at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from newsieve.layout import softmax

Ints = npt.NDArray[np.intp]
Bytes = npt.NDArray[np.uint8]

_AT_ONCE = 512  # rows
_BITS = 8
_FULL = (1 << _BITS) - 1
# Of each byte the lowest bit that is not set; 8 where all are.
_FIRST_CLEAR = np.array([(~byte & byte + 1).bit_length() - 1 for byte in range(_FULL + 1)])


@dataclass(frozen=True, slots=True)
class Trees:
    """T trees, classes taking turns, each of at most W inner nodes, to be read by QuickScorer (Lucchese et al. 2015).

    A tree's leaves and inner nodes are numbered from left to right, so that node ``w`` stands between leaf ``w`` and
    leaf ``w + 1``. Each node has a `feature` (W, T) and a `threshold` (W, T), and rules out the leaves on its left,
    `left` (W, bytes, T) bits, where the feature is above the threshold. The first leaf that no node rules out is the
    row's. `value` (T, leaves). Thresholds are rounded down to the precision of the rows, which decides the same.
    """

    feature: Ints
    threshold: npt.NDArray[np.float32]
    left: Bytes
    value: npt.NDArray[np.float64]
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
        inner = max(1, *(len(tree.feature) for tree in trees))
        leaves = -(-(inner + 1) // _BITS) * _BITS
        left = np.stack([_wide(tree.left, (inner, leaves)) for tree in trees], axis=2)
        return cls(
            np.stack([_wide(tree.feature, (inner,)) for tree in trees], axis=1),
            _rounded_down(np.stack([_wide(tree.threshold, (inner,), np.inf) for tree in trees], axis=1)),
            np.packbits(left, axis=1, bitorder="little"),
            np.stack([_wide(tree.value, (leaves,)) for tree in trees]),
            int(fields["num_class"]),
        )

    def scores(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """The sum of the trees of each class. (N, features) to (N, classes)"""
        parts = [self._scores(rows[at : at + _AT_ONCE]) for at in range(0, len(rows), _AT_ONCE)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _scores(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """As `scores`, of a number of rows that memory holds: node by node, of all trees and rows at once."""
        columns = np.ascontiguousarray(rows.T, dtype=np.float32)
        out = np.zeros((self.left.shape[1], len(self.value), len(rows)), dtype=np.uint8)
        for node, (feature, threshold) in enumerate(zip(self.feature, self.threshold, strict=True)):
            above = (columns.take(feature, axis=0, mode="clip") > threshold[:, None]).view(np.uint8)
            for byte in range(node // _BITS + 1):  # no leaf further right is on the node's left
                out[byte] |= above * self.left[node, byte, :, None]
        return np.asarray(self._values(out).reshape(-1, self.classes, len(rows)).sum(axis=0).T)

    def _values(self, out: Bytes) -> npt.NDArray[np.float64]:
        """The values of the first leaves that are not `out` (bytes, T, rows). (T, rows)"""
        leaves = _FIRST_CLEAR.take(out[0], mode="clip")
        full = out[0] == _FULL
        for byte in out[1:]:
            leaves += _FIRST_CLEAR.take(byte, mode="clip") * full
            full &= byte == _FULL
        starts = np.arange(len(self.value))[:, None] * self.value.shape[1]
        return np.asarray(self.value.ravel().take(starts + leaves, mode="clip"))

    def probabilities(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Softmax of the scores. (N, features) to (N, classes)"""
        return softmax(self.scores(rows))


@dataclass(frozen=True, slots=True)
class _Tree:
    """One tree of W inner nodes: `feature`, `threshold`, leaves on the `left` (W, W + 1) of each; their `value`s."""

    feature: Ints
    threshold: npt.NDArray[np.float64]
    left: npt.NDArray[np.bool_]
    value: npt.NDArray[np.float64]

    @classmethod
    def parse(cls, fields: dict[str, str]) -> _Tree:
        values = np.array(_numbers(fields, "leaf_value"))
        count = len(values) - 1
        if not count:
            return cls(np.zeros(0, dtype=np.intp), np.zeros(0), np.zeros((0, 1), dtype=bool), values)
        if set(fields["decision_type"].split()) - {"0", "2"}:
            raise ValueError("the model has categorical features or missing values, which newsieve's models have not")
        names = ("split_feature", "left_child", "right_child")
        feature, *sides = (np.array(_numbers(fields, name), dtype=np.intp) for name in names)
        threshold = np.array(_numbers(fields, "threshold"))
        if {len(feature), len(threshold), *map(len, sides)} != {count}:
            raise ValueError("a tree of the model has more or fewer nodes than it says")
        nodes, leaves, left = _from_left(*(side.tolist() for side in sides))
        return cls(feature[nodes], threshold[nodes], left, values[leaves])


def _from_left(lefts: list[int], rights: list[int]) -> tuple[list[int], list[int], npt.NDArray[np.bool_]]:
    """LightGBM's numbers of a tree's inner nodes and leaves from left to right; per node the leaves on its left.

    A child from 0 on is an inner node, a negative one ~ the number of a leaf. Raises ValueError if they make no tree.
    """
    count = len(lefts)
    nodes: list[int] = []
    leaves: list[int] = []
    left = np.zeros((count, count + 1), dtype=bool)
    for node, start in _walk(lefts, rights, leaves):
        left[len(nodes) % count, start : len(leaves)] = True
        nodes.append(node)
    if sorted(leaves) != list(range(count + 1)) or len(nodes) != count:
        raise ValueError("the nodes of the model make no tree")
    return nodes, leaves, left


def _walk(lefts: list[int], rights: list[int], leaves: list[int]) -> Iterator[tuple[int, int]]:
    """Add the leaves to `leaves` from left to right; give each inner node, its left being done, with its first leaf."""
    todo = [(0, -1)]  # a node, and how many leaves came before where its left side is done, else -1
    for _ in range(4 * len(lefts) + 1):  # steps that a tree takes at most; a circle would go on for ever
        if not todo:
            return
        node, start = todo.pop()
        if node < 0:
            leaves.append(~node)
        elif node >= len(lefts):
            raise ValueError("a node of the model has a child that is not there")
        elif start < 0:
            todo += [(node, len(leaves)), (lefts[node], -1)]
        else:
            yield node, start
            todo.append((rights[node], -1))


def _wide(array: npt.NDArray[np.generic], shape: tuple[int, ...], rest: float = 0) -> npt.NDArray[np.generic]:
    """`array` in the first corner of a larger one."""
    wide = np.full(shape, rest, dtype=array.dtype)
    wide[tuple(slice(size) for size in array.shape)] = array
    return wide


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
