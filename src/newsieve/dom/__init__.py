"""The door: whatever a scraper holds becomes a Tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from newsieve.dom import encoding, lexbor
from newsieve.dom.limits import Budget, Limits, limited
from newsieve.dom.tree import Tree

if TYPE_CHECKING:
    from bs4 import Tag
    from lxml.html import HtmlElement

GZIP = b"\x1f\x8b"
DEFAULT_LIMITS = Limits()
Source: TypeAlias = "str | bytes | Tag | HtmlElement"


def read(source: Source, charset: str | None = None, limits: Limits = DEFAULT_LIMITS) -> tuple[Tree, tuple[str, ...]]:
    """The tree of a page, and notes on what was odd or cut.

    `source` is HTML as str or bytes (of `charset`, where the server named one), a BeautifulSoup or Tag, or an
    lxml element. Raises TypeError on anything else.
    """
    notes: tuple[str, ...] = ()
    budget = Budget(limits)
    if isinstance(source, (bytes, bytearray, memoryview)):
        source, notes = decoded(bytes(source), charset)
    if isinstance(source, str):
        html, cuts = limited(source.removeprefix("\ufeff"), limits)
        tree = lexbor.read(html, budget)
        notes += cuts + _oddities(source)
    else:
        tree = _adapted(source, budget)
    return tree, (*notes, budget.note) if budget.note else notes


def decoded(data: bytes, charset: str | None) -> tuple[str, tuple[str, ...]]:
    """The text of `data`, and notes."""
    if data[:2] == GZIP:
        return "", ("not HTML but gzip data",)
    text, note = encoding.decode(data, charset)
    return text, (note,) if note else ()


def _oddities(html: str) -> tuple[str, ...]:
    """A note on what is not HTML, as far as its start tells."""
    start = html[:200].lstrip("\ufeff \t\r\n")
    if "\0" in start:
        return ("not HTML but binary data",)
    if start[:1] in ("{", "[") and "<" not in start:
        return ("not HTML, it starts as JSON does",)
    if start.startswith("<?xml") and "<html" not in html[:2000]:
        return ("not HTML, it starts as XML does",)
    return ()


def _adapted(source: Any, budget: Budget) -> Tree:
    """Trees are told by the names of their packages, so that neither package is loaded for pages of text."""
    packages = {cls.__module__.split(".", 1)[0] for cls in type(source).__mro__}
    if "bs4" in packages and hasattr(source, "children"):
        from newsieve.dom import soup

        return soup.read(source, budget)
    if "lxml" in packages and (hasattr(source, "iterdescendants") or hasattr(source, "getroot")):
        from newsieve.dom import lxml

        return lxml.read(source, budget)
    hint = "; pass its .root" if hasattr(source, "root") else ""
    raise TypeError(f"newsieve takes str, bytes, BeautifulSoup or lxml elements, not {type(source).__name__}{hint}")
