"""`python -m newsieve.pipeline STAGE PATH...`: run one stage, with its section of params.yaml."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from newsieve.pipeline.errors import PipelineError
from newsieve.pipeline.params import STAGES, find_params, read_params


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a stage. Exit codes: 0 done, 1 the stage cannot be done (stderr says why), 2 wrong usage."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] not in STAGES:
        sys.stderr.write(f"usage: python -m newsieve.pipeline {{{','.join(STAGES)}}} PATH...\n")
        return 2
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s", stream=sys.stderr)
    stage, *paths = words
    try:
        params = read_params(find_params(Path()))[stage]
        run = getattr(import_module(f"newsieve.pipeline.{stage}"), stage)
        run(*map(Path, paths), **params)
    except PipelineError as error:
        sys.stderr.write(f"{stage}: {error}\n")
        return 1
    except OSError as error:  # a full disk, a file that is not there
        sys.stderr.write(f"{stage}: {error}; what the stages before made is kept: mend it and run dvc repro again\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
