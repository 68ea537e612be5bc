"""Carrying labels from one cut of a page to another, by the texts alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from hashlib import sha256


@dataclass(frozen=True, slots=True)
class Mark:
    """One labelled text without the text: its kind, and the digest and length of its characters, no spaces."""

    kind: str
    digest: str
    length: int

    @classmethod
    def of(cls, kind: str, text: str) -> Mark:
        """The mark of a text."""
        solid = solid_text(text)
        return cls(kind, digest(solid), len(solid))


@dataclass(frozen=True, slots=True)
class Alignment:
    """Per block its kind, or None where no mark covers most of it; and the marks that fit nowhere."""

    kinds: tuple[str | None, ...]
    unplaced: tuple[int, ...]


def solid_text(text: str) -> str:
    """`text` without white space: what two cuts of the same page have in common."""
    return "".join(text.split())


def digest(solid: str) -> str:
    """Ten hex digits that tell texts apart without giving them away."""
    return sha256(solid.encode("utf-8", "surrogatepass")).hexdigest()[:10]


def align(marks: Sequence[Mark], texts: Sequence[str]) -> Alignment:
    """Carry the kinds of `marks` to the blocks `texts`, both in reading order.

    Blocks that stand in both cuts pair off first; between them a mark is found where a stretch of the
    blocks' characters has its length and digest. A block takes the kind that covers most of its characters.
    """
    solids = [solid_text(text) for text in texts]
    votes: list[Counter[str]] = [Counter() for _ in solids]
    unplaced: list[int] = []
    matcher = SequenceMatcher(None, [mark.digest for mark in marks], [digest(s) for s in solids], autojunk=False)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            for i, j in zip(range(i1, i2), range(j1, j2), strict=True):
                votes[j][marks[i].kind] += len(solids[j])
        elif tag != "insert":
            unplaced.extend(_place(marks, range(i1, i2), solids, range(j1, j2), votes))
    return Alignment(tuple(map(_winner, votes, solids)), tuple(unplaced))


def _place(
    marks: Sequence[Mark], numbers: range, solids: Sequence[str], blocks: range, votes: list[Counter[str]]
) -> Iterator[int]:
    """Find each mark in the joined blocks, from where the last was found on; yield those that are not there."""
    text = "".join(solids[j] for j in blocks)
    starts = _starts(solids, blocks)
    at = 0
    for number in numbers:
        mark = marks[number]
        found = next((p for p in _candidates(at, starts) if digest(text[p : p + mark.length]) == mark.digest), None)
        if found is None:
            yield number
            continue
        at = found + mark.length
        for j, start in zip(blocks, starts, strict=True):
            covered = min(at, start + len(solids[j])) - max(found, start)
            if covered > 0:
                votes[j][mark.kind] += covered


def _starts(solids: Sequence[str], blocks: range) -> list[int]:
    starts, at = [], 0
    for j in blocks:
        starts.append(at)
        at += len(solids[j])
    return starts


def _candidates(at: int, starts: Sequence[int]) -> Iterator[int]:
    yield at
    yield from (start for start in starts if start > at)


def _winner(votes: Counter[str], solid: str) -> str | None:
    if not votes or 2 * votes.total() < len(solid):
        return None
    return votes.most_common(1)[0][0]
