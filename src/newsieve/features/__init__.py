"""FEATURES, the ordered table of a block's features by family, and featurize(), which computes them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from newsieve.characters import NUMBER, Characters
from newsieve.features import box, containers, context, page, text
from newsieve.features.containers import Places, places_of
from newsieve.features.tokens import Path, Tokens, path_of, text_tokens
from newsieve.labels import KINDS
from newsieve.layout import Floats, Layout

# The families that a page alone gives, and those that the learned evidence adds.
PLAIN: dict[str, tuple[str, ...]] = {
    "text": text.NAMES, "box": box.NAMES, "containers": containers.NAMES, "page": page.NAMES,
}  # fmt: skip
LEARNED: dict[str, tuple[str, ...]] = {
    "text_evidence": tuple(f"text_{kind.name.lower()}" for kind in KINDS),
    "path_evidence": tuple(f"path_{kind.name.lower()}" for kind in KINDS),
    "context": context.NAMES,
}
FAMILIES = (*PLAIN, *LEARNED)
PLAIN_FEATURES = tuple(f"{family}.{name}" for family, names in PLAIN.items() for name in names)
FEATURES = (*PLAIN_FEATURES, *(f"{family}.{name}" for family, names in LEARNED.items() for name in names))

Values = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Rows:
    """What is known of a page's B blocks before any evidence: `values` (B, PLAIN_FEATURES), tokens, and places."""

    values: Values
    text: Tokens
    path: Path
    places: Places


def featurize(layout: Layout) -> Rows:
    """Compute the plain features and the tokens of every block of a page with at least one block."""
    characters = Characters(layout.segments.texts)
    rows, words = characters.words()
    links = box.Links(layout)
    places = places_of(layout)
    own, boxed = text.text_features(characters, layout.chars), box.box_features(layout, links)
    families = [
        own,
        boxed,
        containers.container_features(layout, places, links.share, _signs(own, boxed)),
        page.page_features(layout, links.share, rows, words),
    ]
    values = np.concatenate(families, axis=1).astype(np.float32)
    return Rows(values, text_tokens(rows, words), path_of(layout, links.hrefs), places)


def _signs(own: Floats, boxed: Floats) -> Floats:
    """`containers.SIGNS` of each block. (B, SIGNS)"""
    last = own[:, text.NAMES.index("last_class")]
    pictured = boxed[:, box.NAMES.index("media_clock_before")] <= containers.AT_ONCE
    priced = own[:, text.NAMES.index("currency_count")] > 0
    away = boxed[:, box.NAMES.index("href_form")] == box.AWAY
    return np.stack([pictured, last == NUMBER["stop"], priced, away], axis=1).astype(np.float64)


def learned(odds: npt.NDArray[np.floating], places: Places) -> Values:
    """The learned families of one page, from its blocks' log-odds by text and by path (B, 2 K). (B, LEARNED)"""
    return np.concatenate([odds, context.context_features(context.joined(odds), places)], axis=1, dtype=np.float32)
