"""Boosted trees in numpy: reads LightGBM's text format and sums the trees of many rows at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from newsieve.layout import softmax

Ints = npt.NDArray[np.intp]
Bytes = npt.NDArray[np.uint8]

_ROWS, _TREES = 256, 64  # at once: what they need stays in the processor's nearer memory
_BITS = 8
_FULL = (1 << _BITS) - 1
# Of each byte the lowest bit that is not set; 8 where all are.
_FIRST_CLEAR = np.array([(~byte & byte + 1).bit_length() - 1 for byte in range(_FULL + 1)])


@dataclass(frozen=True, slots=True)
class Trees:
    """T trees, classes taking turns, each of at most W inner nodes, to be read by QuickScorer (Lucchese et al. 2015).

    A tree's leaves are numbered from left to right. Each inner node has a `feature` (T, W) and a `threshold` (T, W),
    and rules out the leaves on its left, `left` (bytes, T, W) bits, where the feature is above the threshold. The first
    leaf that no node rules out is the row's. `value` (T, leaves). Thresholds are rounded down to the precision of the
    rows, which decides the same.
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
        left = np.stack([_wide(tree.left, (inner, leaves)) for tree in trees])
        return cls(
            np.stack([_wide(tree.feature, (inner,)) for tree in trees]),
            _rounded_down(np.stack([_wide(tree.threshold, (inner,), np.inf) for tree in trees])),
            np.ascontiguousarray(np.moveaxis(np.packbits(left, axis=2, bitorder="little"), 2, 0)),
            np.stack([_wide(tree.value, (leaves,)) for tree in trees]),
            int(fields["num_class"]),
        )

    def scores(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """The sum of the trees of each class. (N, features) to (N, classes)"""
        values = np.empty((len(rows), len(self.value)))
        for first in range(0, len(rows), _ROWS):
            columns = np.ascontiguousarray(rows[first : first + _ROWS].T, dtype=np.float32)
            for tree in range(0, len(self.value), _TREES):
                some = slice(tree, tree + _TREES)
                values[first : first + _ROWS, some] = self._values(some, columns).T
        return np.asarray(values.reshape(len(rows), -1, self.classes).sum(axis=1))

    def _values(self, some: slice, columns: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """What `some` of the trees give for each of R rows. (features, R) to (trees, R)"""
        above = (columns[self.feature[some]] > self.threshold[some, :, None]).view(np.uint8)
        leaf = np.zeros((len(above), columns.shape[1]), dtype=np.intp)
        full = True
        for left in self.left[:, some]:
            out = np.bitwise_or.reduce(above * left[:, :, None], axis=1)
            leaf += _FIRST_CLEAR[out] * full
            full = full & (out == _FULL)
        return np.take_along_axis(self.value[some], leaf, axis=1)

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
        order, left = _leaves(*(side.tolist() for side in sides))
        return cls(feature, threshold, left, values[order])


def _leaves(lefts: list[int], rights: list[int]) -> tuple[list[int], npt.NDArray[np.bool_]]:
    """LightGBM's numbers of a tree's leaves from left to right, and per inner node which of these are on its left.

    A child from 0 on is an inner node, a negative one ~ the number of a leaf. Raises ValueError if they make no tree.
    """
    count = len(lefts)
    order: list[int] = []
    left = np.zeros((count, count + 1), dtype=bool)
    for node, start in _walk(lefts, rights, order):
        left[node, start : len(order)] = True
    if sorted(order) != list(range(count + 1)):
        raise ValueError("the nodes of the model make no tree")
    return order, left


def _walk(lefts: list[int], rights: list[int], order: list[int]) -> Iterator[tuple[int, int]]:
    """Add the leaves to `order` from left to right; give each inner node, its left being done, with its first leaf."""
    todo = [(0, -1)]  # a node, and how many leaves came before where its left side is done, else -1
    for _ in range(4 * len(lefts) + 1):  # steps that a tree takes at most; a circle would go on for ever
        if not todo:
            return
        node, start = todo.pop()
        if node < 0:
            order.append(~node)
        elif node >= len(lefts):
            raise ValueError("a node of the model has a child that is not there")
        elif start < 0:
            todo += [(node, len(order)), (lefts[node], -1)]
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
