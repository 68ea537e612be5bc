"""The words of the task: four labels, twelve kinds, and the usual map between them."""

from __future__ import annotations

from enum import StrEnum


class Label(StrEnum):
    """What a block of a page is to its reader."""

    CONTENT = "content"
    CAPTION = "caption"
    PROMO = "promo"
    NAV = "nav"


class Kind(StrEnum):
    """The finer classes that people label with; each belongs to one label."""

    TITLE = "T"
    STANDFIRST = "S"
    BODY = "B"
    CAPTION = "C"
    ADVERT = "A"
    OFFER = "W"
    MENU = "M"
    BYLINE = "Y"
    RELATED = "R"
    TOOL = "H"
    COMMENT = "U"
    FOOTER = "F"


LABELS: tuple[Label, ...] = tuple(Label)
KINDS: tuple[Kind, ...] = tuple(Kind)
