"""Text mode judged on dumps that other programs made: the lines of their text of a gold page take the gold's labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path

import numpy as np
from sklearn.metrics import f1_score
from tqdm import tqdm

from newsieve.classifier import Classifier
from newsieve.dom.encoding import decode
from newsieve.labels import KINDS, LABELS
from newsieve.pipeline.alignment import align
from newsieve.pipeline.benchmark_peers import Extractor, Peer
from newsieve.pipeline.corpora import PageFile, pages_of, site_of
from newsieve.pipeline.errors import PipelineError
from newsieve.pipeline.gold import GoldPage, read_gold
from newsieve.pipeline.silver import counted_as


def _html_text() -> Extractor:
    extract = import_module("html_text").extract_text
    return lambda html: str(extract(html))


def _inscriptis() -> Extractor:
    extract = import_module("inscriptis").get_text
    return lambda html: str(extract(html))


DUMPERS = {"html-text": Peer("html-text", _html_text), "inscriptis": Peer("inscriptis", _inscriptis)}

Judged = list[tuple[int, int, int]]  # of each line its gold label, the label given, its words


def gold_pages(corpora: Path, gold: Path) -> Iterator[tuple[PageFile, GoldPage]]:
    """The pages with gold of those corpora that lie in the folder `corpora`. Raises PipelineError where none does."""
    names = [path.stem for path in sorted(gold.glob("*.jsonl")) if (corpora / path.stem).is_dir()]
    if not names:
        raise PipelineError(
            f"{corpora} holds no corpus with gold; fetch them: python -m newsieve.pipeline.fetch {corpora}"
        )
    for name in names:
        golds = read_gold(gold, name)
        yield from ((page, golds[page.key]) for page in pages_of(name, corpora / name) if page.key in golds)


def dumps(
    pages: Sequence[tuple[PageFile, GoldPage]],
    dumpers: dict[str, Callable[[str], str]],
    classifier_for: Callable[[str], Classifier],
) -> dict[str, Judged]:
    """Label the lines of each page's dump by each of `dumpers`; `classifier_for` takes a site to who may judge it.

    A line that no gold block covers is not counted, as a text that a program adds has no label.
    """
    found: dict[str, Judged] = {name: [] for name in dumpers}
    for page, gold in tqdm(pages, desc="dumps", unit="page"):
        html = decode(page.read())[0]
        for name, dump in dumpers.items():
            found[name] += _judged(dump(html), gold, classifier_for(site_of(page, html)))
    return found


def _judged(text: str, gold: GoldPage, classifier: Classifier) -> Iterator[tuple[int, int, int]]:
    counted = counted_as(classifier.about["kinds"])
    letters = [kind.value for kind in KINDS]
    blocks = classifier.classify_text(text).blocks
    kinds = align(gold.marks, [block.text for block in blocks]).kinds
    for block, kind in zip(blocks, kinds, strict=True):
        if kind:
            label = int(counted[:, letters.index(kind)].argmax())
            yield label, LABELS.index(block.label), len(block.text.split())


def row(judged: Judged) -> list[str]:
    """Macro-F1, content's F1 by token and by line, the other labels' F1 by line, and the lines."""
    truth, guess, words = np.array(judged).T
    numbers = list(range(len(LABELS)))
    by_line = f1_score(truth, guess, labels=numbers, average=None, zero_division=0)
    token = f1_score(truth == 0, guess == 0, sample_weight=words)
    return [*(f"{value:.3f}" for value in (by_line.mean(), token, *by_line)), f"{len(judged):,}"]
