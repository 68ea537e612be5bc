"""Which tree of files made a result: git's commit, what differed from it, and the hash of the whole."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from newsieve.pipeline.errors import PipelineError

COMMIT, TREE, CHANGED, UNTRACKED, EXPERIMENT = (
    "git.commit", "git.tree", "git.changed", "git.untracked", "dvc.experiment",
)  # fmt: skip


def git(*words: str, folder: Path = Path(), index: Path | None = None, given: bytes | None = None) -> bytes:
    """What a git command prints. Raises PipelineError with what it complained of."""
    environment = {**os.environ, **({"GIT_INDEX_FILE": str(index)} if index else {})}
    command = ("git", "-c", "core.quotePath=off", *words)
    done = subprocess.run(command, cwd=folder, env=environment, input=given, capture_output=True, check=False)  # noqa: S603 # fixed words
    if done.returncode:
        raise PipelineError(f"git {words[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def tree_of(folder: Path) -> str:
    """The hash of the tracked files of a git work tree as they are now, changed or not."""
    with tempfile.TemporaryDirectory() as place:
        index = Path(place) / "index"
        git("read-tree", "HEAD", folder=folder, index=index)
        git("add", "--update", ".", folder=folder, index=index)
        return git("write-tree", folder=folder, index=index).decode().strip()


def patch_of(folder: Path) -> bytes:
    """What differs from the commit in the tracked files."""
    return git(
        "diff",
        "--binary",
        "--no-ext-diff",
        "--no-textconv",
        "--no-color",
        "--src-prefix=a/",
        "--dst-prefix=b/",
        "HEAD",
        folder=folder,
    )


def identity() -> Iterator[tuple[str, str]]:
    """Tags that name the tree, where this is one of git's."""
    try:
        commit = git("rev-parse", "HEAD").decode().strip()
    except (PipelineError, FileNotFoundError):
        return
    yield COMMIT, commit
    yield TREE, tree_of(Path())
    for tag, words in {
        CHANGED: ("diff", "--name-only", "HEAD"),
        UNTRACKED: ("ls-files", "--others", "--exclude-standard"),
    }.items():
        yield tag, " ".join(git(*words).decode().split("\n")).strip()[:400] or "no"
    if name := os.environ.get("DVC_EXP_NAME"):
        yield EXPERIMENT, name
