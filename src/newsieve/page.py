"""Page and Block: what classify() gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from newsieve.dom.tree import Tree
from newsieve.labels import LABELS, Label

HEADLINE = 0.3  # below this nothing is taken for the headline
_PICTURES = frozenset(["img", "amp-img", "video", "amp-video", "iframe"])
_SOURCES = ("src", "data-src", "data-original", "data-lazy-src", "poster")
_LEVELS = 6  # elements up from a block within which a picture belongs to it


class Picture(NamedTuple):
    """A picture's address as the page writes it, and the text that stands for it."""

    src: str | None
    alt: str | None


@dataclass(slots=True)
class Block:
    """A run of text that a browser lays out as one box, and what it is. To be read, not changed.

    `label` is the most probable label and `probability` its share; `headline` is how much the block's words and its
    path speak for the page's headline, 0 to 1. (Not frozen: that would double the time a block takes to make.)
    """

    text: str
    label: Label
    probability: float
    headline: float = field(repr=False)
    _shares: list[float] = field(repr=False, compare=False)
    _tree: Tree | None = field(default=None, repr=False, compare=False)
    _box: int = field(default=-1, repr=False, compare=False)

    @property
    def probabilities(self) -> Mapping[Label, float]:
        """The share of each of the four labels; they sum to 1."""
        return dict(zip(LABELS, self._shares, strict=True))

    @property
    def tag(self) -> str | None:
        """The tag of the block's box, lower case; None in text mode."""
        return self._tree.tags[self._box] if self._tree else None

    @property
    def path(self) -> str | None:
        """An XPath that finds the block's box in the parsed page; None in text mode."""
        return self._tree.xpath(self._box) if self._tree else None

    @property
    def element(self) -> Any:
        """The caller's own element of the block's box where a tree came in, else None."""
        return self._tree.elements[self._box] if self._tree and self._tree.elements else None

    @property
    def picture(self) -> Picture | None:
        """The picture that the block belongs to: the nearest in the smallest element around it that has one."""
        return _nearest_picture(self._tree, self._box) if self._tree else None

    def to_dict(self) -> dict[str, Any]:
        """The block as JSON takes it."""
        return {
            "text": self.text,
            "label": self.label.value,
            "probability": round(self.probability, 6),
            "probabilities": {label.value: round(share, 6) for label, share in self.probabilities.items()},
            "path": self.path,
            "tag": self.tag,
        }


@dataclass(frozen=True, slots=True)
class Page:
    """The labelled blocks of a page in reading order, and notes on what was cut or odd."""

    blocks: tuple[Block, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str | None:
        """The text of the headline: of the content blocks the one most like a headline, if any is."""
        block = self._headline()
        return block.text if block else None

    @property
    def body(self) -> str:
        """The content without the headline and its repeats, blocks joined by line feeds."""
        title = self.title
        return "\n".join(b.text for b in self._labelled(Label.CONTENT) if b.text != title)

    @property
    def text(self) -> str:
        """Title and body."""
        return "\n".join(part for part in (self.title, self.body) if part)

    @property
    def captions(self) -> tuple[Block, ...]:
        """The caption blocks; block.picture is what each belongs to."""
        return self._labelled(Label.CAPTION)

    @property
    def promos(self) -> tuple[Block, ...]:
        """The promo blocks."""
        return self._labelled(Label.PROMO)

    @property
    def navs(self) -> tuple[Block, ...]:
        """The nav blocks."""
        return self._labelled(Label.NAV)

    def to_dict(self) -> dict[str, Any]:
        """The page as JSON takes it."""
        return {
            "title": self.title,
            "body": self.body,
            "blocks": [block.to_dict() for block in self.blocks],
            "notes": list(self.notes),
        }

    def _labelled(self, label: Label) -> tuple[Block, ...]:
        return tuple(block for block in self.blocks if block.label is label)

    def _headline(self) -> Block | None:
        best = max(self._labelled(Label.CONTENT), key=lambda block: block.headline, default=None)
        return best if best and best.headline >= HEADLINE else None


def _nearest_picture(tree: Tree, box: int) -> Picture | None:
    around = box
    for _ in range(_LEVELS):
        if around < 0 or tree.tags[around] == "body":
            return None
        found = [number for number in _subtree(tree, around) if tree.tags[number] in _PICTURES]
        if found:
            attributes = tree.attributes[min(found, key=lambda number: abs(number - box))]
            src = next((value for name in _SOURCES if (value := attributes.get(name))), None)
            return Picture(src, attributes.get("alt"))
        around = tree.parents[around]
    return None


def _subtree(tree: Tree, number: int) -> range:
    """An element and all below it: those that follow, up to one that lies in none of them."""
    end = number + 1
    while end < len(tree.parents) and tree.parents[end] >= number:
        end += 1
    return range(number, end)
