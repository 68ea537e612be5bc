"""Text mode: features of the lines of a dump that has no tree: the text itself, its place, and its neighbours."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from newsieve.characters import Characters
from newsieve.features import page, text
from newsieve.features.context import GROUPS, grouped_kinds, means, steps
from newsieve.labels import KINDS
from newsieve.layout import running, softmax

STEPS = (-3, -2, -1, 1, 2, 3)
WINDOWS = ((-9, -3), (4, 10), (-10_000, 0), (1, 10_000))  # from the first line to before the last, from the block
_SOURCES = (*(f"at{step:+d}" for step in STEPS), *(f"from{a:+d}to{b - 1:+d}" for a, b in WINDOWS))
# The features of a page's own rows that a line has too.
SHARED = (*(f"text.{name}" for name in text.NAMES), *(f"page.{name}" for name in page.PLACE + page.REPEATS))
LINE_FEATURES = (
    *SHARED,
    *(f"text_evidence.text_{kind.name.lower()}" for kind in KINDS),
    *(f"context.{source}_{group}" for source in _SOURCES for group in GROUPS),
)

Values = npt.NDArray[np.float32]


def shared_features(texts: list[str], characters: Characters) -> Values:
    """The features that lines share with blocks. (N, SHARED)"""
    chars = np.array([len(line) for line in texts])
    columns = np.stack([*page.place(chars), *page.repeats(texts)], axis=1)
    return np.concatenate([text.text_features(characters, chars), columns], axis=1, dtype=np.float32)


def line_features(shared: Values, odds: npt.NDArray[np.floating]) -> Values:
    """All features of the lines of one text, from what they share with blocks and their log-odds (N, K) by text."""
    groups = grouped_kinds(np.asarray(softmax(odds), dtype=np.float64))
    around = np.concatenate([steps(groups, STEPS), means(running(groups), WINDOWS)], axis=1)
    return np.concatenate([shared, odds, around.reshape(len(odds), -1)], axis=1, dtype=np.float32)
