"""Adapter: BeautifulSoup's trees, of any builder."""

from __future__ import annotations

from itertools import chain

from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString, PreformattedString

from newsieve.dom.limits import Budget
from newsieve.dom.tree import INVISIBLE, Attributes, Tree


def read(root: Tag, budget: Budget | None = None) -> Tree:
    """Flatten the tree below `root` within the `budget`; its elements are kept as the caller's own.

    What a document holds beside its html element, of which some builders leave texts, goes into that element.
    """
    tree = Tree()
    top = (root.html or root) if isinstance(root, BeautifulSoup) else root
    numbers = {id(root): _open(top, -1, tree)}
    numbers[id(top)] = numbers[id(root)]
    for node in chain.from_iterable((budget or Budget()).portions(root.descendants)):
        parent = numbers.get(id(node.parent))
        if parent is None or node is top:
            continue
        if isinstance(node, Tag):
            number = _open(node, parent, tree)
            if node.name.lower() not in INVISIBLE:
                numbers[id(node)] = number
        elif isinstance(node, NavigableString) and not isinstance(node, PreformattedString):
            tree.add_text(str(node), parent)
    return tree


def _open(node: Tag, parent: int, tree: Tree) -> int:
    tree.elements.append(node)
    tag = "html" if isinstance(node, BeautifulSoup) else node.name.lower()  # a document without one
    return tree.open(tag, _attributes(node), parent)


def _attributes(node: Tag) -> Attributes:
    """Attributes with the values that BeautifulSoup splits joined again."""
    return {name: " ".join(value) if isinstance(value, list) else value for name, value in node.attrs.items()}
