"""The door: whatever a scraper holds becomes a Tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from newsieve.dom import encoding, lexbor
from newsieve.dom.tree import Tree

if TYPE_CHECKING:
    from bs4 import Tag
    from lxml.html import HtmlElement

Source: TypeAlias = "str | bytes | Tag | HtmlElement"


def read(source: Source, charset: str | None = None) -> tuple[Tree, tuple[str, ...]]:
    """The tree of a page, and notes on what was odd.

    `source` is HTML as str or bytes (of `charset`, where the server named one), a BeautifulSoup or Tag, or an
    lxml element. Raises TypeError on anything else.
    """
    if isinstance(source, str):
        return lexbor.read(source), ()
    if isinstance(source, (bytes, bytearray, memoryview)):
        text, note = encoding.decode(bytes(source), charset)
        return lexbor.read(text), (note,) if note else ()
    return _adapted(source), ()


def _adapted(source: Any) -> Tree:
    """Trees are told by the names of their packages, so that neither package is loaded for pages of text."""
    packages = {cls.__module__.split(".", 1)[0] for cls in type(source).__mro__}
    if "bs4" in packages and hasattr(source, "children"):
        from newsieve.dom import soup

        return soup.read(source)
    if "lxml" in packages and (hasattr(source, "iterdescendants") or hasattr(source, "getroot")):
        from newsieve.dom import lxml

        return lxml.read(source)
    hint = "; pass its .root" if hasattr(source, "root") else ""
    raise TypeError(f"newsieve takes str, bytes, BeautifulSoup or lxml elements, not {type(source).__name__}{hint}")
