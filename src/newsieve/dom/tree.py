"""A page's element tree as flat lists, in document order."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

Attributes = Mapping[str, str | None]

_NAME = re.compile(r"[^\W\d][\w.-]*")  # what XPath takes for a name as it stands

# Elements whose inside a browser never lays out as text. The walks enter none of them.
INVISIBLE = frozenset("script style template svg iframe noembed noframes math object applet datalist frameset".split())


@dataclass(slots=True)
class Tree:
    """The elements and the non-blank text nodes of one page.

    Both are counted by one clock, in document order. Element ``i`` stands at `places[i]`, has `tags[i]` (lower
    case), `attributes[i]`, `parents[i]` (an element, -1 at the root) and, where the page came as a tree,
    `elements[i]`, the caller's own. Text node ``j`` stands at `text_places[j]` inside element `owners[j]`.
    `clock` is the number of both together. A blank text node becomes a space before the text that follows it.
    """

    tags: list[str] = field(default_factory=list)
    attributes: list[Attributes] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    owners: list[int] = field(default_factory=list)
    text_places: list[int] = field(default_factory=list)
    elements: list[object] = field(default_factory=list)
    clock: int = 0
    after_blank: bool = False

    def open(self, tag: str, attributes: Attributes, parent: int) -> int:
        """Add an element below element `parent` and return its number."""
        number = len(self.tags)
        self.tags.append(tag)
        self.attributes.append(attributes)
        self.parents.append(parent)
        self.places.append(self.clock)
        self.clock += 1
        return number

    def add_text(self, text: str | None, owner: int) -> None:
        """Add a text node below element `owner`, unless it is blank or stands outside of every element."""
        if not text or owner < 0:
            return
        if text.isspace():
            self.after_blank = True
        else:
            self.texts.append(" " + text if self.after_blank else text)
            self.after_blank = False
            self.owners.append(owner)
            self.text_places.append(self.clock)
            self.clock += 1

    def xpath(self, number: int) -> str:
        """The XPath of element `number`, with positions where a tag has siblings of its name."""
        steps: list[str] = []
        while number >= 0:
            steps.append(self._step(number))
            number = self.parents[number]
        return "/" + "/".join(reversed(steps))

    def _step(self, number: int) -> str:
        tag, parent = self.tags[number], self.parents[number]
        if parent < 0:
            return tag
        twins = [i for i, p in enumerate(self.parents) if p == parent and self.tags[i] == tag]
        step = tag if _NAME.fullmatch(tag) else f"*[name()={_quoted(tag)}]"
        return step if len(twins) == 1 else f"{step}[{twins.index(number) + 1}]"


def _quoted(tag: str) -> str:
    """A string as XPath writes it, which has no escapes."""
    if "'" not in tag:
        return f"'{tag}'"
    return f'"{tag}"' if '"' not in tag else "concat('" + "', \"'\", '".join(tag.split("'")) + "')"
