"""Fitting the evidence: linear models of the kinds on hashed words, and their odds on rows that they have not seen."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.linear_model import SGDClassifier

from newsieve.characters import TEXT_BUCKETS, Characters
from newsieve.evidence import PATH_SCALE, TEXT_SCALE, Evidence, Weights
from newsieve.features.tokens import Tokens, text_tokens
from newsieve.labels import KINDS, Kind
from newsieve.pipeline.errors import PipelineError
from newsieve.pipeline.gold import read_phrases
from newsieve.signatures import PATH_BUCKETS

Odds = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Words:
    """The tokens of N rows as sparse matrices, each row scaled by 1 / sqrt(its tokens)."""

    text: sp.csr_matrix
    path: sp.csr_matrix

    @classmethod
    def of(cls, text: Tokens, path: Tokens, count: int) -> Words:
        """Count the tokens of `count` rows."""
        return cls(_scaled(text, count, TEXT_BUCKETS, TEXT_SCALE), _scaled(path, count, 3 * PATH_BUCKETS, PATH_SCALE))


def _scaled(tokens: Tokens, count: int, buckets: int, scale: float) -> sp.csr_matrix:
    ones = np.ones(len(tokens.rows), dtype=np.float32)
    matrix = sp.csr_matrix((ones, (tokens.rows, tokens.numbers)), shape=(count, buckets))
    sizes = np.maximum(np.asarray(matrix.sum(axis=1)).ravel(), 1)
    return (sp.diags((scale / np.sqrt(sizes)).astype(np.float32)) @ matrix).tocsr()


@dataclass(frozen=True, slots=True)
class Settings:
    """How the linear models learn: their L2 penalties, and the passes over the rows."""

    text_penalty: float
    path_penalty: float
    passes: int


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
        return cls(_scaled(tokens, len(texts), TEXT_BUCKETS, TEXT_SCALE), numbers, weight)


def fit_evidence(
    words: Words, kinds: npt.NDArray[np.int8], weights: npt.NDArray[np.float64], phrases: Phrases, settings: Settings
) -> Evidence:
    """Learn from the rows with a kind and a weight above 0, and from the phrases; in the precision of model folders."""
    rows = np.flatnonzero((kinds >= 0) & (weights > 0))
    text, text_bias = _fit(
        sp.vstack([words.text[rows], phrases.text]),
        np.concatenate([kinds[rows], phrases.kinds]),
        np.concatenate([weights[rows], np.full(len(phrases.kinds), phrases.weight)]),
        settings.text_penalty,
        settings.passes,
    )
    path, path_bias = _fit(words.path[rows], kinds[rows], weights[rows], settings.path_penalty, settings.passes)
    return Evidence(text, path, text_bias, path_bias)


def _fit(
    matrix: sp.csr_matrix, kinds: npt.NDArray[np.int8], weights: npt.NDArray[np.float64], penalty: float, passes: int
) -> tuple[Weights, Weights]:
    """One averaged logistic model against the rest for each kind (stochastic gradient descent; Bottou 2010)."""
    model = SGDClassifier(
        loss="log_loss", alpha=penalty, max_iter=passes, tol=None, average=True, random_state=0, n_jobs=2
    )
    model.fit(matrix, kinds, sample_weight=weights)
    table = np.zeros((matrix.shape[1], len(KINDS)), dtype=np.float16)
    bias = np.full(len(KINDS), -9.0, dtype=np.float32)  # of a kind that no row has
    table[:, model.classes_] = model.coef_.T
    bias[model.classes_] = model.intercept_
    return table.astype(np.float32), bias


def odds_of(evidence: Evidence, words: Words, rows: npt.NDArray[np.intp]) -> Odds:
    """Log-odds of the kinds by text and by path, side by side. (rows, 2 K)"""
    text = words.text[rows] @ evidence.text + evidence.text_bias
    path = words.path[rows] @ evidence.path + evidence.path_bias
    return np.concatenate([text, path], axis=1).astype(np.float32)
