"""The functions that use the model that ships with newsieve, loaded at their first call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache

from newsieve.classifier import Classifier
from newsieve.dom import Source
from newsieve.page import Page


def classify(html: Source, url: str | None = None) -> Page:
    """Label every block of text of a page.

    `html` is str, bytes, a BeautifulSoup or Tag, or an lxml element (of parsel: selector.root); `url`, where
    known, tells links within the site from others. An empty page has no blocks. Raises TypeError on other types.
    """
    return shipped().classify(html, url)


def classify_many(pages: Iterable[Source]) -> Iterator[Page]:
    """Label the pages one by one, in order."""
    return shipped().classify_many(pages)


@cache
def shipped() -> Classifier:
    """The model that ships with newsieve."""
    return Classifier.load()
