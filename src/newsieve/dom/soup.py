"""Adapter: BeautifulSoup's trees, of any builder."""

from __future__ import annotations

from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString, PreformattedString

from newsieve.dom.tree import INVISIBLE, Attributes, Tree


def read(root: Tag) -> Tree:
    """Flatten the tree below `root`; its elements are kept as the caller's own."""
    tree = Tree()
    document = isinstance(root, BeautifulSoup)
    if document and root.html is None:
        tree.open("html", {}, -1)
        tree.elements.append(root)
    numbers = {id(root): 0 if tree.tags else -1}
    if not document:
        numbers[id(root)] = _open(root, -1, tree)
    for node in root.descendants:
        parent = numbers.get(id(node.parent))
        if parent is None:
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
    return tree.open(node.name.lower(), _attributes(node), parent)


def _attributes(node: Tag) -> Attributes:
    """Attributes with the values that BeautifulSoup splits joined again."""
    return {name: " ".join(value) if isinstance(value, list) else value for name, value in node.attrs.items()}
