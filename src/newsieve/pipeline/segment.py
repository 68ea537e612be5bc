"""Stage segment: the pages of a corpus to a table of blocks."""

from __future__ import annotations

import hashlib
import logging
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from pydantic import Field
from tqdm import tqdm

from newsieve.blocks import segment as cut
from newsieve.dom import read
from newsieve.dom.encoding import decode
from newsieve.pipeline.corpora import OWN, PageFile, pages_of, site_of
from newsieve.pipeline.errors import PipelineError
from newsieve.pipeline.rules import kinds_by_markup

COLUMNS = ["page", "site", "url", "type", "sha256", "note", "block", "text", "rule"]

log = logging.getLogger(__name__)


def segment(source: Path, out: Path, *, largest: Annotated[int, Field(ge=1)]) -> None:
    """Cut every page of the corpus in `source` into blocks and write `out`, a Parquet table with a row per block.

    The corpus's name is that of `out`. Pages that are empty, not text, or of more than `largest` blocks are
    reported and written with a note and no blocks, so that later stages can count them.
    """
    corpus = out.parent.name
    rows = [
        row
        for page in tqdm(pages_of(corpus, source), desc=f"segment {corpus}", unit="page")
        for row in _rows(page, largest)
    ]
    table = pd.DataFrame(rows, columns=COLUMNS)
    _refuse_twins(table, corpus)
    skipped = table[table["note"] != ""]
    for key, note in zip(skipped["page"], skipped["note"], strict=True):
        log.warning("%s: %s", key, note)
    if len(skipped) == len(table) and corpus != OWN:
        raise PipelineError(f"no page of {source} has text")
    out.parent.mkdir(parents=True, exist_ok=True)
    table.to_parquet(out, index=False)


def _refuse_twins(table: pd.DataFrame, corpus: str) -> None:
    """A page of one's own that is there twice would teach twice, and judge what it taught."""
    pages = table[table["note"] == ""].drop_duplicates("page")
    twins = pages[pages.duplicated("sha256", keep=False)]
    if corpus == OWN and len(twins):
        first, second = twins[twins["sha256"] == twins["sha256"].iloc[0]]["page"].iloc[:2]
        raise PipelineError(f"{second} is the same page as {first}; keep one of them")


def _rows(page: PageFile, largest: int) -> Iterator[dict[str, Any]]:
    try:
        data, broken = page.read(), ""
    except (OSError, EOFError, zlib.error) as error:  # a cut or other .gz
        data, broken = page.path.read_bytes(), f"not readable: {error}"
    html, note = ("", broken) if broken else decode(data)
    common = {
        "page": page.key, "site": site_of(page, html), "url": page.url or "", "type": page.type or "",
        "sha256": hashlib.sha256(data).hexdigest(), "note": "",
    }  # fmt: skip
    tree = read("" if b"\0" in data[:1000] and note else html)[0]
    segments = cut(tree)
    texts = segments.texts
    if not texts or len(texts) > largest:
        what = f"{len(texts)} blocks, more than {largest}" if texts else broken or "no text"
        yield {**common, "block": -1, "text": "", "rule": "", "note": f"skipped: {what}"}
        return
    for number, (text, rule) in enumerate(zip(texts, kinds_by_markup(tree, segments), strict=True)):
        yield {**common, "block": number, "text": text, "rule": rule}
