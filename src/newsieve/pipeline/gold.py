"""Gold: labels given by reading, as files without the pages' text, or beside pages of one's own with it."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from newsieve.labels import KINDS, Kind, Label
from newsieve.pipeline.alignment import Mark
from newsieve.pipeline.errors import PipelineError

_MARK = re.compile(r"([A-Z])([0-9a-f]{10})(\d+)")
_KINDS = {kind.value for kind in KINDS}
# The kind that stands for a label where a person gives no finer one.
COMMON = {
    Label.CONTENT.value: Kind.BODY.value, Label.CAPTION.value: Kind.CAPTION.value, Label.PROMO.value: Kind.OFFER.value,
    Label.NAV.value: Kind.MENU.value,
}  # fmt: skip


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


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file of labels: its number, the kind's letter, and the text of the block."""

    number: int
    kind: str
    text: str

    @property
    def mark(self) -> Mark:
        """The same without the text."""
        return Mark.of(self.kind, self.text)


def read_lines(path: Path) -> list[Line]:
    """The lines of a file of labels: kind (a letter, or a label for its commonest kind), tab, text.

    Empty lines and those that start with # are skipped. Raises PipelineError with file and line.
    """
    return list(_lines(path))


def read_phrases(folder: Path) -> tuple[list[str], list[str]]:
    """Kinds and texts of the authored phrases: files by language, of the same form."""
    lines = [line for path in sorted(folder.glob("*.tsv")) for line in _lines(path)]
    return [line.kind for line in lines], [line.text for line in lines]


def _lines(path: Path) -> Iterator[Line]:
    try:
        rows = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise PipelineError(f"{path} is not UTF-8 text: {error}") from None
    for number, row in enumerate(rows, 1):
        word, tab, text = row.partition("\t")
        if not row.strip() or row.startswith("#"):
            continue
        kind = COMMON.get(word, word)
        if not tab or kind not in _KINDS:
            known = f"a kind ({' '.join(sorted(_KINDS))}) or a label ({', '.join(COMMON)})"
            raise PipelineError(f"{path}, line {number}: expected {known}, a tab, a text; found {row[:40]!r}")
        yield Line(number, kind, text)
