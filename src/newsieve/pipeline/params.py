"""params.yaml, checked against the stage functions' own signatures before anything runs."""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path
from typing import Any, get_type_hints

import yaml
from pydantic import ConfigDict, ValidationError, create_model

from newsieve.pipeline.corpora import OWN
from newsieve.pipeline.errors import PipelineError

STAGES = ("segment", "label", "featurize", "train", "evaluate", "ship", "track")


def read_params(path: Path) -> dict[str, dict[str, Any]]:
    """The keyword arguments of every stage. Raises PipelineError naming the key that is unknown or out of range."""
    try:
        sections = yaml.safe_load(path.read_text())
    except FileNotFoundError:
        raise PipelineError(f"{path} is not here; run the pipeline inside the repository") from None
    except yaml.YAMLError as error:
        raise PipelineError(f"{path} is not valid YAML: {error}") from error
    if not isinstance(sections, dict):
        raise PipelineError(f"{path} has no sections")
    if unknown := sorted(set(sections) - {OWN, *STAGES}):
        raise PipelineError(f"{path}: unknown section {unknown[0]!r}; there are {', '.join((OWN, *STAGES))}")
    own = sections.get(OWN)  # for dvc.yaml, which takes from it where one's own pages lie
    if not isinstance(own, dict) or set(own) != {"pages"} or not isinstance(own["pages"], str):
        raise PipelineError(f"{path}: {OWN}.pages must be the folder of your own pages, and nothing else of {OWN}")
    return {stage: _checked(path, stage, sections.get(stage) or {}) for stage in STAGES}


def find_params(folder: Path) -> Path:
    """The params.yaml of `folder` or of the nearest folder above it that has one."""
    folder = folder.resolve()
    found = (parent / "params.yaml" for parent in (folder, *folder.parents) if (parent / "params.yaml").exists())
    return next(found, folder / "params.yaml")


def _checked(path: Path, stage: str, section: dict[str, Any]) -> dict[str, Any]:
    function = getattr(import_module(f"newsieve.pipeline.{stage}"), stage)
    hints = get_type_hints(function, include_extras=True)
    keywords = [p.name for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY]
    fields: dict[str, Any] = {name: (hints[name], ...) for name in keywords}
    model = create_model(stage, __config__=ConfigDict(extra="forbid", arbitrary_types_allowed=True), **fields)
    try:
        checked = model.model_validate(section)
    except ValidationError as error:
        problems = "; ".join(f"{stage}.{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise PipelineError(f"{path}: {problems}") from None
    return {name: getattr(checked, name) for name in keywords}
