"""Stage track: one MLflow run for each distinct result."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import pandas as pd
import yaml
from pydantic import Field

from newsieve.labels import LABELS
from newsieve.pipeline.corpora import AUTHORED, OWN
from newsieve.pipeline.identity import COMMIT, EXPERIMENT, identity, patch_of
from newsieve.pipeline.metrics import flat
from newsieve.pipeline.plots import draw
from newsieve.pipeline.restore import PATCH
from newsieve.pipeline.run_report import Past, compared, write_report
from newsieve.pipeline.store import GROUP, champion_of, connect, experiment_of, said

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

log = logging.getLogger(__name__)

FINGERPRINT, DATA = "newsieve.fingerprint", "newsieve.data"
PARENT = "mlflow.parentRunId"
WHOLE = "attributes.status = 'FINISHED'"  # a run that failed half-way is none


@dataclass(frozen=True)
class Result:
    """What the stages before made, and from what."""

    settings: dict[str, dict[str, Any]]
    tables: list[Path]
    model: Path
    evaluation: Path
    metrics: dict[str, Any]

    @cached_property
    def data(self) -> str:
        """The digest of all rows, of the public pages and of others."""
        return _whole(self.tables)

    @cached_property
    def fingerprint(self) -> str:
        """The digest of params, data, model and figures: of all that makes this result another than others."""
        settings = json.dumps({k: v for k, v in self.settings.items() if k != "track"}, sort_keys=True)
        return _whole([*self.tables, *_files(self.model), *_files(self.evaluation)], settings)


def track(
    params: Path,
    tables: Path,
    authored: Path,
    own: Path,
    judged: Path,
    pages: Path,
    own_pages: Path,
    model: Path,
    evaluation: Path,
    out: Path,
    report: Path,
    *,
    experiment: Annotated[str, Field(min_length=1)],
    run_name: str,
    group: str,
) -> None:
    """Log params, metrics, curves, plots, the report and the model as one run, unless the store has it already.

    The store is MLFLOW_TRACKING_URI, else mlflow.db in the repository. `run_name`, else what differs from the run
    before, names the run; with a `group` it becomes a child of the run of that name. Writes the result's fingerprint
    to `out`, and `report`, one page of HTML that needs nothing else, which compares the run with the champion, else
    with the run before.
    """
    rows = [*sorted(tables.glob("*.parquet")), authored, own]
    metrics = json.loads((evaluation / "metrics.json").read_text())
    result = Result(yaml.safe_load(params.read_text()), rows, model, evaluation, metrics)
    with said("model and figures are kept; try: dvc repro track"):
        client = connect()
        number = experiment_of(client, experiment)
        past = _past(client, number, result.fingerprint)
        write_report(metrics, past, evaluation, judged, {AUTHORED: pages, OWN: own_pages}, report)
        found = client.search_runs(
            [number], f"tags.`{FINGERPRINT}` = '{result.fingerprint}' and {WHOLE}", max_results=1
        )
        if found:
            log.info("this result is in the store already: run %s", found[0].info.run_id)
        run_id = found[0].info.run_id if found else _log(client, number, result, past, report, run_name)
        if group:
            _adopt(client, number, run_id, group, run_name if found else "")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({"fingerprint": result.fingerprint}) + "\n")


def _past(client: MlflowClient, experiment: str, fingerprint: str) -> Past | None:
    """What to compare with: the champion, where it is another result; else the last run that is."""
    if (version := champion_of(client)) and version.run_id:
        run = client.get_run(version.run_id)
        if run.data.tags.get(FINGERPRINT) != fingerprint:
            return Past.of("the champion", run)
    runs = client.search_runs(
        [experiment], f"tags.`{FINGERPRINT}` != '' and {WHOLE}", order_by=["attributes.start_time DESC"]
    )
    last = next((run for run in runs if run.data.tags[FINGERPRINT] != fingerprint), None)
    return Past.of("the run before", last) if last else None


def _log(client: MlflowClient, experiment: str, result: Result, past: Past | None, report: Path, run_name: str) -> str:
    import mlflow

    settings = dict(flat_params(result.settings))
    tags = {FINGERPRINT: result.fingerprint, DATA: result.data, **dict(identity())}
    name = run_name or _name(settings, tags, past)
    description = compared(result.metrics, past)
    with mlflow.start_run(experiment_id=experiment, run_name=name, tags=tags, description=description) as run:
        mlflow.log_params(settings)
        mlflow.log_metrics(dict(flat(result.metrics)))
        _log_curves(client, run.info.run_id, pd.read_csv(result.evaluation / "curves.csv"))
        _log_data(result.tables)
        for plot, figure in draw(result.evaluation):
            mlflow.log_figure(figure, f"plots/{plot}.png")
        mlflow.log_artifacts(str(result.evaluation), "evaluation")
        mlflow.log_artifact(str(report))
        if COMMIT in tags:
            with TemporaryDirectory() as place:
                patch = Path(place) / Path(PATCH).name
                patch.write_bytes(patch_of(Path()))
                mlflow.log_artifact(str(patch), str(Path(PATCH).parent))
        if (result.model / "model.txt").exists():  # a baseline is not a model that newsieve loads
            _log_model(result.model)
    return str(run.info.run_id)


def _log_curves(client: MlflowClient, run_id: str, curves: pd.DataFrame) -> None:
    from mlflow.entities import Metric

    points = [
        Metric(f"curve/{name}", float(value), 0, int(step))
        for name in ("learned", "held_out")
        for step, value in zip(curves["round"], curves[name], strict=True)
    ]
    client.log_batch(run_id, metrics=points)


def _log_data(tables: list[Path]) -> None:
    import mlflow
    from mlflow.data import pandas_dataset

    for path in tables:
        about = pd.DataFrame({"file": [path.name]})
        source = pandas_dataset.from_pandas(about, name=path.stem, digest=_digest(path)[:8])
        mlflow.log_input(source, context="training")


def _log_model(model: Path) -> None:
    import mlflow
    from mlflow.models import ModelSignature
    from mlflow.types.schema import ColSpec, DataType, Schema

    taken = Schema([ColSpec(DataType.string, "html"), ColSpec(DataType.string, "url", required=False)])
    given = [ColSpec(DataType.long, "page"), ColSpec(DataType.string, "text"), ColSpec(DataType.string, "label")]
    shares = [ColSpec(DataType.double, label.value) for label in LABELS]
    mlflow.pyfunc.log_model(
        name="model", python_model=str(Path(__file__).with_name("served.py")), artifacts={"model": str(model)},
        signature=ModelSignature(taken, Schema([*given, *shares])), pip_requirements=["newsieve"],
        input_example=pd.DataFrame({"html": ["<article><h1>Headline</h1><p>A paragraph.</p></article>"]}),
    )  # fmt: skip


def _adopt(client: MlflowClient, experiment: str, run_id: str, group: str, run_name: str) -> None:
    """Make the run a child of the group's run, which is made where it is not there; it tells of all its children."""
    found = [run for run in client.search_runs([experiment], f"tags.`{GROUP}` != ''") if run.data.tags[GROUP] == group]
    parent = found[0] if found else client.create_run(experiment, tags={GROUP: group}, run_name=group)
    client.set_tag(run_id, PARENT, parent.info.run_id)
    if run_name:
        client.update_run(run_id, name=run_name)
    children = client.search_runs(
        [experiment], f"tags.`{PARENT}` = '{parent.info.run_id}'", order_by=["attributes.start_time ASC"]
    )
    client.set_tag(parent.info.run_id, "mlflow.note.content", _told(children))
    client.set_terminated(parent.info.run_id)


