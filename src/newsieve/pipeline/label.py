"""Stage label: gold carried to the blocks by alignment; for pages without gold, what the corpus's own text says."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from pydantic import Field
from tqdm import tqdm

from newsieve.labels import Kind
from newsieve.pipeline.alignment import Alignment, align, solid_text
from newsieve.pipeline.corpora import AUTHORED, LABELS, OWN, PageFile, pages_of
from newsieve.pipeline.errors import PipelineError
from newsieve.pipeline.gold import GoldPage, read_gold, read_lines

log = logging.getLogger(__name__)

GOLD, RULE, TEXT, SNIPPETS, NONE = "gold", "rule", "text", "snippets", ""  # where a row's label comes from
DRAFT = "python -m newsieve.pipeline.draft FOLDER drafts them"
INSIDE, OUTSIDE, UNKNOWN = 1, 0, -1  # of the main text that the corpus publishes

COLUMNS = ("page", "block", "rule", "gold", "kind", "source", "main")

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
    """Label the rows of `blocks` (stage segment) and write `out`: `kind`, its `source`, and `main`, per row.

    On pages with gold the kind is gold's. On others it is that of a rule, where one fits the markup; `main` says, for
    the stage train to choose the kind by, whether the block is inside of what the corpus publishes as the page's main
    text. A page whose gold does not fit on more than `misfit` of its blocks is an error that names page and block.
    A main text counts only where the page covers `coverage` of its characters or more.
    """
    corpus = out.parent.name
    golds = read_gold(gold, corpus)
    files = {page.key: page for page in pages_of(corpus, source)}
    table = pd.read_parquet(blocks)
    if corpus in {AUTHORED, OWN}:
        _refuse_strays(source, files.values())
    parts, whole = [], 0
    for key, part in tqdm(table[table["note"] == ""].groupby("page", sort=False), desc=f"label {corpus}", unit="page"):
        texts = part["text"].tolist()
        main = _published(texts, files[key], coverage)
        if known := key in golds or files[key].labels.exists():
            found = _carried(golds[key], part, misfit) if key in golds else _by_hand(files[key].labels, texts)
            kinds = [kind or "" for kind in found.kinds]
            whole += not found.unplaced
            sources = [GOLD if kind else NONE for kind in kinds]
        else:
            kinds = part["rule"].tolist()
            published = SNIPPETS if files[key].wanted else TEXT
            sources = [RULE if k else published if m != UNKNOWN else NONE for k, m in zip(kinds, main, strict=True)]
        columns: Columns = {"kind": kinds, "source": sources, "main": main}
        parts.append(part[["page", "block", "rule"]].assign(gold=known, **columns))
    rows = pd.concat(parts) if parts else pd.DataFrame(columns=list(COLUMNS))
    _report(corpus, golds, rows, whole)
    rows.drop(columns="rule").to_parquet(out, index=False)


def _refuse_strays(folder: Path, pages: Iterable[PageFile]) -> None:
    """Labels whose page is not there are a mistake in a name."""
    if strays := sorted(set(folder.rglob("*" + LABELS)) - {page.labels for page in pages}):
        raise PipelineError(f"{strays[0]} has no page: there is no {strays[0].with_suffix('.html').name} beside it")


def _published(texts: list[str], page: PageFile, coverage: float) -> list[int]:
    if page.wanted:
        return beside_snippets(texts, page.wanted, page.unwanted)
    return inside(texts, page.main or "", coverage)


def _carried(page: GoldPage, part: pd.DataFrame, misfit: float) -> Alignment:
    """The kind of each block of a page with gold; None where the annotators saw no such text."""
    if part["sha256"].iloc[0] != page.sha256:
        raise PipelineError(
            f"{page.file}: not the page that was labelled (its SHA-256 differs); fetch the pinned commit"
        )
    found = align(page.marks, part["text"].tolist())
    if len(found.unplaced) > misfit * len(page.marks):
        first = found.unplaced[0]
        raise PipelineError(
            f"{page.file} ({page.page}): {len(found.unplaced)} of {len(page.marks)} gold blocks are not on the page, "
            f"the first is block {first} (kind {page.marks[first].kind}, {page.marks[first].length} characters)"
        )
    for number in found.unplaced:
        log.info("%s (%s): gold block %d is not on the page", page.file, page.page, number)
    return found


def _by_hand(labels: Path, texts: list[str]) -> Alignment:
    """The same for a file of labels beside its page, every line of which must be there."""
    lines = read_lines(labels)
    found = align([line.mark for line in lines], texts)
    for number in found.unplaced[:1]:
        line = lines[number]
        there = "not in this order" if any(line.text in text for text in texts) else "no such block"
        raise PipelineError(f"{labels}, line {line.number}: {there} on the page: {line.text[:60]!r}")
    return found


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


def beside_snippets(texts: list[str], wanted: Sequence[str], unwanted: Sequence[str]) -> list[int]:
    """Per block whether it holds a snippet of the main text, or one from outside; unknown where neither or both.

    A snippet that several blocks hold says nothing, for it is not known which of them was meant.
    """
    flags = [UNKNOWN] * len(texts)
    folded = [" ".join(text.split()) for text in texts]
    for snippets, flag in ((unwanted, OUTSIDE), (wanted, INSIDE)):
        for snippet in snippets:
            holders = [k for k, text in enumerate(folded) if " ".join(snippet.split()) in text]
            if len(holders) == 1:
                flags[holders[0]] = flag if flags[holders[0]] in {flag, UNKNOWN} else UNKNOWN
    return flags


def _stands(block: str, solid: str, lines: set[str]) -> bool:
    if len(block) < 25:
        return block in lines
    return block in solid or (len(block) >= 60 and block[:40] in solid and block[-20:] in solid)


def _report(corpus: str, golds: dict[str, GoldPage], rows: pd.DataFrame, whole: int) -> None:
    """Say how much gold fits, and how right rules and published texts are where gold tells; fail on missing pages."""
    gold = rows[rows["gold"].astype(bool)]
    if corpus == OWN and (bare := sorted(set(rows["page"]) - set(gold.loc[gold["kind"] != "", "page"]))):
        log.warning("%d of your pages have no labels and teach nothing: %s; %s", len(bare), ", ".join(bare), DRAFT)
    log.info(
        "%s: %d pages with gold, %d of them fit whole; %d blocks without a kind",
        corpus, gold["page"].nunique(), whole, (gold["kind"] == "").sum(),
    )  # fmt: skip
    content = gold["kind"].isin([kind.value for kind in (Kind.TITLE, Kind.STANDFIRST, Kind.BODY)])
    for name, said, right in (
        ("the rule for C", gold["rule"] == "C", gold["kind"] == "C"),
        ("the rule for W", gold["rule"] == "W", gold["kind"] == "W"),
        ("inside the published text", gold["main"] == INSIDE, content),
        ("outside of it", gold["main"] == OUTSIDE, ~content),
    ):
        if said.any():
            log.info("%s: %s: right on %.1f %% of %d", corpus, name, 100 * right[said].mean(), said.sum())
    if missing := len(golds) - gold["page"].isin(golds).groupby(gold["page"]).any().sum():
        raise PipelineError(f"{missing} gold pages of {corpus} are not among its pages")
