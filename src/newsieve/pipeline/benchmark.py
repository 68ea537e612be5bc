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
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

from newsieve.classifier import SHIPPED, Classifier, ModelError
from newsieve.dom.encoding import decode
from newsieve.labels import LABELS
from newsieve.pipeline.benchmark_dumps import DUMPERS, dumps, gold_pages, row
from newsieve.pipeline.benchmark_metrics import BENCHMARKS, Case, cases_of
from newsieve.pipeline.benchmark_peers import PARSERS, PEERS, Peer, load_peers, versions
from newsieve.pipeline.benchmark_runs import (
    Run,
    markdown,
    quality,
    quality_table,
    speed,
    speed_table,
    spread,
    type_table,
)
from newsieve.pipeline.corpora import pages_of, site_of
from newsieve.pipeline.errors import PipelineError
from newsieve.pipeline.gold import read_gold

FAST_PEERS = {**PARSERS, **{name: PEERS[name] for name in ("resiliparse", "trafilatura")}}


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


def _report(*parts: str) -> None:
    sys.stdout.write("\n\n".join(part for part in parts if part) + "\n")


def _explain(runs: dict[str, Run]) -> None:
    """One failure of each system that failed, on stderr."""
    for name, run in runs.items():
        if run.failures:
            sys.stderr.write(f"{name} failed on {len(run.failures)} pages, such as {run.failures[0][:300]}\n")


if __name__ == "__main__":
    sys.exit(main())
