"""`python -m newsieve.pipeline.registry`: which tracked model is the champion.

register RUN makes a run's model a version of the registered model; promote VERSION gives it the alias champion, where
the gates hold; back gives the alias to the champion before. models:/newsieve@champion is what others load.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from newsieve.classifier import Classifier, ModelError
from newsieve.labels import LABELS
from newsieve.pipeline.errors import PipelineError
from newsieve.pipeline.ship import LARGEST
from newsieve.pipeline.store import CHAMPION, MODEL, champion_of, connect, said

if TYPE_CHECKING:
    from mlflow import MlflowClient

BEFORE = "newsieve.champion_before"  # tag of the registered model
_ROUNDS = 3  # of timing, of which the fastest counts
_PAGES = 20


@dataclass(frozen=True)
class Gates:
    """What a candidate may be worse by than the champion: macro-F1, a label's F1, and times the CPU of a page."""

    macro: float = 0.0
    label: float = 0.01
    slower: float = 1.25


@dataclass(frozen=True)
class Contender:
    """A model's figures, bytes, and CPU seconds on the pages that both are timed on; 0 where it does not load.

    So a champion of other features, which this newsieve cannot load, is not in the way of its successor.
    """

    metrics: Mapping[str, float]
    size: int
    seconds: float


def objections(candidate: Contender, champion: Contender | None, gates: Gates) -> Iterator[str]:
    """Why the candidate must not be champion; nothing where all gates hold."""
    if candidate.size > LARGEST:
        yield f"it has {candidate.size:,} bytes, more than {LARGEST:,}"
    if champion is None:
        return
    new, old = candidate.metrics, champion.metrics
    if new.get("blocks") != old.get("blocks"):
        yield f"its figures are of {new.get('blocks', 0):.0f} blocks, the champion's of {old.get('blocks', 0):.0f}"
        return
    if new["macro_f1"] < old["macro_f1"] - gates.macro:
        yield f"its macro-F1 is {new['macro_f1']:.4f}, the champion's {old['macro_f1']:.4f}"
    for name in (f"{label}/f1" for label in LABELS):
        if new[name] < old[name] - gates.label:
            yield f"its {name} is {new[name]:.4f}, the champion's {old[name]:.4f}"
    if champion.seconds and candidate.seconds > champion.seconds * gates.slower:
        yield f"it takes {candidate.seconds / champion.seconds:.2f} times the champion's CPU"


def register(client: MlflowClient, run_id: str) -> str:
    """The version of the registered model that is this run's model, made where it is not there."""
    import mlflow

    versions = client.search_model_versions(f"run_id = '{run_id}'")
    if mine := [version for version in versions if version.name == MODEL]:
        return str(mine[0].version)
    outputs = client.get_run(run_id).outputs
    if not outputs or not outputs.model_outputs:
        raise PipelineError(f"run {run_id} has no model; baselines have none")
    return str(mlflow.register_model(f"runs:/{run_id}/model", MODEL).version)


def promote(client: MlflowClient, number: str, pages: Path, gates: Gates) -> None:
    """Give version `number` the alias champion. Raises PipelineError with all objections where gates do not hold.

    Both models are timed in turn on HTML pages in the folder `pages`.
    """
    champion = champion_of(client)
    if champion and str(champion.version) == number:
        raise PipelineError(f"version {number} is the champion already")
    with TemporaryDirectory() as place:
        numbers = [number, *([str(champion.version)] if champion else [])]
        contenders = _contenders(client, numbers, pages, Path(place))
    if reasons := list(objections(contenders[0], contenders[1] if champion else None, gates)):
        raise PipelineError(f"version {number} is not promoted: {'; '.join(reasons)}")
    client.set_registered_model_tag(MODEL, BEFORE, str(champion.version) if champion else "")
    client.set_registered_model_alias(MODEL, CHAMPION, number)


def back(client: MlflowClient) -> str:
    """Give the alias back to the champion before, and say which version that is. Twice is once forward again."""
    champion = champion_of(client)
    before = client.get_registered_model(MODEL).tags.get(BEFORE) if champion else None
    if not champion or not before:
        raise PipelineError("there is no champion before this one")
    client.set_registered_model_tag(MODEL, BEFORE, str(champion.version))
    client.set_registered_model_alias(MODEL, CHAMPION, before)
    return str(before)


def _contenders(client: MlflowClient, numbers: Sequence[str], pages: Path, place: Path) -> list[Contender]:
    import mlflow

    folders = [
        Path(mlflow.artifacts.download_artifacts(f"models:/{MODEL}/{number}", dst_path=str(place / number)))
        for number in numbers
    ]
    runs = [client.get_run(str(client.get_model_version(MODEL, number).run_id)) for number in numbers]
    seconds = _timed([Classifier.load(folders[0]), *map(_loaded, folders[1:])], pages)
    sizes = [sum(path.stat().st_size for path in (folder / "artifacts" / "model").iterdir()) for folder in folders]
    return [Contender(*each) for each in zip([run.data.metrics for run in runs], sizes, seconds, strict=True)]


def _loaded(folder: Path) -> Classifier | None:
    try:
        return Classifier.load(folder)
    except ModelError:
        return None


def _timed(classifiers: Sequence[Classifier | None], pages: Path) -> list[float]:
    """CPU seconds of each classifier on the same pages, by turns, the fastest of a few rounds; 0 of none."""
    htmls = [path.read_bytes() for path in sorted(pages.glob("*.html"))[:_PAGES]]
    if not htmls:
        raise PipelineError(f"{pages} holds no HTML pages to time the models on")
    found = [float("inf") if classifier else 0.0 for classifier in classifiers]
    for _ in range(1 + _ROUNDS):
        for number, classifier in enumerate(classifiers):
            started = time.process_time()
            for html in htmls:
                if classifier:
                    classifier.classify(html)
            found[number] = min(found[number], time.process_time() - started)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Work on the registry. Exit codes: 0 done, 1 refused or failed (stderr says why), 2 wrong usage."""
    options = _parser().parse_args(arguments)
    try:
        with said("is the run or version right, and MLFLOW_TRACKING_URI?"):
            sys.stdout.write(f"{_done(options)}\n")
    except (PipelineError, ModelError, OSError) as error:
        sys.stderr.write(f"registry: {error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m newsieve.pipeline.registry", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("register", help="make a run's model a version; prints its number")
    command.add_argument("run", metavar="RUN", help="the run's id, as the MLflow UI shows it")
    command = commands.add_parser("promote", help="make a version the champion, where the gates hold")
    command.add_argument("version", metavar="VERSION", help="its number, or the id of its run")
    command.add_argument("--pages", type=Path, default=Path("data/pages"), metavar="FOLDER", help="pages to time on")
    for name, text in (("macro", "macro-F1"), ("label", "a label's F1"), ("slower", "the CPU of a page, as a factor")):
        default = getattr(Gates, name)
        command.add_argument(f"--{name}", type=float, default=default, help=f"margin of {text} (default: {default})")
    commands.add_parser("back", help="give the alias back to the champion before")
    return parser


def _done(options: argparse.Namespace) -> str:
    """Do what the command says; the number of the version that it came to."""
    client = connect()
    if options.command == "back":
        return back(client)
    if options.command == "register":
        return register(client, options.run)
    number = options.version if options.version.isdecimal() else register(client, options.version)
    promote(client, number, options.pages, Gates(options.macro, options.label, options.slower))
    return str(number)


if __name__ == "__main__":
    sys.exit(main())
