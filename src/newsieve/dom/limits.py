"""Limits that keep any page within time and memory; what they cut is said in a note."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from time import monotonic
from typing import TypeVar

# What HTML closes by itself, or never opens: these do not nest, however many follow each other.
_FLAT = frozenset(
    "area base body br col colgroup dd dt embed head hr html img input li link meta optgroup option p param path rb rp"
    " rt rtc source tbody td tfoot th thead tr track wbr".split()
)
_INLINE = frozenset("a abbr b big cite code em font i label mark q s small span strike strong sub sup tt u".split())
_TAG = re.compile(r"<(/?)([a-zA-Z][^\s/>]{0,60})[^>]*(/?)>")
_STRIDE = 4096  # nodes between two looks at the clock
_READING = 0.15  # the share of a page's time that its tree takes to be read; what comes after goes by the tree's size
_FEW = 8000  # signs "<" up to which a page cannot nest deeply enough to matter


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a page is read: `characters` of HTML, `depth` of nested elements, `nodes` of the tree, `seconds`.

    What lies deeper than `depth` keeps its text and loses its tags (browsers do the same at 512); what comes after
    the others is not labelled. The time is kept by reading no more of the tree once it has taken its usual share, so a
    page takes about so long at most; which block is the last then depends on the machine.
    """

    characters: int = 30_000_000
    depth: int = 512
    nodes: int = 300_000
    seconds: float = 60.0


Node = TypeVar("Node")


@dataclass(slots=True)
class Budget:
    """The limits on reading one tree, from now on; `note` says which was met, if any was."""

    limits: Limits = Limits()
    note: str = ""
    _until: float = field(init=False)

    def __post_init__(self) -> None:
        self._until = monotonic() + self.limits.seconds * _READING

    def portions(self, nodes: Iterable[Node]) -> Iterator[list[Node]]:
        """The nodes up to the limit, some at a time."""
        rest, read = iter(nodes), 0
        for one in rest:
            if self.met(read):
                return
            some = [one, *islice(rest, min(_STRIDE, self.limits.nodes - read) - 1)]
            yield some
            read += len(some)

    def met(self, read: int) -> bool:
        """Whether after so many nodes a limit is met, though there are more."""
        if read >= self.limits.nodes:
            self.note = f"cut after {read:,} nodes"
        elif monotonic() > self._until:
            self.note = f"cut after {read:,} nodes, to take no more than {self.limits.seconds:g} seconds"
        return bool(self.note)


def limited(html: str, limits: Limits) -> tuple[str, tuple[str, ...]]:
    """`html` within the limits on characters and depth, and a note for each limit that was met."""
    notes = []
    if len(html) > limits.characters:
        notes.append(f"cut after {limits.characters:,} of {len(html):,} characters")
        html = html[: limits.characters]
    if html.count("<") > _FEW:
        flatter = _flattened(html, limits.depth)
        if flatter != html:
            notes.append(f"nested deeper than {limits.depth} elements; deeper tags were left out")
            html = flatter
    return html, tuple(notes)


def _flattened(html: str, limit: int) -> str:
    """`html` without the tags of elements that are nested deeper than `limit`; a rule parts what boxes parted.

    A parser looks up all open elements for many a tag, so that deep nesting costs time by its square.
    """
    depth, at = 0, 0
    parts: list[str] = []
    for match in _TAG.finditer(html):
        if match[2].lower() in _FLAT or match[3]:
            continue
        deep = depth > limit
        depth = max(depth - 1, 0) if match[1] else depth + 1
        if deep and depth >= limit:
            parts += (html[at : match.start()], "" if match[2].lower() in _INLINE else "<hr>")
            at = match.end()
    return "".join([*parts, html[at:]])
