"""The MLflow store: where it is, and its errors in words. Only what talks to it imports mlflow."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from newsieve.pipeline.errors import PipelineError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

DATABASE, ARTIFACTS = "mlflow.db", "mlartifacts"  # below home()
MODEL, CHAMPION = "newsieve", "champion"  # the registered model, and the alias of the version in use
GROUP = "newsieve.group"  # tag of a run that stands for a group of runs, its children
_RAISERS = {"mlflow", "requests", "sqlalchemy", "urllib3", "sqlite3"}


def home() -> Path:
    """The repository whose store is meant: in the workspace of an experiment that DVC runs aside, the one it is of."""
    here = Path.cwd()
    return next((parent.parent for parent in here.parents if parent.name == ".dvc"), here)


def connect() -> MlflowClient:
    """A client of the store at MLFLOW_TRACKING_URI, else of mlflow.db in home()."""
    import mlflow

    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    mlflow.set_tracking_uri(os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home() / DATABASE}")
    return mlflow.MlflowClient()


def experiment_of(client: MlflowClient, name: str) -> str:
    """The number of the experiment, made where it is not there; a store of our own gets its place for files."""
    if found := client.get_experiment_by_name(name):
        return str(found.experiment_id)
    own = client.tracking_uri.startswith("sqlite:")
    return str(client.create_experiment(name, (home() / ARTIFACTS).as_uri() if own else None))


def champion_of(client: MlflowClient) -> ModelVersion | None:
    """The version of the registered model that has the alias champion, if any has."""
    registered = next(iter(client.search_registered_models(f"name = '{MODEL}'")), None)
    number = registered.aliases.get(CHAMPION) if registered else None
    return client.get_model_version(MODEL, str(number)) if number else None


@contextmanager
def said(advice: str) -> Iterator[None]:
    """Turn whatever the store raises into a PipelineError with its message and `advice`."""
    try:
        yield
    except Exception as error:
        if type(error).__module__.split(".")[0] not in _RAISERS:
            raise
        uri = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home() / DATABASE}"
        raise PipelineError(f"the MLflow store {uri} did not do it ({error}); {advice}") from error
