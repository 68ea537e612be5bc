"""`python -m newsieve.pipeline.restore RUN FOLDER`: the exact tree of files that made a run of the MLflow store."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from newsieve.pipeline.errors import PipelineError
from newsieve.pipeline.identity import COMMIT, TREE, UNTRACKED, git, tree_of
from newsieve.pipeline.store import connect, said

PATCH = "source/changes.patch"


def main(arguments: Sequence[str] | None = None) -> int:
    """Restore a run's tree. Exit codes: 0 done, 1 it cannot be had (stderr says why), 2 wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m newsieve.pipeline.restore", description=main.__doc__)
    parser.add_argument("run", metavar="RUN", help="the run's id, as the MLflow UI shows it")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where to put the tree; not there yet")
    options = parser.parse_args(arguments)
    try:
        with said("is it the run's id, and the right MLFLOW_TRACKING_URI?"):
            untracked = restore(options.run, options.folder)
    except (PipelineError, OSError) as error:
        sys.stderr.write(f"restore: {error}\n")
        return 1
    if untracked != "no":
        sys.stderr.write(f"restore: files that git did not track are not in it: {untracked}\n")
    sys.stdout.write(f"{options.folder}\n")
    return 0


def restore(run_id: str, folder: Path) -> str:
    """Make `folder` a work tree of this repository as it was when it made the run; names of what git did not track.

    Raises PipelineError where the run names no commit, or what comes out is not what the run's tags say.
    """
    client = connect()
    tags = client.get_run(run_id).data.tags
    if COMMIT not in tags or TREE not in tags:
        raise PipelineError(f"run {run_id} was not made in a git work tree")
    with TemporaryDirectory() as place:
        patch = Path(client.download_artifacts(run_id, PATCH, place)).read_bytes()
    git("worktree", "add", "--detach", str(folder.resolve()), tags[COMMIT])
    try:
        _change(folder, patch, tags[TREE])
    except PipelineError:
        git("worktree", "remove", "--force", str(folder.resolve()))
        raise
    return tags.get(UNTRACKED, "no")


def _change(folder: Path, patch: bytes, tree: str) -> None:
    """Apply the patch, and see that the files are then those of `tree`."""
    if patch:
        git("apply", "--binary", "--whitespace=nowarn", folder=folder, given=patch)
    if (found := tree_of(folder)) != tree:
        raise PipelineError(f"{folder} has the tree {found[:12]}, but the run was made by {tree[:12]}")


if __name__ == "__main__":
    sys.exit(main())
