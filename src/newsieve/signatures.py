"""What an element's tag and attributes say: its signature, and the hashed words that signatures are made of."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from zlib import crc32

from newsieve.dom.tree import Attributes

PATH_BUCKETS = 1 << 14

# Attributes whose values web authors write for themselves to read.
TELLING = frozenset(
    "class id role itemprop itemtype data-testid data-test-id data-component data-module data-type data-name data-qa"
    " name rel type aria-label property placeholder".split()
)

# Groups of tags that tell; a signature knows which of them its tag is in.
TAG_GROUPS: dict[str, frozenset[str]] = {
    name: frozenset(tags.split())
    for name, tags in {
        "header": "header", "nav": "nav menu", "footer": "footer", "aside": "aside amp-sidebar", "main": "main",
        "article": "article", "section": "section", "figure": "figure", "figcaption": "figcaption caption",
        "form": "form fieldset", "table": "table", "cell": "td th", "list": "ul ol dl", "item": "li dd dt",
        "quote": "blockquote q", "button": "button", "link": "a", "h1": "h1", "h2": "h2", "h3": "h3",
        "h456": "h4 h5 h6", "p": "p", "pre": "pre code", "label": "label", "noscript": "noscript",
        "select": "select", "dialog": "dialog amp-consent", "emphasis": "b strong em i",
        "small": "small sub sup time address",
        "media": "img picture video audio iframe canvas embed object amp-img amp-video amp-iframe svg",
        "control": "button input select textarea", "heading": "h1 h2 h3 h4 h5 h6",
        "sectioning": "section article aside nav header footer main form figure table ul ol dl body dialog",
        "listing": "ul ol dl table tbody menu",
    }.items()
}  # fmt: skip
GROUP_NAMES = (*TAG_GROUPS, "custom", "hidden", "field")
TAGS = (
    "p div li a span td h1 h2 h3 h4 h5 h6 button label figcaption strong em b section dt dd th time blockquote".split()
)

_FIELDS = frozenset(["input", "textarea"])
_PRESSED = frozenset(["hidden", "submit", "button"])  # types of inputs that nobody types into
_HIDDEN, _FIELD = GROUP_NAMES.index("hidden"), GROUP_NAMES.index("field")
_TAG_NUMBERS = {tag: number for number, tag in enumerate(TAGS, 1)}
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]{2,}(?![a-z])|[^\W\d_A-Za-z]+")
_HIDING = re.compile(r"display:\s*none|visibility:\s*hidden")

Key = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature's tag number (0: none of `TAGS`), its groups (numbers in `GROUP_NAMES`) and its hashed words."""

    tag: int
    groups: tuple[int, ...]
    words: tuple[int, ...]


def key_of(tag: str, attributes: Attributes) -> Key:
    """What two elements must share to have one signature: the tag and the telling attributes."""
    if not attributes:
        return (tag,)
    parts: list[str | None] = [tag]
    for name, value in attributes.items():
        if name in TELLING:
            parts += (name, value)
        elif name == "hidden" or (name == "style" and value and _HIDING.search(value)):
            parts += ("hidden", None)
    return tuple(parts)


@lru_cache(maxsize=1 << 15)
def signature(key: Key) -> Signature:
    """The signature of a key. Sites repeat theirs on page after page, so those met last are kept."""
    tag = key[0] or ""
    number, groups, buckets = _of_tag(tag)
    found = dict.fromkeys(buckets)
    for name, value in zip(key[1::2], key[2::2], strict=True):
        if name == "hidden":
            groups = (*groups, _HIDDEN)
        found[bucket(f"{name}=")] = None
        if value:
            for word in _WORD.findall(value[:200]):
                if 2 <= len(word) <= 24:
                    found[bucket(word.lower())] = None
    if tag in _FIELDS and not _PRESSED & set(key[2::2]):
        groups = (*groups, _FIELD)
    return Signature(number, groups, tuple(found))


@lru_cache(maxsize=1 << 10)
def _of_tag(tag: str) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
    """A tag's number, groups and words."""
    names = [name for name, tags in TAG_GROUPS.items() if tag in tags] + (["custom"] if "-" in tag else [])
    return _TAG_NUMBERS.get(tag, 0), tuple(GROUP_NAMES.index(name) for name in names), (bucket(f"<{tag}>"),)


@lru_cache(maxsize=1 << 15)
def bucket(word: str) -> int:
    """The bucket of a word of a path: CRC-32 modulo PATH_BUCKETS."""
    return crc32(word.encode("utf-8", "replace")) % PATH_BUCKETS
