"""Stage track: one MLflow run for each distinct result. Nothing else imports mlflow."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import yaml
from pydantic import Field

from newsieve.pipeline.errors import PipelineError
from newsieve.pipeline.metrics import flat
from newsieve.pipeline.plots import draw

log = logging.getLogger(__name__)

STORE = "sqlite:///mlflow.db"
ARTIFACTS = "mlartifacts"
FINGERPRINT = "newsieve.fingerprint"


def track(
    params: Path,
    tables: Path,
    model: Path,
    evaluation: Path,
    out: Path,
    *,
    experiment: Annotated[str, Field(min_length=1)],
    run_name: str,
) -> None:
    """Log params, metrics, plots and the model as one run, unless the store has it already.

    The store is MLFLOW_TRACKING_URI, else mlflow.db here. Writes the result's fingerprint to `out`.
    """
    fingerprint = _fingerprint([params, *_files(tables), *_files(model), *_files(evaluation)])
    try:
        _log(fingerprint, params, tables, model, evaluation, experiment, run_name)
    except Exception as error:  # whatever the store raises; the results of the earlier stages are kept
        if isinstance(error, PipelineError) or not _is_of_store(error):
            raise
        uri = os.environ.get("MLFLOW_TRACKING_URI", STORE)
        raise PipelineError(
            f"the MLflow store {uri} did not take the run ({error}); model and figures are kept; try: dvc repro track"
        ) from error
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({"fingerprint": fingerprint}) + "\n")


def _is_of_store(error: Exception) -> bool:
    return type(error).__module__.split(".")[0] in {"mlflow", "requests", "sqlalchemy", "urllib3", "sqlite3"}


def _log(
    fingerprint: str, params: Path, tables: Path, model: Path, evaluation: Path, experiment: str, run_name: str
) -> None:
    import mlflow
    from mlflow.data import pandas_dataset

    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    uri = os.environ.get("MLFLOW_TRACKING_URI")
    mlflow.set_tracking_uri(uri or STORE)
    number = _experiment(experiment, None if uri else Path(ARTIFACTS).resolve().as_uri())
    if len(mlflow.search_runs([number], f"tags.`{FINGERPRINT}` = '{fingerprint}'", max_results=1)):
        log.info("this result is in the store already (fingerprint %s)", fingerprint[:12])
        return
    metrics = json.loads((evaluation / "metrics.json").read_text())
    settings = yaml.safe_load(params.read_text())
    tags = {FINGERPRINT: fingerprint, **dict(_identity())}
    with mlflow.start_run(
        experiment_id=number, run_name=run_name or None, tags=tags, description=_description(metrics)
    ):
        mlflow.log_params(dict(_params(settings)))
        mlflow.log_metrics(dict(flat(metrics)))
        for path in _files(tables):
            about = pd.DataFrame({"file": [path.name]})
            source = pandas_dataset.from_pandas(about, name=path.stem, digest=_digest(path)[:8])
            mlflow.log_input(source, context="training")
        for name, figure in draw(evaluation):
            mlflow.log_figure(figure, f"plots/{name}.png")
        mlflow.log_artifacts(str(evaluation), "evaluation")
        mlflow.pyfunc.log_model(
            name="model", python_model=str(Path(__file__).with_name("served.py")), artifacts={"model": str(model)},
            input_example=pd.DataFrame({"html": ["<article><h1>Headline</h1><p>A paragraph.</p></article>"]}),
            pip_requirements=["newsieve"],
        )  # fmt: skip


def _experiment(name: str, artifacts: str | None) -> str:
    """The number of the experiment, made where it is not there, with `artifacts` as the place of its files."""
    import mlflow

    if found := mlflow.get_experiment_by_name(name):
        return str(found.experiment_id)
    return str(mlflow.create_experiment(name, artifacts))


def _params(settings: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """What can change the result, as `stage.key`; lists and maps in one line."""
    for stage in ("featurize", "train"):
        for key, value in settings.get(stage, {}).items():
            words = [f"{k}={v}" for k, v in value.items()] if isinstance(value, dict) else value
            yield f"{stage}.{key}", " ".join(map(str, words)) if isinstance(words, list) else value


def _description(metrics: dict[str, Any]) -> str:
    labels = [name for name, value in metrics.items() if isinstance(value, dict) and "token_f1" in value]
    lines = ["| label | F1 | precision | recall | F1 by token |", "| --- | --- | --- | --- | --- |"]
    lines += [
        f"| {name} | "
        + " | ".join(f"{metrics[name][key]:.3f}" for key in ("f1", "precision", "recall", "token_f1"))
        + " |"
        for name in labels
    ]
    return f"Macro-F1 {metrics['macro_f1']:.4f} on sites not seen.\n\n" + "\n".join(lines)


def _identity() -> Iterator[tuple[str, str]]:
    """What tree made the result."""
    for tag, command in {
        "git.commit": ("git", "rev-parse", "HEAD"),
        "git.changed": ("git", "status", "--porcelain", "--untracked-files=no"),
    }.items():
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 # fixed words
        if done.returncode == 0:
            yield tag, done.stdout.strip()[:400] or "no"
    if name := os.environ.get("DVC_EXP_NAME"):
        yield "dvc.experiment", name


def _files(folder: Path) -> list[Path]:
    return sorted(
        path for path in folder.rglob("*") if path.is_file() and path.suffix not in {".yaml", ".lock", ".gitignore"}
    )


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _fingerprint(paths: list[Path]) -> str:
    whole = hashlib.sha256()
    for path in paths:
        whole.update(f"{path.name} {_digest(path)}\n".encode())
    return whole.hexdigest()
