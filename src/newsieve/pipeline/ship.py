"""Stage ship: a trained model folder to where the package carries it."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

from newsieve.classifier import Classifier, ModelError
from newsieve.pipeline.errors import PipelineError

log = logging.getLogger(__name__)

LARGEST = 4_000_000  # bytes of all files together


def ship(model: Path, evaluation: Path, out: Path) -> None:
    """Copy `model` to `out` with its headline figures in model.json; refuse one that does not load or is too large.

    A baseline makes no model: what `out` holds stays.
    """
    if not out.exists() and _aside(out).exists():  # stopped between the two
        _aside(out).rename(out)
    about = json.loads((model / "model.json").read_text())
    if about["learner"] != "trees":
        log.warning("a baseline (%s) is not shipped; %s keeps the model that it has", about["learner"], out)
        return
    try:
        Classifier.load(model)
    except ModelError as error:
        raise PipelineError(f"the model is not fit to ship: {error}") from error
    files = sorted(path for path in model.iterdir() if path.is_file())
    size = sum(path.stat().st_size for path in files)
    if size > LARGEST:
        raise PipelineError(f"{model} has {size:,} bytes, more than {LARGEST:,}; train fewer rounds or leaves")
    metrics = json.loads((evaluation / "metrics.json").read_text())
    about["figures"] = {name: value for name, value in metrics.items() if name not in {"without", "own"}}
    new = out.with_name(out.name + ".tmp")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    for path in files:
        shutil.copyfile(path, new / path.name)
    (new / "model.json").write_text(json.dumps(about, indent=1) + "\n")
    _replace(out, new)


def _aside(folder: Path) -> Path:
    """Where the folder stands while another takes its place."""
    return folder.with_name(folder.name + ".old.tmp")


def _replace(folder: Path, new: Path) -> None:
    """Put `new` in the place of `folder` at once, so that whoever is stopped half-way leaves one of them whole."""
    old = _aside(folder)
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    new.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
