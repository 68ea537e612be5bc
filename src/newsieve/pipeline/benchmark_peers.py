"""What is timed and compared: newsieve by stages, other extractors and bare parsers, all from a page's HTML.

Peers are no dependencies: whichever is installed takes part.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from typing import Any

import numpy as np

from newsieve.blocks import segment
from newsieve.classifier import Classifier
from newsieve.dom import lexbor
from newsieve.features import featurize, learned
from newsieve.layout import Floats, Layout
from newsieve.pipeline.corpora import text_of

STAGES = ("parse and walk", "segment", "layout", "featurize", "evidence and context", "trees")

Extractor = Callable[[str], str]
Load = Callable[[], Callable[[str], Any]]


@dataclass(frozen=True, slots=True)
class Peer:
    """A system: the distribution that it comes in, and how to load it (raises ImportError where that is missing)."""

    distribution: str
    load: Load


def load_peers(peers: dict[str, Peer]) -> dict[str, Callable[[str], Any]]:
    """The functions of those peers that are installed; of the others a note goes to stderr."""
    loaded = {}
    for name, peer in peers.items():
        try:
            loaded[name] = peer.load()
        except ImportError as error:
            sys.stderr.write(f"{name} is left out: {error}\n")
    return loaded


def versions(peers: Iterable[Peer]) -> str:
    """The distributions of installed `peers` with their versions, for the record below a table."""
    return ", ".join(f"{name} {version(name)}" for name in sorted({peer.distribution for peer in peers}))


def stage_seconds(classifier: Classifier, html: str) -> dict[str, float]:
    """CPU seconds of each of STAGES on one page; 0 for those that a page without text does not reach."""
    spent = dict.fromkeys(STAGES, 0.0)
    started = time.process_time()
    for stage in staged(classifier, html):
        spent[stage] = time.process_time() - started
        started = time.process_time()
    return spent


def staged(classifier: Classifier, html: str) -> Generator[str, None, Floats | None]:
    """Classify a page as Classifier does, pausing after each of STAGES; returns the probabilities (B, 4)."""
    tree = lexbor.read(html)
    yield "parse and walk"
    segments = segment(tree)
    yield "segment"
    if not segments.texts:
        return None
    layout = Layout(tree, segments)
    yield "layout"
    rows = featurize(layout)
    yield "featurize"
    evidence = classifier.evidence
    odds = [evidence.of_text(rows.text, len(layout)), evidence.of_path(rows.path, layout)]
    more = learned(np.concatenate(odds, axis=1, dtype=np.float32), rows.places)
    yield "evidence and context"
    values = np.concatenate([rows.values, more], axis=1)
    probabilities = classifier.trees.probabilities(values[:, classifier.columns])
    yield "trees"
    return probabilities


def _trafilatura(**options: bool) -> Load:
    def load() -> Extractor:
        extract = import_module("trafilatura").extract
        return lambda html: extract(html, **options) or ""

    return load


def _resiliparse() -> Extractor:
    extract = import_module("resiliparse.extract.html2text").extract_plain_text
    return lambda html: str(extract(html, main_content=True))


def _readability() -> Extractor:
    document = import_module("readability").Document
    return lambda html: text_of(document(html).summary())


def _justext() -> Extractor:
    """With the stop words of all its languages, as pages come in many and do not always say in which."""
    justext = import_module("justext")
    words = frozenset().union(*map(justext.get_stoplist, justext.get_stoplists()))

    def extract(html: str) -> str:
        return "\n".join(p.text for p in justext.justext(html, words) if not p.is_boilerplate)

    return extract


def _newspaper() -> Extractor:
    """Without fetching: the package asks for a url and would load the page's pictures from there."""
    newspaper = import_module("newspaper")

    def extract(html: str) -> str:
        article = newspaper.Article("https://page.invalid/", fetch_images=False)
        article.download(input_html=html)
        article.parse()
        return str(article.text)

    return extract


def _goose() -> Extractor:
    goose = import_module("goose3").Goose({"enable_image_fetching": False})
    return lambda html: goose.extract(raw_html=html).cleaned_text or ""


def _boilerpy() -> Extractor:
    extractor = import_module("boilerpy3.extractors").ArticleExtractor()
    return lambda html: str(extractor.get_content(html))


def _lexbor() -> Callable[[str], Any]:
    return import_module("selectolax.lexbor").LexborHTMLParser  # type: ignore[no-any-return]


def _lxml() -> Callable[[str], Any]:
    """From UTF-8, as lxml refuses a str that names its own character set."""
    html = import_module("lxml.html")
    parser = html.HTMLParser(encoding="utf-8")
    return lambda text: html.document_fromstring(text.encode("utf-8", "replace"), parser=parser)


def _soup() -> Callable[[str], Any]:
    soup = import_module("bs4").BeautifulSoup
    return lambda html: soup(html, "html.parser")


PEERS: dict[str, Peer] = {
    "trafilatura": Peer("trafilatura", _trafilatura()),
    "trafilatura-precision": Peer("trafilatura", _trafilatura(favor_precision=True)),
    "trafilatura-recall": Peer("trafilatura", _trafilatura(favor_recall=True)),
    "trafilatura-no-comments": Peer("trafilatura", _trafilatura(include_comments=False)),
    "resiliparse": Peer("resiliparse", _resiliparse),
    "readability-lxml": Peer("readability-lxml", _readability),
    "justext": Peer("justext", _justext),
    "newspaper4k": Peer("newspaper4k", _newspaper),
    "goose3": Peer("goose3", _goose),
    "boilerpy3": Peer("boilerpy3", _boilerpy),
}
PARSERS: dict[str, Peer] = {
    "parse alone: selectolax lexbor": Peer("selectolax", _lexbor),
    "parse alone: lxml.html": Peer("lxml", _lxml),
    "parse alone: bs4 html.parser": Peer("beautifulsoup4", _soup),
}
