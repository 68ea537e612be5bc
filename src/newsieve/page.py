"""Page and Block: what classify() gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from newsieve.dom.tree import Tree
from newsieve.labels import Label


@dataclass(frozen=True, slots=True)
class Block:
    """A run of text that a browser lays out as one box, and what it is.

    `probabilities` has all four labels and sums to 1; `label` is the most probable and `probability` its share.
    """

    text: str
    label: Label
    probability: float
    probabilities: Mapping[Label, float]
    headline: float = field(repr=False)
    """How much the block's words and its path speak for the page's headline, 0 to 1."""
    _tree: Tree | None = field(default=None, repr=False, compare=False)
    _box: int = field(default=-1, repr=False, compare=False)

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
        """The caption blocks."""
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
        return best if best and best.headline >= 0.3 else None
