"""The functions that use the model that ships with newsieve, loaded at their first call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache

from newsieve.classifier import Classifier
from newsieve.dom import DEFAULT_LIMITS, Source
from newsieve.dom.limits import Limits
from newsieve.page import Page


def classify(
    html: Source, url: str | None = None, *, charset: str | None = None, limits: Limits = DEFAULT_LIMITS
) -> Page:
    """Label every block of text of a page.

    `html` is str, bytes, a BeautifulSoup or Tag, or an lxml element (of parsel: selector.root). `url`, where known,
    tells links within the site from others; `charset` is what the server named for bytes; `limits` bound the work on
    hostile pages. An empty page has no blocks. Raises TypeError on other types.
    """
    return shipped().classify(html, url, charset=charset, limits=limits)


def classify_many(pages: Iterable[Source]) -> Iterator[Page]:
    """Label the pages one by one, in order."""
    return shipped().classify_many(pages)


def classify_text(text: str) -> Page:
    """Label the lines of a text dump, one block a line: no tree to go by."""
    return shipped().classify_text(text)


@cache
def shipped() -> Classifier:
    """The model that ships with newsieve."""
    return Classifier.load()
