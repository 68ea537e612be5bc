"""Rules: the kind of a block where its markup alone says it, for pages that nobody has labelled."""

from __future__ import annotations

from newsieve.blocks import Segments
from newsieve.dom.tree import Tree
from newsieve.labels import Kind

_NEVER = "-"
_ELSEWHERE = frozenset("a li aside nav header footer label".split())
# Fields of a form that asks for an address and nothing else: with any other it logs in, comments or searches.
_SILENT = frozenset(["hidden", "submit", "button", "checkbox", "image", "radio", "reset"])


def kinds_by_markup(tree: Tree, segments: Segments) -> list[str]:
    """The kind's letter of each block that a rule knows, else "".

    A figcaption is C and a form for an address W, but for what stands in links, lists, asides, heads and feet, where
    captions are of teasers and forms log in, and for labels of fields, which are as often error messages.
    """
    asking = _asking_forms(tree)
    kinds: list[str] = []
    for number, (tag, parent) in enumerate(zip(tree.tags, tree.parents, strict=True)):
        above = kinds[parent] if parent >= 0 else ""
        if tag in _ELSEWHERE or above == _NEVER:
            kinds.append(_NEVER)
        elif tag == "figcaption":
            kinds.append(Kind.CAPTION.value)
        else:
            kinds.append(Kind.OFFER.value if number in asking else above)
    own = [kinds[tree.owners[first]] for first, _ in segments.runs]
    return ["" if kind == _NEVER else kind for kind in own]


def _asking_forms(tree: Tree) -> set[int]:
    """The forms with one field for an e-mail address and no other that takes text."""
    fields: dict[int, list[str]] = {}
    for number, tag in enumerate(tree.tags):
        if tag in {"input", "textarea", "select"}:
            form = _form_of(tree, number)
            fields.setdefault(form, []).append(_field(tree, number) if tag == "input" else tag)
    fields.pop(-1, None)
    return {form for form, kinds in fields.items() if [kind for kind in kinds if kind not in _SILENT] == ["email"]}


def _form_of(tree: Tree, number: int) -> int:
    while number >= 0 and tree.tags[number] != "form":
        number = tree.parents[number]
    return number


def _field(tree: Tree, number: int) -> str:
    """The type of an input; a text field that is named for an address counts as one."""
    attributes = tree.attributes[number]
    kind = (attributes.get("type") or "text").lower()
    names = f"{attributes.get('name') or ''} {attributes.get('id') or ''} {attributes.get('placeholder') or ''}"
    return "email" if kind == "text" and "mail" in names.lower() else kind
