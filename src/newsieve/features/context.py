"""Family `context`: what the evidence says of a block's neighbours and of what it lies among."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from newsieve.features.containers import SPANS, Places, grouped
from newsieve.labels import KINDS, Kind
from newsieve.layout import Floats, running, softmax

GROUPS: dict[str, tuple[Kind, ...]] = {
    "title": (Kind.TITLE,), "body": (Kind.STANDFIRST, Kind.BODY), "caption": (Kind.CAPTION,), "advert": (Kind.ADVERT,),
    "offer": (Kind.OFFER,), "related": (Kind.RELATED,), "byline": (Kind.BYLINE,), "comment": (Kind.COMMENT,),
}  # fmt: skip
_MEMBERS = np.array([[kind in group for group in GROUPS.values()] for kind in KINDS], dtype=np.float64)
STEPS = (-2, -1, 1, 2)
OPENED = ("parent", "grand", "section", "module")  # containers whose first block may be their heading
WINDOWS = ((-6, -2), (3, 7))  # blocks before and after, from the first to before the last
_SOURCES = (
    *(f"at{step:+d}" for step in STEPS), *(f"from{a:+d}to{b - 1:+d}" for a, b in WINDOWS), "heading",
    *(f"in_{name}" for name in SPANS), "page", "alike", "twin", *(f"first_of_{name}" for name in OPENED),
)  # fmt: skip
NAMES = tuple(f"{source}_{group}" for source in _SOURCES for group in GROUPS)


def joined(odds: npt.NDArray[np.floating]) -> Floats:
    """Probabilities of the kinds, of the text's and the path's log-odds (B, 2 K) together. (B, K)"""
    return np.asarray(softmax(odds[:, : len(KINDS)] + odds[:, len(KINDS) :]))


def context_features(probabilities: Floats, places: Places) -> Floats:
    """Mean probability of each group of kinds over each source of context; 0 beyond the page's edge. (B, NAMES)"""
    groups = grouped_kinds(probabilities)
    sums = running(groups)
    parts = [
        steps(groups, STEPS),
        means(sums, WINDOWS),
        np.where(places.heading[:, None] < 0, 0, groups[places.heading])[:, None],
        (sums[places.last] - sums[places.first]) / np.maximum(places.last - places.first, 1)[:, :, None],
        np.broadcast_to(sums[-1] / len(groups), (len(groups), 1, len(GROUPS))),
        *((grouped(groups, like) / np.bincount(like)[like, None])[:, None] for like in (places.alike, places.twin)),
        groups[places.first[:, [SPANS.index(name) for name in OPENED]]],
    ]
    return np.concatenate(parts, axis=1).reshape(len(groups), -1)


def grouped_kinds(probabilities: Floats) -> Floats:
    """Probabilities of the kinds summed by `GROUPS`; of the kinds in none nothing is kept. (B, groups)"""
    return np.asarray(probabilities @ _MEMBERS)


def steps(groups: Floats, wanted: tuple[int, ...]) -> Floats:
    """The rows so many steps before or after each row; 0 beyond the edge. (B, wanted, groups)"""
    count = len(groups)
    around = np.arange(count)[:, None] + np.array(wanted)
    around[(around < 0) | (around >= count)] = count
    return np.asarray(np.concatenate([groups, np.zeros((1, groups.shape[1]))])[around])


def means(sums: Floats, windows: tuple[tuple[int, int], ...]) -> Floats:
    """Means over windows of rows around each row, by running `sums` (B + 1, groups). (B, windows, groups)"""
    count = len(sums) - 1
    numbers = np.arange(count)
    edges = [(np.clip(numbers + a, 0, count), np.clip(numbers + b, 0, count)) for a, b in windows]
    return np.stack([(sums[b] - sums[a]) / np.maximum(b - a, 1)[:, None] for a, b in edges], axis=1)
