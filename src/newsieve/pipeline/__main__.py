"""`python -m newsieve.pipeline STAGE PATH...`: run one stage, with its section of params.yaml."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from newsieve.pipeline.errors import PipelineError
from newsieve.pipeline.params import STAGES, find_params, read_params

_OWN = "NEWSIEVE_SOURCE"  # set once the code of a tree of its own has been chosen


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a stage. Exit codes: 0 done, 1 the stage cannot be done (stderr says why), 2 wrong usage."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] not in STAGES:
        sys.stderr.write(f"usage: python -m newsieve.pipeline {{{','.join(STAGES)}}} PATH...\n")
        return 2
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s", stream=sys.stderr)
    stage, *paths = words
    params_file = find_params(Path())
    _run_own_code(params_file.parent / "src", words)
    try:
        params = read_params(params_file)[stage]
        run = getattr(import_module(f"newsieve.pipeline.{stage}"), stage)
        run(*map(Path, paths), **params)
    except PipelineError as error:
        sys.stderr.write(f"{stage}: {error}\n")
        return 1
    except OSError as error:  # a full disk, a file that is not there
        sys.stderr.write(f"{stage}: {error}; what the stages before made is kept: mend it and run dvc repro again\n")
        return 1
    return 0


def _run_own_code(source: Path, words: Sequence[str]) -> None:
    """Start again with the code in `source`, where it is another than what runs.

    In the workspace of an experiment, or a tree restored from a run, the code there is meant, not what is installed.
    """
    own = source / "newsieve"
    if (
        not own.is_dir()
        or Path(__file__).resolve().is_relative_to(own.resolve())
        or os.environ.get(_OWN) == str(source)
    ):
        return
    path = os.pathsep.join(filter(None, (str(source), os.environ.get("PYTHONPATH"))))
    os.execve(  # noqa: S606 # the same Python
        sys.executable, [sys.executable, "-m", "newsieve.pipeline", *words],
        {**os.environ, "PYTHONPATH": path, _OWN: str(source)},
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
