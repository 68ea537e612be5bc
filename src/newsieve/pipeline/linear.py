"""Fitting the evidence: linear models of the kinds on hashed words, and their odds on rows that they have not seen."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp
from sklearn.linear_model import SGDClassifier

from newsieve.characters import TEXT_BUCKETS, Characters
from newsieve.evidence import PATH_SCALE, TEXT_SCALE, Evidence, Linear, Weights
from newsieve.features.tokens import Tokens, text_tokens
from newsieve.labels import KINDS, Kind
from newsieve.pipeline.errors import PipelineError
from newsieve.pipeline.gold import read_phrases
from newsieve.signatures import PATH_BUCKETS

Odds = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Words:
    """The tokens of N rows as sparse matrices of ones, of text and of path, and the number of each row's site (N,)."""

    text: sp.csr_matrix
    path: sp.csr_matrix
    sites: npt.NDArray[np.int64]

    @classmethod
    def of(cls, text: Tokens, path: Tokens, sites: npt.NDArray[np.object_]) -> Words:
        """Of rows of these `sites` (N,)."""
        count = len(sites)
        return cls(_ones(text, count, TEXT_BUCKETS), _ones(path, count, 3 * PATH_BUCKETS), pd.factorize(sites)[0])

    @cached_property
    def scaled_path(self) -> sp.csr_matrix:
        """Each row of `path` by PATH_SCALE / sqrt(its tokens)."""
        return _scaled(self.path, PATH_SCALE)

    def sites_of(self, rows: Numbers) -> npt.NDArray[np.int64]:
        """On how many sites, of those of `rows`, each bucket of text stands. (TEXT_BUCKETS,)"""
        part = self.text[rows].tocoo()
        pairs = np.unique(part.col.astype(np.int64) * len(self.sites) + self.sites[rows][part.row])
        return np.bincount(pairs // len(self.sites), minlength=TEXT_BUCKETS)


def _ones(tokens: Tokens, count: int, buckets: int) -> sp.csr_matrix:
    ones = np.ones(len(tokens.rows), dtype=np.float32)
    return sp.csr_matrix((ones, (tokens.rows, tokens.numbers)), shape=(count, buckets))


def _scaled(matrix: sp.csr_matrix, scale: float) -> sp.csr_matrix:
    sizes = np.maximum(np.asarray(matrix.sum(axis=1)).ravel(), 1)
    return (sp.diags((scale / np.sqrt(sizes)).astype(np.float32)) @ matrix).tocsr()


@dataclass(frozen=True, slots=True)
class Settings:
    """How the linear models learn: their L2 penalties, the passes over the rows, and the sites that make a word known.

    A phrase counts as a site.
    """

    text_penalty: float
    path_penalty: float
    passes: int
    word_sites: int


@dataclass(frozen=True, slots=True)
class Phrases:
    """Authored texts of which only the words are known: their matrix, kinds (numbers in KINDS), weight of each."""

    text: sp.csr_matrix
    kinds: npt.NDArray[np.int8]
    weight: float

    @classmethod
    def read(cls, folder: Path, weight: float) -> Phrases:
        """Read the phrases in `folder`."""
        kinds, texts = read_phrases(folder)
        if not texts:
            raise PipelineError(f"{folder} holds no phrases; git keeps them: git checkout -- {folder}")
        tokens = text_tokens(*Characters(texts).words())
        numbers = np.array([list(KINDS).index(Kind(kind)) for kind in kinds], dtype=np.int8)
        return cls(_ones(tokens, len(texts), TEXT_BUCKETS), numbers, weight)


def fit_evidence(
    words: Words, kinds: npt.NDArray[np.int8], weights: npt.NDArray[np.float64], phrases: Phrases, settings: Settings
) -> Evidence:
    """Learn from the rows with a kind and a weight above 0, and from the phrases; in the precision of model folders."""
    rows = np.flatnonzero((kinds >= 0) & (weights > 0))
    sites = words.sites_of(rows) + np.bincount(phrases.text.indices, minlength=TEXT_BUCKETS)
    known = np.flatnonzero(sites >= settings.word_sites)
    text = _fit(
        _scaled(sp.vstack([words.text[rows], phrases.text]).tocsr()[:, known], TEXT_SCALE),
        np.concatenate([kinds[rows], phrases.kinds]),
        np.concatenate([weights[rows], np.full(len(phrases.kinds), phrases.weight)]),
        settings.text_penalty,
        settings.passes,
    )
    path = _fit(words.scaled_path[rows], kinds[rows], weights[rows], settings.path_penalty, settings.passes)
    return Evidence(known, text, path)


def _fit(
    matrix: sp.csr_matrix, kinds: npt.NDArray[np.int8], weights: npt.NDArray[np.float64], penalty: float, passes: int
) -> Linear:
    """One averaged logistic model against the rest for each kind (stochastic gradient descent; Bottou 2010)."""
    model = SGDClassifier(
        loss="log_loss", alpha=penalty, max_iter=passes, tol=None, average=True, random_state=0, n_jobs=2
    )
    model.fit(matrix, kinds, sample_weight=weights)
    table: Weights = np.zeros((matrix.shape[1], len(KINDS)), dtype=np.float32)
    bias: Weights = np.full(len(KINDS), -9.0, dtype=np.float32)  # of a kind that no row has
    table[:, model.classes_] = model.coef_.T
    bias[model.classes_] = model.intercept_
    return Linear.of(table, bias)


def odds_of(evidence: Evidence, words: Words, rows: Numbers) -> Odds:
    """Log-odds of the kinds by text and by path, side by side. (rows, 2 K)"""
    known = _scaled(words.text[rows][:, evidence.words], TEXT_SCALE)
    text = known @ evidence.text.weights + evidence.text.bias
    path = words.scaled_path[rows] @ evidence.path.weights + evidence.path.bias
    return np.concatenate([text, path], axis=1).astype(np.float32)
