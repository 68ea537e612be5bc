"""The public benchmarks of main-text extraction: their pages with ground truth, and how each scores a text."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from newsieve.pipeline.corpora import PageFile, pages_of, text_of
from newsieve.pipeline.errors import PipelineError

RESAMPLES = 1000

Floats = npt.NDArray[np.float64]
Scores = tuple[float, ...]

_WORD = re.compile(r"\w+")
_SHINGLE = 4  # words


@dataclass(frozen=True, slots=True)
class Case:
    """A page, whose `page.main` is the reference text, or the snippets that its text shall and shall not hold."""

    page: PageFile
    wanted: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Benchmark:
    """How a benchmark's folder is read, how the text of one page scores, and what the mean over pages amounts to.

    `pool` takes means of `score` (..., K) to precision, recall, F1 and, where there are true negatives, accuracy.
    """

    read: Callable[[Path], Iterator[Case]]
    score: Callable[[str, Case], Scores]
    pool: Callable[[Floats], Floats]


def cases_of(name: str, folder: Path) -> list[Case]:
    """The pages of the benchmark `name` below `folder` that have a ground truth. Raises PipelineError without any."""
    if not folder.is_dir():
        raise PipelineError(f"no such folder: {folder}")
    try:
        cases = sorted(BENCHMARKS[name].read(folder), key=lambda case: case.page.key)
    except (OSError, ValueError, KeyError) as error:
        raise PipelineError(f"{folder} is not laid out as {name} is: {error!r}") from error
    if not cases:
        raise PipelineError(f"{folder} holds no page of {name} with a ground truth")
    return cases


def interval(values: Floats, pool: Callable[[Floats], Floats]) -> tuple[float, float]:
    """The 95 % interval of F1, by bootstrap over the pages' scores (N, K) (Efron 1979), the same draws for all."""
    count = len(values)
    draws = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), RESAMPLES)
    low, high = np.percentile(pool(draws @ values / count)[:, 2], [2.5, 97.5])
    return float(low), float(high)


def word_scores(text: str, reference: str) -> Scores:
    """Precision, recall and F1 of the words as a multiset, lower case (README of WCXB).

    An empty reference asks for an empty text.
    """
    found, wanted = Counter(_words(text.lower())), Counter(_words(reference.lower()))
    if not wanted:
        return (float(not found),) * 3
    return _ratios((found & wanted).total(), found.total(), wanted.total())


def shingle_counts(text: str, reference: str) -> Scores:
    """True positives, false positives and false negatives among runs of four words, over their sum.

    So a long page weighs what a short one does (evaluate.py of Scrapinghub's article-extraction-benchmark).
    """
    found, wanted = _shingles(text), _shingles(reference)
    counts = (found & wanted).total(), (found - wanted).total(), (wanted - found).total()
    return tuple(count / max(sum(counts), 1) for count in counts)


def rouge_lsum(text: str, reference: str) -> Scores:
    """Precision, recall and F1 of ROUGE-LSum: the union of longest common subsequences by lines (Lin 2004).

    Counts as the package rouge-score does, but words are those of any script, where it keeps a-z and 0-9 only.
    """
    found, wanted = _lines(text), _lines(reference)
    sizes = sum(map(len, found)), sum(map(len, wanted))
    left = Counter(word for line in found for word in line)
    left &= Counter(word for line in wanted for word in line)
    hits = 0
    for line in wanted:
        for position in _in_common(line, found):
            if left[line[position]] > 0:
                left[line[position]] -= 1
                hits += 1
    return _ratios(hits, *sizes)


def snippet_counts(text: str, wanted: Sequence[str], unwanted: Sequence[str]) -> Scores:
    """True and false positives, false and true negatives: which snippets the text holds, white space folded.

    As count_item of Trafilatura's tests/eval_common.py has it.
    """
    folded = _folded(text)
    hits = sum(_folded(snippet) in folded for snippet in wanted)
    slips = sum(_folded(snippet) in folded for snippet in unwanted)
    return float(hits), float(slips), float(len(wanted) - hits), float(len(unwanted) - slips)


def ratios_of_means(means: Floats) -> Floats:
    """Precision, recall and F1 as the pages' mean, which they already are. (..., 3)"""
    return means


def ratios_of_counts(counts: Floats) -> Floats:
    """Precision, recall, F1 and, with true negatives, accuracy of counts TP, FP, FN and perhaps TN. (..., 3 or 4)"""
    hits, slips, misses, *rest = np.moveaxis(counts, -1, 0)
    pairs = [(hits, hits + slips), (hits, hits + misses), (2 * hits, 2 * hits + slips + misses)]
    pairs += [(hits + rest[0], counts.sum(axis=-1))] if rest else []
    return np.stack([part / np.where(whole > 0, whole, 1) for part, whole in pairs], axis=-1)


