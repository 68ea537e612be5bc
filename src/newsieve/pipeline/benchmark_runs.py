"""Running systems on pages page by page, and the tables of what they did."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from tqdm import tqdm

from newsieve.classifier import Classifier
from newsieve.dom.encoding import decode
from newsieve.pipeline.benchmark_metrics import BENCHMARKS, Case, interval
from newsieve.pipeline.benchmark_peers import STAGES, stage_seconds
from newsieve.pipeline.corpora import PageFile

REPEATS = 3

Item = TypeVar("Item")


@dataclass(slots=True)
class Run:
    """What one system did page by page: its scores, its CPU seconds, and `key: error` of the pages it failed on."""

    scores: list[tuple[float, ...]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def speed(pages: Sequence[PageFile], classifier: Classifier, peers: dict[str, Callable[[str], Any]]) -> dict[str, Run]:
    """Time newsieve, its stages and the `peers` on `pages`: per page the best of three after one to warm up.

    So whatever a system remembers of a page, as newsieve does signatures of elements, it has met before.
    """
    systems = {"newsieve": classifier.classify, **peers}
    runs = {name: Run() for name in ("newsieve", *map(_stage_name, STAGES), *peers)}
    for page in tqdm(pages, desc="speed", unit="page"):
        html = decode(page.read())[0]
        for name, system in systems.items():
            seconds, errors = zip(*(_measured(system, html)[1:] for _ in range(1 + REPEATS)), strict=True)
            _record(runs[name], page.key, min(seconds[1:]), errors[-1])
        tries = [stage_seconds(classifier, html) for _ in range(1 + REPEATS)]
        for stage in STAGES:
            _record(runs[_stage_name(stage)], page.key, min(spent[stage] for spent in tries[1:]))
    return runs


def quality(
    name: str,
    cases: Sequence[Case],
    classifier: Classifier,
    peers: dict[str, Callable[[str], Any]],
    classifier_for: Callable[[str], Classifier] | None = None,
) -> dict[str, Run]:
    """Score the body that newsieve extracts, and the text of the `peers`, on the `cases` of the benchmark `name`.

    A system that fails gave an empty text. `classifier_for`, where given, takes a page's key to the classifier that
    shall judge it, such as one that has not seen its site, in place of `classifier`.
    """
    runs = {system: Run() for system in ("newsieve", *peers)}
    for number, case in enumerate(tqdm(cases, desc=name, unit="page")):
        chosen = classifier_for(case.page.key) if classifier_for else classifier
        systems = {"newsieve": _body_by(chosen), **peers}
        html = decode(case.page.read())[0]
        for system, extract in systems.items():
            if not number:
                _measured(extract, html)  # what is loaded at the first call is not the first page's time
            text, seconds, error = _measured(extract, html)
            _record(runs[system], case.page.key, seconds, error)
            runs[system].scores.append(BENCHMARKS[name].score(text or "", case))
    return runs


def speed_table(runs: dict[str, Run]) -> str:
    """Median and mean milliseconds a page, and the ratio of the median to trafilatura's where that ran."""
    base = np.median(runs["trafilatura"].seconds) if "trafilatura" in runs else None
    rows = []
    for name, run in runs.items():
        median, mean = np.median(run.seconds), np.mean(run.seconds)
        rows.append([name, _ms(median), _ms(mean), f"{median / base:.3f}" if base else "", str(len(run.failures))])
    return markdown(["system", "CPU ms, median", "CPU ms, mean", "ratio to trafilatura", "failures"], rows)


def quality_table(name: str, runs: dict[str, Run]) -> str:
    """Per system F1 with its interval, precision, recall, accuracy where it is defined, time and failures."""
    pool, rows = BENCHMARKS[name].pool, []
    for system, run in runs.items():
        values = np.array(run.scores)
        precision, recall, f1, *accuracy = pool(values.mean(axis=0))
        low, high = interval(values, pool)
        figures = [f"{f1:.3f} ({low:.3f} to {high:.3f})", *(f"{x:.3f}" for x in (precision, recall, *accuracy))]
        rows.append([system, *figures, _ms(np.median(run.seconds)), str(len(run.failures))])
    head = ["system", "F1 (95 % interval)", "precision", "recall", "accuracy", "CPU ms, median", "failures"]
    if len(rows[0]) < len(head):
        head.remove("accuracy")
    return markdown(head, rows)


def type_table(name: str, cases: Sequence[Case], runs: dict[str, Run]) -> str:
    """F1 of each system by page type; empty where the benchmark knows no types."""
    types = np.array([case.page.type or "" for case in cases])
    rows = []
    for kind in sorted(set(types) - {""}):
        means = [np.array(run.scores)[types == kind].mean(axis=0) for run in runs.values()]
        rows.append([str(kind), str((types == kind).sum()), *(f"{BENCHMARKS[name].pool(m)[2]:.3f}" for m in means)])
    return markdown(["F1 by page type", "pages", *runs], rows) if rows else ""


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table that reads as plain text too: the first column flush left, the others right."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    lines = []
    for first, *others in (head, rule, *rows):
        cells = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def spread(items: Sequence[Item], limit: int | None) -> list[Item]:
    """At most `limit` of the items, evenly spaced, so that a part stands for the whole. The same ones every time."""
    count = len(items) if limit is None else min(limit, len(items))
    return [items[number * len(items) // count] for number in range(count)]


def _body_by(classifier: Classifier) -> Callable[[str], str]:
    return lambda html: classifier.classify(html).body


def _measured(system: Callable[[str], Any], html: str) -> tuple[Any, float, str]:
    """What a system gives for a page, its CPU seconds, and its error, if any."""
    result, error = None, ""
    started = time.process_time()
    try:
        result = system(html)
    except Exception as problem:  # noqa: BLE001 # whatever a peer raises is its failure, and is counted
        error = repr(problem)
    return result, time.process_time() - started, error


def _record(run: Run, key: str, seconds: float, error: str = "") -> None:
    run.seconds.append(seconds)
    if error:
        run.failures.append(f"{key}: {error}")


def _stage_name(stage: str) -> str:
    return f"newsieve: {stage}"


def _ms(seconds: np.floating[Any]) -> str:
    return f"{1000 * seconds:.2f}"
