"""Texts as arrays of characters: their classes, and the words they make, hashed, without a loop over either."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

TEXT_BUCKETS = 1 << 20
HEAD, TAIL = 200, 80  # characters of the start and the end of a text that are looked at

# A character is in the first class whose test holds.
CLASSES = (
    "space", "lower", "upper", "digit", "stop", "comma", "question", "exclamation", "colon", "quote", "round",
    "square", "dash", "slash", "bar", "currency", "rights", "at", "arrow", "han", "kana", "hangul", "cyrillic",
    "arabic", "indic", "other_letter", "other",
)  # fmt: skip
NUMBER = {name: number for number, name in enumerate(CLASSES)}
_MEMBERS = {
    "stop": ".。．।۔…", "comma": ",、，،;；؛", "question": "?？؟", "exclamation": "!！", "colon": ":：",
    "quote": "\"'“”„«»‘’‚‹›「」『』", "round": "()（）", "square": "[]{}【】", "dash": "-–—−―", "slash": "/\\",
    "bar": "|·•‧・∙▪●■►▶▸◆★☆", "currency": "$€£¥₹₽₺₩₫₱﷼￥", "rights": "©®™℗", "at": "@#", "arrow": "→←↑↓⟶➔❯><",
}  # fmt: skip
_SCRIPTS = (
    ("han", 0x3400, 0x9FFF), ("han", 0xF900, 0xFAFF), ("kana", 0x3040, 0x30FF), ("hangul", 0xAC00, 0xD7AF),
    ("cyrillic", 0x0400, 0x052F), ("arabic", 0x0600, 0x06FF), ("indic", 0x0900, 0x0DFF),
)  # fmt: skip
_PLANE = 0x10000
_BASE = np.uint64(0x9E3779B97F4A7C15)
_INVERSE = np.uint64(pow(0x9E3779B97F4A7C15, -1, 1 << 64))
_PAIR = np.uint64(0xD6E8FEB86659FD93)
_MARK = np.uint64(0x2545F4914F6CDD1D)  # what stands before the first word of a text

Classes = npt.NDArray[np.uint8]
Hashes = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]


@cache
def _tables() -> tuple[Classes, npt.NDArray[np.uint32], Classes]:
    """Per code point of the basic plane its class, its folded form, and how words go on (see `Characters.words`)."""
    chars = "".join(chr(code) if not 0xD800 <= code < 0xE000 else "\ufffd" for code in range(_PLANE))
    classes = np.full(_PLANE, NUMBER["other"], dtype=np.uint8)
    tests = {"other_letter": str.isalpha, "upper": str.isupper, "lower": str.islower, "digit": str.isdigit}
    for name, test in {**tests, "space": str.isspace}.items():
        classes[[code for code, char in enumerate(chars) if test(char)]] = NUMBER[name]
    for name, first, last in _SCRIPTS:
        letters = np.arange(first, last + 1)
        classes[letters[np.isin(classes[letters], [NUMBER["other_letter"], NUMBER["other"]])]] = NUMBER[name]
    for name, members in _MEMBERS.items():
        classes[[ord(char) for char in members]] = NUMBER[name]
    folded = np.array([ord(low) if len(low := char.lower()) == 1 else ord(char) for char in chars], dtype=np.uint32)
    folded[classes == NUMBER["digit"]] = ord("0")
    # Han and kana stay out: each of their characters is a word of its own.
    letters_of = [NUMBER[name] for name in ("lower", "upper", "hangul", "cyrillic", "arabic", "indic", "other_letter")]
    joins = np.zeros(_PLANE, dtype=np.uint8)
    joins[np.isin(classes, letters_of)] = 1
    joins[classes == NUMBER["digit"]] = 2
    joins[classes == NUMBER["space"]] = 3
    return classes, folded, joins


class Characters:
    """The characters of N texts, of long ones the first `HEAD` and the last `TAIL`, each text after a line feed.

    Per character: `codes` (code point), `classes` (number in `CLASSES`), `rows` (number of its text). Per text:
    `first` and `last` (positions of its first and last character; texts are not empty).
    """

    def __init__(self, texts: Sequence[str]) -> None:
        cut = [t if len(t) <= HEAD + TAIL + 8 else f"{t[:HEAD]} … {t[-TAIL:]}" for t in texts]
        data = ("\n" + "\n".join(cut)).encode("utf-32-le", "replace")
        self.codes = np.minimum(np.frombuffer(data, dtype=np.uint32), _PLANE - 1)
        lengths = np.array([len(text) for text in cut])
        self.first = np.cumsum(lengths + 1) - lengths
        self.last = self.first + lengths - 1
        self.rows = np.repeat(np.arange(len(cut)), lengths + 1)
        classes, self._folded, joins = _tables()
        self.classes = classes[self.codes]
        self._joins = joins[self.codes]

    def counts(self) -> npt.NDArray[np.float64]:
        """How many characters of each class each text has. (N, classes)"""
        keys = self.rows * len(CLASSES) + self.classes
        table = np.bincount(keys, minlength=len(self.first) * len(CLASSES)).astype(np.float64)
        table = table.reshape(len(self.first), len(CLASSES))
        table[:, 0] -= 1  # the line feed before the text
        return table

    def words(self) -> tuple[Ints, Hashes]:
        """Row and hash of each word: a run of letters, a run of digits, or one other sign; case and digits folded.

        Hashes are polynomial (Karp and Rabin 1987) modulo 2^64, taken for all words at once from running sums.
        """
        joins = self._joins
        new = np.empty(len(joins), dtype=bool)
        new[0] = False
        np.not_equal(joins[1:], joins[:-1], out=new[1:])
        new |= joins == 0
        starts = np.flatnonzero(new & (joins != 3))
        ends = np.append(np.flatnonzero(new), len(joins))
        ends = ends[np.searchsorted(ends, starts, side="right")]
        powers = _powers(_BASE, len(joins))
        sums = np.zeros(len(joins) + 1, dtype=np.uint64)
        np.cumsum(self._folded[self.codes] * powers, out=sums[1:])
        return self.rows[starts], (sums[ends] - sums[starts]) * _powers(_INVERSE, len(joins))[starts]


def buckets(rows: Ints, words: Hashes) -> tuple[Ints, Ints]:
    """Rows and buckets (below TEXT_BUCKETS) of all words and of all pairs of neighbours, the start being one too."""
    before = np.empty_like(words)
    before[1:] = words[:-1]
    if len(rows):
        before[np.concatenate([[True], rows[1:] != rows[:-1]])] = _MARK
    pairs = (before ^ (before >> np.uint64(31))) * _PAIR + words
    return np.concatenate([rows, rows]), mixed(np.concatenate([words, pairs]), TEXT_BUCKETS)


def mixed(hashes: Hashes, count: int) -> Ints:
    """Hashes to `count` buckets, a power of two: the high bits of a multiplicative mix (Knuth, vol. 3, 6.4)."""
    high = (hashes ^ (hashes >> np.uint64(29))) * _BASE
    return (high >> np.uint64(64 - count.bit_length() + 1)).astype(np.int64)


def _powers(base: np.uint64, count: int) -> Hashes:
    """base^0 .. base^(count - 1) modulo 2^64."""
    size = 1 << max(count, 1 << 15).bit_length()
    return _powers_of(int(base), size)[:count]


@cache
def _powers_of(base: int, size: int) -> Hashes:
    factors = np.full(size, base, dtype=np.uint64)
    factors[0] = 1
    return np.multiply.accumulate(factors)