def _words(text: str) -> list[str]:
    return _WORD.findall(text)


def _ratios(hits: int, found: int, wanted: int) -> Scores:
    if not hits:
        return 0.0, 0.0, 0.0
    return hits / found, hits / wanted, 2 * hits / (found + wanted)


def _shingles(text: str) -> Counter[tuple[str, ...]]:
    words = _words(text)
    starts = range(max(1, len(words) - _SHINGLE + 1)) if words else range(0)
    return Counter(tuple(words[start : start + _SHINGLE]) for start in starts)


def _lines(text: str) -> list[list[str]]:
    return [words for line in text.lower().split("\n") if (words := _words(line))]


def _folded(text: str) -> str:
    return " ".join(text.split())


def _in_common(line: list[str], others: list[list[str]]) -> set[int]:
    """Positions of `line` that are in its longest common subsequence with any of the others."""
    places: dict[str, int] = {}
    for position, word in enumerate(line):
        places[word] = places.get(word, 0) | 1 << position
    found: set[int] = set()
    for other in others:
        if not places.keys().isdisjoint(other):
            found |= _subsequence(line, other, places)
    return found


def _subsequence(line: list[str], other: list[str], places: dict[str, int]) -> set[int]:
    """Positions of one longest common subsequence, a column of the table at a time as bits (Hyyrö 2004).

    A bit is 0 where the word of `line` lengthens the subsequence. Ties are traced back as rouge-score does.
    """
    full = (1 << len(line)) - 1
    column, columns = full, []
    for word in other:
        match = column & places.get(word, 0)
        column = ((column + match) | (column - match)) & full
        columns.append(column)
    row, at, found = len(line) - 1, len(other) - 1, set()
    while row >= 0 and at >= 0:
        if line[row] == other[at]:
            found.add(row)
            row, at = row - 1, at - 1
        elif columns[at] >> row & 1:
            row -= 1
        else:
            at -= 1
    return found


def _wcxb(folder: Path) -> Iterator[Case]:
    """Of a checkout the split dev; of a folder with ground-truth/ in it, such as another split, that."""
    split = folder if (folder / "ground-truth").is_dir() else folder / "dev"
    for file in (split / "ground-truth").glob("*.json"):
        truth = json.loads(file.read_text(encoding="utf-8"))
        html = split / "html" / f"{file.stem}.html"
        kind, main = truth["_internal"]["page_type"]["primary"], truth["ground_truth"].get("main_content")
        if main is not None:
            path = html if html.exists() else html.with_suffix(".html.gz")
            yield _case(folder, path, main, kind, truth.get("url"))


def _scrapinghub(folder: Path) -> Iterator[Case]:
    truths = json.loads((folder / "ground-truth.json").read_text(encoding="utf-8"))
    for name, truth in truths.items():
        yield _case(folder, folder / "html" / f"{name}.html.gz", truth["articleBody"])


def _fundus(folder: Path) -> Iterator[Case]:
    return (Case(page) for page in pages_of("fundus", folder) if page.main)


def _readability(folder: Path) -> Iterator[Case]:
    for expected in folder.glob("**/expected.html"):
        yield _case(folder, expected.with_name("source.html"), text_of(expected.read_text(encoding="utf-8")))


def _trafilatura(folder: Path) -> Iterator[Case]:
    """The pages of tests/evaldata.json lie beside it in cache/ or eval/; some of them the project does not hand out."""
    tests = folder if (folder / "evaldata.json").exists() else folder / "tests"
    for truth in json.loads((tests / "evaldata.json").read_text(encoding="utf-8")).values():
        paths = [tests / part / truth["file"] for part in ("cache", "eval")]
        for path in [path for path in paths if path.exists()][:1]:
            page = PageFile(path.relative_to(folder).as_posix(), path)
            yield Case(page, tuple(truth["with"]), tuple(truth["without"]))


def _case(folder: Path, path: Path, main: str, kind: str | None = None, url: str | None = None) -> Case:
    return Case(PageFile(path.relative_to(folder).as_posix(), path, url, kind, main))


def _of_main(metric: Callable[[str, str], Scores]) -> Callable[[str, Case], Scores]:
    return lambda text, case: metric(text, case.page.main or "")


BENCHMARKS: dict[str, Benchmark] = {
    "wcxb": Benchmark(_wcxb, _of_main(word_scores), ratios_of_means),
    "scrapinghub": Benchmark(_scrapinghub, _of_main(shingle_counts), ratios_of_counts),
    "fundus": Benchmark(_fundus, _of_main(rouge_lsum), ratios_of_means),
    "trafilatura": Benchmark(
        _trafilatura, lambda text, case: snippet_counts(text, case.wanted, case.unwanted), ratios_of_counts
    ),
    "readability": Benchmark(_readability, _of_main(word_scores), ratios_of_means),
}
