"""`python -m newsieve.pipeline.draft FOLDER`: labels by the model for pages that have none, for a person to correct."""

from __future__ import annotations

import argparse
import sys
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from newsieve.blocks import segment
from newsieve.classifier import SHIPPED, Classifier, ModelError
from newsieve.dom import read
from newsieve.features.context import joined
from newsieve.labels import KINDS, LABELS
from newsieve.layout import Floats, Layout
from newsieve.pipeline.corpora import OWN, PageFile, pages_of
from newsieve.pipeline.errors import PipelineError
from newsieve.pipeline.silver import counted_as, likeliest_kinds

SUFFIX = ".draft"
_HEAD = """# A draft by newsieve: a line per block in reading order: kind, tab, text.
# Correct the kinds, then name the file {name}.
# Kinds: {kinds}.
# The most doubtful first (line: the label's share, the next one's, text):
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write drafts. Exit codes: 0 done, 1 no pages or no model (stderr says why), 2 wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m newsieve.pipeline.draft", description=main.__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where the HTML pages lie")
    parser.add_argument("--model", type=Path, default=SHIPPED, metavar="FOLDER", help="the model that labels them")
    parser.add_argument("--doubtful", type=int, default=20, metavar="N", help="blocks to name first (default: 20)")
    options = parser.parse_args(arguments)
    try:
        pages = _bare(options.folder)
        classifier = Classifier.load(options.model)
    except (PipelineError, ModelError) as error:
        sys.stderr.write(f"draft: {error}\n")
        return 1
    for page in tqdm(pages, desc="draft", unit="page"):
        path = _draft_of(page)
        try:
            text = draft(page, classifier, options.doubtful)
        except (OSError, EOFError, zlib.error) as error:  # a cut or other .gz
            sys.stderr.write(f"draft: {page.path} is not readable: {error}\n")
            continue
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path}\n")
    return 0


def _bare(folder: Path) -> list[PageFile]:
    """The pages in `folder` that have neither labels nor a draft."""
    if not folder.is_dir():
        raise PipelineError(f"no such folder: {folder}")
    pages = pages_of(OWN, folder)
    if not pages:
        raise PipelineError(f"{folder} holds no pages; newsieve reads NAME.html and NAME.html.gz")
    if drafted := [page for page in pages if _draft_of(page).exists()]:
        sys.stderr.write(f"draft: {len(drafted)} pages have a draft already, which is kept\n")
    return [page for page in pages if page not in drafted and not page.labels.exists()]


def _draft_of(page: PageFile) -> Path:
    return page.labels.with_name(page.labels.name + SUFFIX)


def draft(page: PageFile, classifier: Classifier, doubtful: int) -> str:
    """The text of a file of labels: the `doubtful` least certain blocks as remarks, then a line for each block."""
    tree, _ = read(page.read())
    segments = segment(tree)
    kinds = ", ".join(f"{kind.value} {kind.name.lower()}" for kind in KINDS)
    head = _HEAD.format(name=page.labels.name, kinds=kinds).splitlines()
    if not segments.texts:
        return "\n".join([*head, ""])
    values, odds = classifier.rows(Layout(tree, segments, page.url))
    shares = classifier.trees.probabilities(values)
    first = len(head) + min(doubtful, len(shares)) + 1
    remarks = _remarks(shares, segments.texts, doubtful, first)
    numbers = likeliest_kinds(shares.argmax(axis=1), joined(odds), counted_as(classifier.about["kinds"]))
    lines = (f"{KINDS[number].value}\t{text}" for number, text in zip(numbers, segments.texts, strict=True))
    return "\n".join([*head, *remarks, *lines, ""])


def _remarks(shares: Floats, texts: Sequence[str], count: int, first: int) -> Iterator[str]:
    """The blocks whose two likeliest labels are closest, with their line numbers if blocks begin at line `first`."""
    order = np.argsort(-shares, axis=1)
    top = np.take_along_axis(shares, order, axis=1)
    for number in np.argsort(top[:, 0] - top[:, 1], kind="stable")[:count]:
        said = ", ".join(f"{LABELS[order[number, k]].value} {top[number, k]:.2f}" for k in (0, 1))
        yield f"# {first + number}: {said}  {texts[number][:60]}"


if __name__ == "__main__":
    sys.exit(main())
