"""Adapter: lxml's trees."""

from __future__ import annotations

from typing import Any

from newsieve.dom.limits import Budget
from newsieve.dom.tree import INVISIBLE, Tree


def read(root: Any, budget: Budget | None = None) -> Tree:
    """Flatten what is below an lxml element or document within the `budget`; elements are kept as the caller's own.

    lxml hangs a text onto the element before it, so the tail of an element is added when all inside it has been.
    """
    root = root.getroot() if hasattr(root, "getroot") else root
    tree, budget = Tree(), budget or Budget()
    stack: list[tuple[Any, int, bool]] = [] if root is None else [(root, -1, False)]
    while stack and not budget.met(tree.clock):
        node, parent, closing = stack.pop()
        if closing:
            tree.add_text(node.tail, parent)
            continue
        if node is not root:
            stack.append((node, parent, True))
        if isinstance(node.tag, str):
            _enter(node, parent, tree, stack)
    return tree


def _enter(node: Any, parent: int, tree: Tree, stack: list[tuple[Any, int, bool]]) -> None:
    tag = node.tag.rsplit("}", 1)[-1].lower()
    number = tree.open(tag, dict(node.attrib), parent)
    tree.elements.append(node)
    if tag not in INVISIBLE:
        tree.add_text(node.text, number)
        stack.extend((child, number, False) for child in reversed(node))