def _told(runs: list[Run]) -> str:
    """A table of runs by name with their headline figures."""
    names = ("macro_f1", "content/f1", "caption/f1", "promo/f1", "nav/f1")
    lines = [f"| run | {' | '.join(names)} |", "| --- " * (len(names) + 1) + "|"]
    for run in sorted(runs, key=lambda run: str(run.info.run_name)):
        figures = (f"{run.data.metrics.get(name, 0):.3f}" for name in names)
        lines.append(f"| {run.info.run_name} | {' | '.join(figures)} |")
    return "\n".join(lines)


def flat_params(settings: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """What can change the result, as `stage.key`; maps in a line, lists after their length, as charts cut ticks."""
    for stage in ("featurize", "train"):
        for key, value in settings.get(stage, {}).items():
            if isinstance(value, dict):
                value = " ".join(f"{k}={v}" for k, v in value.items())  # noqa: PLW2901 # the same in one line
            elif isinstance(value, list):
                value = f"{len(value)}: {' '.join(map(str, value))}"  # noqa: PLW2901 # as above
            yield f"{stage}.{key}", value


def _name(settings: dict[str, Any], tags: dict[str, str], past: Past | None) -> str:
    """What differs from the past run: parameters, else the data, else the code."""
    if name := tags.get(EXPERIMENT):
        return name
    if past is None:
        return "first"
    changed = [f"{key}={value}" for key, value in settings.items() if past.params.get(key) != str(value)]
    if changed:
        return ", ".join(changed)[:120]
    if past.tags.get(DATA) != tags[DATA]:
        return f"data {tags[DATA][:8]}"
    return f"code {tags.get(COMMIT, 'without git')[:8]}"


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _whole(paths: list[Path], more: str = "") -> str:
    whole = hashlib.sha256(more.encode())
    for path in paths:
        whole.update(f"{path.name} {_digest(path)}\n".encode())
    return whole.hexdigest()
