"""Gold: labels given by reading, as files without the pages' text, or beside pages of one's own with it."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from newsieve.labels import KINDS
from newsieve.pipeline.alignment import Mark
from newsieve.pipeline.errors import PipelineError

_MARK = re.compile(r"([A-Z])([0-9a-f]{10})(\d+)")
_KINDS = {kind.value for kind in KINDS}


@dataclass(frozen=True, slots=True)
class GoldPage:
    """The labels of one page: where it lies in its corpus, its site, and the marks of its blocks in reading order."""

    page: str
    file: str
    url: str | None
    site: str
    type: str | None
    sha256: str
    marks: tuple[Mark, ...]


def read_gold(folder: Path, corpus: str) -> dict[str, GoldPage]:
    """The gold pages of a corpus by file, with the mends of mends.tsv applied. Empty where the corpus has none."""
    path = folder / f"{corpus}.jsonl"
    if not path.exists():
        return {}
    mends = _mends(folder / "mends.tsv")
    pages = [_page(path, number, line) for number, line in enumerate(path.read_text().splitlines(), 1)]
    return {page.file: _mended(page, mends.get(page.page, {})) for page in pages}


def _page(path: Path, number: int, line: str) -> GoldPage:
    try:
        fields = json.loads(line)
        marks = tuple(Mark(kind, digest, int(size)) for kind, digest, size in _MARK.findall(fields.pop("blocks")))
        return GoldPage(**fields, marks=marks)
    except (ValueError, KeyError, TypeError) as error:
        raise PipelineError(f"{path}, line {number}: not a gold page: {error}") from error


def _mends(path: Path) -> dict[str, dict[int, tuple[str, str]]]:
    """By page and block the kind that was wrong and the one that is right; each row has its reason."""
    found: dict[str, dict[int, tuple[str, str]]] = {}
    if path.exists():
        with path.open(newline="") as file:
            for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
                found.setdefault(row["page"], {})[int(row["block"])] = (row["from"], row["to"])
    return found


def _mended(page: GoldPage, mends: dict[int, tuple[str, str]]) -> GoldPage:
    marks = list(page.marks)
    for block, (wrong, right) in mends.items():
        if block >= len(marks) or marks[block].kind != wrong:
            raise PipelineError(f"mends.tsv: page {page.page}, block {block} is not of kind {wrong}")
        marks[block] = replace(marks[block], kind=right)
    return replace(page, marks=tuple(marks))


def read_labels(path: Path) -> tuple[Mark, ...]:
    """The marks of a page of one's own: a file with a line per block, kind, tab, text."""
    return tuple(Mark.of(kind, text) for kind, text in _pairs(path))


def read_phrases(folder: Path) -> tuple[list[str], list[str]]:
    """Kinds and texts of the authored phrases: files by language, of the same form."""
    pairs = [pair for path in sorted(folder.glob("*.tsv")) for pair in _pairs(path)]
    return [kind for kind, _ in pairs], [text for _, text in pairs]


def read_texts(path: Path) -> list[str]:
    """The texts of such a file, one per labelled block; none where there is no file."""
    return [text for _, text in _pairs(path)] if path.exists() else []


def _pairs(path: Path) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        kind, tab, text = line.partition("\t")
        if not line.strip() or line.startswith("#"):
            continue
        if not tab or kind not in _KINDS:
            raise PipelineError(f"{path}, line {number}: expected a kind ({' '.join(sorted(_KINDS))}), a tab, a text")
        yield kind, text
