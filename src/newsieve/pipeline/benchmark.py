"""`python -m newsieve.pipeline.benchmark`: how fast newsieve is, and how well it extracts, beside its peers.

speed FOLDER... times it on the HTML pages below the folders; quality NAME FOLDER scores it on the checkout of a public
benchmark; dumps CORPORA GOLD FOLDS scores text mode on what other programs make of gold pages. Tables go to stdout,
progress and what was left out to stderr. Every system gets the same decoded pages in the same run, without their urls;
times are of the CPU, of all threads of the process.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from tqdm import tqdm

from newsieve.classifier import SHIPPED, Classifier, ModelError
from newsieve.dom.encoding import decode
from newsieve.labels import LABELS
from newsieve.pipeline.benchmark_dumps import DUMPERS, dumps, gold_pages, row
from newsieve.pipeline.benchmark_metrics import BENCHMARKS, Case, cases_of, interval
from newsieve.pipeline.benchmark_peers import PARSERS, PEERS, STAGES, Peer, load_peers, stage_seconds, versions
from newsieve.pipeline.corpora import PageFile, pages_of, site_of
from newsieve.pipeline.errors import PipelineError
from newsieve.pipeline.gold import read_gold

REPEATS = 3
FAST_PEERS = {**PARSERS, **{name: PEERS[name] for name in ("resiliparse", "trafilatura")}}

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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark. Exit codes: 0 done, 1 no pages or no model (stderr says why), 2 wrong usage."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.CRITICAL)  # peers log each page that they find odd
    try:
        with warnings.catch_warnings(action="ignore"):
            options.run(options)
    except (PipelineError, ModelError) as error:
        sys.stderr.write(f"benchmark: {error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--limit", type=_count, metavar="N", help="take N pages, evenly spaced (default: all)")
    common.add_argument("--model", type=Path, default=SHIPPED, metavar="FOLDER", help="newsieve's model")
    parser = argparse.ArgumentParser(prog="python -m newsieve.pipeline.benchmark", description=main.__doc__)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("speed", parents=[common], help="CPU time on all HTML pages below folders")
    command.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    command.set_defaults(run=_run_speed)
    command = commands.add_parser("quality", parents=[common], help="scores on a public benchmark's checkout")
    command.add_argument("name", choices=BENCHMARKS)
    command.add_argument("folder", type=Path, metavar="FOLDER")
    command.add_argument("--peers", type=_peers, default=PEERS, metavar="A,B", help=f"of {', '.join(PEERS)}")
    command.add_argument(
        "--folds", type=Path, metavar="FOLDER", help="judge each page by the fold's model that has not seen its site"
        " (build/folds)",
    )  # fmt: skip
    command.add_argument(
        "--unseen", type=Path, metavar="GOLD", help="leave out the sites of the gold in this folder (data/gold)"
    )
    command.set_defaults(run=_run_quality)
    command = commands.add_parser("dumps", parents=[common], help="scores of text mode on the dumps of other programs")
    command.add_argument("corpora", type=Path, metavar="CORPORA", help="where the corpora lie (data/external)")
    command.add_argument("gold", type=Path, metavar="GOLD", help="their gold (data/gold)")
    command.add_argument("folds", type=Path, metavar="FOLDS", help="the models of the folds (build/folds)")
    command.set_defaults(run=_run_dumps)
    return parser


def _run_dumps(options: argparse.Namespace) -> None:
    pages = spread(list(gold_pages(options.corpora, options.gold)), options.limit)
    peers = load_peers(DUMPERS)
    judged = dumps(pages, peers, _models_by_site(options.folds))
    head = ["dump by", "macro-F1", "content F1 by token", *(f"{label} F1 by line" for label in LABELS), "lines"]
    record = f"{len(pages)} pages; {versions(DUMPERS[name] for name in peers)}; by models that have not seen the site"
    _report(markdown(head, [[name, *row(lines)] for name, lines in judged.items()]), record)


def _run_speed(options: argparse.Namespace) -> None:
    classifier = Classifier.load(options.model)
    if missing := [folder for folder in options.folders if not folder.is_dir()]:
        raise PipelineError(f"no such folder: {missing[0]}")
    pages = spread([page for folder in options.folders for page in pages_of("folder", folder)], options.limit)
    peers = load_peers(FAST_PEERS)
    runs = speed(pages, classifier, peers)
    _report(speed_table(runs), f"{len(pages)} pages; {versions(FAST_PEERS[name] for name in peers)}")
    _explain(runs)


def _run_quality(options: argparse.Namespace) -> None:
    classifier = Classifier.load(options.model)
    cases = cases_of(options.name, options.folder)
    if options.unseen:
        golds = [
            page for path in options.unseen.glob("*.jsonl") for page in read_gold(options.unseen, path.stem).values()
        ]
        sites, files = {page.site for page in golds}, {page.file for page in golds}
        cases = [
            case for case in cases
            if case.page.key not in files and site_of(case.page, decode(case.page.read())[0]) not in sites
        ]  # fmt: skip
    cases = spread(cases, options.limit)
    peers = load_peers(options.peers)
    runs = quality(options.name, cases, classifier, peers, _out_of_fold(options.folds, cases))
    record = f"{len(cases)} pages; {versions(options.peers[name] for name in peers)}{_seen(options, classifier)}"
    _report(quality_table(options.name, runs), type_table(options.name, cases, runs), record)
    _explain(runs)


def _out_of_fold(folder: Path | None, cases: Sequence[Case]) -> Callable[[str], Classifier] | None:
    """By a page's key the model in `folder` that has not seen its site."""
    if not folder:
        return None
    judge = _models_by_site(folder)
    sites = {case.page.key: site_of(case.page, decode(case.page.read())[0]) for case in cases}
    return lambda key: judge(sites[key])


