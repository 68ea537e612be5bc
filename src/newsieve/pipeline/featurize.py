"""Stage featurize: blocks and their labels to a table of feature rows, numbers only."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pandas as pd
from pydantic import Field
from tqdm import tqdm

from newsieve.blocks import segment
from newsieve.characters import Characters
from newsieve.dom import read
from newsieve.features import Rows
from newsieve.features import featurize as compute
from newsieve.layout import Layout
from newsieve.pipeline.corpora import OWN, PageFile, pages_of
from newsieve.pipeline.errors import PipelineError
from newsieve.pipeline.tables import ABOUT, script_of, write_table


def featurize(
    source: Path, blocks: Path, labels: Path, out: Path, *, silver_every: Annotated[int, Field(ge=0)]
) -> None:
    """Compute the features of every page with gold, and of one in `silver_every` without (0: none), into `out`."""
    corpus = out.stem
    files = {page.key: page for page in pages_of(corpus, source)}
    table = pd.read_parquet(blocks).merge(pd.read_parquet(labels), on=["page", "block"])
    rows, parts, silver = [], [], 0
    for key, part in tqdm(table.groupby("page", sort=False), desc=f"featurize {corpus}", unit="page"):
        if not part["gold"].iloc[0]:
            silver += 1
            if corpus == OWN or not silver_every or silver % silver_every:
                continue
        layout, features, script = _page(files[key], part)
        rows.append((features, layout))
        parts.append(part.assign(corpus=corpus, script=script, words=part["text"].str.split().str.len()))
    if not rows and corpus != OWN:
        raise PipelineError(f"no page of {corpus} has labels")
    write_table(out, pd.concat(parts)[list(ABOUT)] if parts else pd.DataFrame(columns=list(ABOUT)), rows)


def _page(page: PageFile, part: pd.DataFrame) -> tuple[Layout, Rows, str]:
    tree, _ = read(page.read())
    layout = Layout(tree, segment(tree), page.url)
    if layout.segments.texts != part["text"].tolist():
        raise PipelineError(f"{page.key}: its blocks are not those of the stage segment; run that again")
    return layout, compute(layout), script_of(Characters(layout.segments.texts).counts())
