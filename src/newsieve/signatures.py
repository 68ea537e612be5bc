"""What an element's tag and attributes say: its signature, and the hashed words that signatures are made of."""

from __future__ import annotations

import re
from collections.abc import Iterator
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
    tag, values = str(key[0]), dict(zip(key[1::2], key[2::2], strict=True))
    names = [name for name, tags in TAG_GROUPS.items() if tag in tags]
    if "-" in tag:
        names.append("custom")
    if "hidden" in values:
        names.append("hidden")
    if tag in ("input", "textarea") and values.get("type") not in ("hidden", "submit", "button"):
        names.append("field")
    words = dict.fromkeys(_words(tag, values))
    return Signature(
        _TAG_NUMBERS.get(tag, 0),
        tuple(GROUP_NAMES.index(name) for name in names),
        tuple(hashed(word, PATH_BUCKETS) for word in words),
    )


def _words(tag: str, values: dict[str | None, str | None]) -> Iterator[str]:
    """The tag, the attributes' names, and the parts of their values, in lower case."""
    yield f"<{tag}>"
    for name, value in values.items():
        yield f"{name}="
        for word in _WORD.findall((value or "")[:200]):
            if 2 <= len(word) <= 24:
                yield word.lower()


def hashed(word: str, buckets: int) -> int:
    """The bucket of a word: CRC-32 modulo `buckets`."""
    return crc32(word.encode("utf-8", "replace")) % buckets
