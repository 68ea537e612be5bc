"""Stage segment: the pages of a corpus to a table of blocks."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from pydantic import Field
from tqdm import tqdm

from newsieve.blocks import segment as cut
from newsieve.dom import read
from newsieve.dom.encoding import decode
from newsieve.pipeline.corpora import PageFile, pages_of, site_of
from newsieve.pipeline.errors import PipelineError

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
    table = pd.DataFrame(rows)
    skipped = table[table["note"] != ""]
    for key, note in zip(skipped["page"], skipped["note"], strict=True):
        log.warning("%s: %s", key, note)
    if len(skipped) == len(table):
        raise PipelineError(f"no page of {source} has text")
    out.parent.mkdir(parents=True, exist_ok=True)
    table.to_parquet(out, index=False)


def _rows(page: PageFile, largest: int) -> Iterator[dict[str, Any]]:
    data = page.read()
    html, note = decode(data)
    common = {
        "page": page.key, "site": site_of(page, html), "url": page.url or "", "type": page.type or "",
        "sha256": hashlib.sha256(data).hexdigest(), "note": "",
    }  # fmt: skip
    texts = [] if b"\0" in data[:1000] and note else cut(read(html)[0]).texts
    if not texts or len(texts) > largest:
        what = f"{len(texts)} blocks, more than {largest}" if texts else "no text"
        yield {**common, "block": -1, "text": "", "note": f"skipped: {what}"}
        return
    for number, text in enumerate(texts):
        yield {**common, "block": number, "text": text}
