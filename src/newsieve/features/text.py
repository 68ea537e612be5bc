"""Family `text`: what a block's characters show, in any language, without word lists."""

from __future__ import annotations

import numpy as np

from newsieve.characters import CLASSES, NUMBER, Characters
from newsieve.layout import Floats, Ints

_COUNTED = ("stop", "comma", "digit", "question", "exclamation", "round", "bar", "currency")
NAMES = (
    "chars", "weight", *(f"{name}_share" for name in CLASSES), *(f"{name}_count" for name in _COUNTED),
    "words", "word_length", "capitalised_words", "number_words", "sentences", "words_per_sentence",
    "first_class", "last_class", "before_last_class",
)  # fmt: skip


def text_features(characters: Characters, chars: Ints) -> Floats:
    """Lengths, punctuation, capitals, digits, scripts. `chars` are the whole lengths (B,). (B, NAMES)"""
    table = characters.counts()
    seen = np.maximum(table.sum(axis=1), 1)
    # A Han, kana or Hangul character says about as much as 2.5 Latin ones.
    dense = table[:, [NUMBER["han"], NUMBER["kana"], NUMBER["hangul"]]].sum(axis=1) / seen
    lengths = np.stack([chars, chars * (1 + 1.5 * dense)], axis=1)
    counts = table[:, [NUMBER[name] for name in _COUNTED]]
    return np.concatenate([lengths, table / seen[:, None], counts, _words(characters, seen), _ends(characters)], axis=1)


def _words(characters: Characters, seen: Floats) -> Floats:
    """Counts over words, where a word is a run without white space."""
    classes, rows, count = characters.classes, characters.rows, len(characters.first)
    space = classes == NUMBER["space"]
    opens = np.flatnonzero(space[:-1] & ~space[1:]) + 1
    closes = np.flatnonzero(space[1:] & ~space[:-1])
    closes = np.append(closes, len(classes) - 1)
    words = np.maximum(np.bincount(rows[opens], minlength=count), 1)
    initials = classes[opens]
    stops = np.isin(classes[closes], [NUMBER["stop"], NUMBER["question"], NUMBER["exclamation"]])
    capitals = np.bincount(rows[opens], initials == NUMBER["upper"], count)
    digits = np.bincount(rows[opens], initials == NUMBER["digit"], count)
    sentences = np.bincount(rows[closes], stops, count)
    return np.stack([words, seen / words, capitals / words, digits / words, sentences, words / (1 + sentences)], axis=1)


def _ends(characters: Characters) -> Floats:
    """The classes (numbers in `CLASSES`) of the first and of the last two characters."""
    first, last, classes = characters.first, characters.last, characters.classes
    return np.stack([classes[first], classes[last], classes[np.maximum(last - 1, first)]], axis=1).astype(np.float64)
