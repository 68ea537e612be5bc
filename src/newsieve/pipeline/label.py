"""Stage label: gold carried to the blocks by alignment; for pages without gold, what the corpus's own text says."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import Field
from tqdm import tqdm

from newsieve.pipeline.alignment import align, solid_text
from newsieve.pipeline.corpora import pages_of
from newsieve.pipeline.errors import PipelineError
from newsieve.pipeline.gold import GoldPage, read_gold, read_labels

log = logging.getLogger(__name__)

GOLD, TEXT, NONE = "gold", "text", ""  # where a row's label comes from
INSIDE, OUTSIDE, UNKNOWN = 1, 0, -1  # of the corpus's own main text

Columns = dict[str, list[Any]]


def label(
    source: Path,
    gold: Path,
    blocks: Path,
    out: Path,
    *,
    misfit: Annotated[float, Field(ge=0, le=1)],
    coverage: Annotated[float, Field(ge=0, le=1)],
) -> None:
    """Label the rows of `blocks` (stage segment) and write `out`, with the kind, its source, and `main` per row.

    A page whose gold does not fit on more than `misfit` of its blocks is an error that names page and block.
    The corpus's main text counts only on pages where it covers `coverage` of its characters or more.
    """
    corpus = out.parent.name
    golds = read_gold(gold, corpus)
    files = {page.key: page for page in pages_of(corpus, source)}
    table = pd.read_parquet(blocks)
    parts, whole = [], 0
    for key, part in tqdm(table[table["note"] == ""].groupby("page", sort=False), desc=f"label {corpus}", unit="page"):
        labels = files[key].path.with_suffix(".tsv")
        texts = part["text"].tolist()
        if key in golds or labels.exists():
            page = golds.get(key) or GoldPage(key, key, None, "", None, part["sha256"].iloc[0], read_labels(labels))
            kinds, fits = _carried(page, part, texts, misfit)
            whole += fits
            columns = {
                "kind": kinds,
                "source": [GOLD if kind else NONE for kind in kinds],
                "main": [UNKNOWN] * len(texts),
            }
        else:
            main = inside(texts, files[key].main or "", coverage)
            columns = {
                "kind": [""] * len(texts),
                "source": [TEXT if m != UNKNOWN else NONE for m in main],
                "main": main,
            }
        parts.append(part[["page", "block"]].assign(gold=key in golds or labels.exists(), **columns))
    _report(corpus, golds, parts, whole)
    pd.concat(parts).to_parquet(out, index=False)


def _carried(page: GoldPage, part: pd.DataFrame, texts: list[str], misfit: float) -> tuple[list[str], bool]:
    """The kind of each block ("" where the annotators saw no such text), and whether all of the gold was placed."""
    if part["sha256"].iloc[0] != page.sha256:
        raise PipelineError(
            f"{page.file}: not the page that was labelled (its SHA-256 differs); fetch the pinned commit"
        )
    found = align(page.marks, texts)
    if len(found.unplaced) > misfit * len(page.marks):
        first = found.unplaced[0]
        raise PipelineError(
            f"{page.file} ({page.page}): {len(found.unplaced)} of {len(page.marks)} gold blocks are not on the page, "
            f"the first is block {first} (kind {page.marks[first].kind}, {page.marks[first].length} characters)"
        )
    for number in found.unplaced:
        log.info("%s (%s): gold block %d is not on the page", page.file, page.page, number)
    return [kind or "" for kind in found.kinds], not found.unplaced


def inside(texts: list[str], main: str, coverage: float) -> list[int]:
    """Per block whether it stands in the page's published main text; all unknown where that is not on the page.

    A block is inside when its characters (no white space) are found there, in one piece or, for a long one, by its
    start and its end; one of less than 25 only as a whole line, for such a text is found by chance.
    """
    solid = solid_text(main)
    lines = {solid_text(line) for line in main.splitlines()}
    blocks = [solid_text(text) for text in texts]
    flags = [_stands(block, solid, lines) for block in blocks]
    covered = sum(len(block) for block, flag in zip(blocks, flags, strict=True) if flag)
    if not solid or covered < coverage * len(solid):
        return [UNKNOWN] * len(texts)
    return [INSIDE if flag else OUTSIDE for flag in flags]


def _stands(block: str, solid: str, lines: set[str]) -> bool:
    if len(block) < 25:
        return block in lines
    return block in solid or (len(block) >= 60 and block[:40] in solid and block[-20:] in solid)


def _report(corpus: str, golds: dict[str, GoldPage], parts: list[pd.DataFrame], whole: int) -> None:
    pages = sum(bool(part["gold"].iloc[0]) for part in parts)
    missing = len(golds) - sum(part["page"].iloc[0] in golds for part in parts)
    kinds = np.array([kind for part in parts if part["gold"].iloc[0] for kind in part["kind"]])
    log.info(
        "%s: %d pages with gold, %d of them fit whole; %d blocks without a kind",
        corpus,
        pages,
        whole,
        (kinds == "").sum(),
    )
    if missing:
        raise PipelineError(f"{missing} gold pages of {corpus} are not among its pages")