def _models_by_site(folder: Path) -> Callable[[str], Classifier]:
    """Of the models of the folds in `folder` (stage train) by a site the one that has not seen it."""
    try:
        sites: dict[str, int] = json.loads((folder / "sites.json").read_text())
    except FileNotFoundError:
        raise PipelineError(f"{folder} holds no models of folds; the stage train makes them: dvc repro") from None
    models = {fold: Classifier.load(folder / str(fold)) for fold in set(sites.values())}
    first = min(models)  # none has seen a site that is not named
    return lambda site: models[sites.get(site, first)]


def _seen(options: argparse.Namespace, classifier: Classifier) -> str:
    """What newsieve's model has seen of the pages."""
    if options.folds:
        return "; newsieve by models that have not seen the page's site"
    if options.unseen:
        return "; no page of a site that newsieve's model learned from"
    count = classifier.about.get("trained_on", {}).get("pages", {}).get(options.name, 0)
    return f"; newsieve's model learned from {count} pages of {options.name}" if count else ""


def _count(word: str) -> int:
    if not word.isdecimal() or not int(word):
        raise argparse.ArgumentTypeError(f"{word!r} is not a number of pages")
    return int(word)


def _peers(words: str) -> dict[str, Peer]:
    names = [name for name in words.split(",") if name]
    if unknown := [name for name in names if name not in PEERS]:
        raise argparse.ArgumentTypeError(f"no peer {unknown[0]!r}; there are {', '.join(PEERS)}")
    return {name: PEERS[name] for name in names}


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


def _report(*parts: str) -> None:
    sys.stdout.write("\n\n".join(part for part in parts if part) + "\n")


def _explain(runs: dict[str, Run]) -> None:
    """One failure of each system that failed, on stderr."""
    for name, run in runs.items():
        if run.failures:
            sys.stderr.write(f"{name} failed on {len(run.failures)} pages, such as {run.failures[0][:300]}\n")


if __name__ == "__main__":
    sys.exit(main())
