"""Adapter: HTML text, through lexbor (selectolax)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from selectolax.lexbor import LexborHTMLParser, LexborNode

from newsieve.dom.limits import Budget
from newsieve.dom.tree import INVISIBLE, Tree

_NOSCRIPT = re.compile(r"</?[nN][oO][sS][cC][rR][iI][pP][tT]")
_TEXT = 2  # lexbor's number of the tag "-text"
_FIRST_UNKNOWN = 1 << 12  # lexbor numbers the tags of the HTML standard from 1; all others by their address


def read(html: str, budget: Budget | None = None) -> Tree:
    """Parse `html` as a browser does and flatten it within the `budget`. Raises nothing on broken markup."""
    tree = Tree()
    root = LexborHTMLParser(_with_closed_frames(_without_surrogates(html))).root
    if root is not None:
        numbers = {root.parent.mem_id: -1} if root.parent is not None else {}
        for nodes in (budget or Budget()).portions(root.traverse(include_text=True)):
            _walk(nodes, tree, numbers)
    return tree


def _walk(nodes: list[LexborNode], tree: Tree, numbers: dict[int, int]) -> None:
    """Add `nodes`, which stand in document order. A node whose parent was not entered is not entered either.

    `numbers` has the nodes that were entered.
    """
    add_text, open_element, names = tree.add_text, tree.open, _names()
    for node in nodes:
        parent = numbers.get(node.parent.mem_id)  # type: ignore[union-attr] # the root's parent is the document
        if parent is None:
            continue
        tag_id = node.tag_id
        if tag_id == _TEXT:
            add_text(node.text_content, parent)
            continue
        tag = names.get(tag_id)
        if tag is None:
            tag = node.tag or "-"
            if tag_id < _FIRST_UNKNOWN:
                names[tag_id] = tag
        if tag[0] in "-!":
            continue
        number = open_element(tag, node.attributes, parent)
        if tag not in INVISIBLE:
            numbers[node.mem_id] = number


@cache
def _names() -> dict[int, str]:
    """Tag names by lexbor's numbers, filled as they are met: asking the node costs more than the look-up."""
    return {}


def _without_surrogates(html: str) -> str:
    """`html` with lone surrogates, which no parser takes, as U+FFFD, as a browser shows them."""
    try:
        html.encode()
    except UnicodeEncodeError:
        return html.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return html


def _with_closed_frames(html: str) -> str:
    """`html` with each iframe that a noscript leaves open closed before the noscript ends.

    To a parser that runs no scripts, as ours, all the rest of the page would be that iframe's text.
    """
    parts: list[str] = []
    at = 0
    for start, end in _noscripts(html):
        inside = html[start:end].lower()
        if inside.rfind("<iframe") > inside.rfind("</iframe"):
            parts += (html[at:end], "</iframe>")
            at = end
    return "".join([*parts, html[at:]]) if parts else html


def _noscripts(html: str) -> Iterator[tuple[int, int]]:
    """Where each noscript starts and ends, in any case."""
    start = -1
    for match in _NOSCRIPT.finditer(html):
        if match[0][1] != "/":
            start = match.start() if start < 0 else start
        elif start >= 0:
            yield start, match.start()
            start = -1
