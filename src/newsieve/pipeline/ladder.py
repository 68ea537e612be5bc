"""`python -m newsieve.pipeline.ladder`: the experiments that show what each part gives, as DVC's queue runs them."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from newsieve.pipeline.errors import PipelineError
from newsieve.pipeline.params import find_params, read_params

GROUP = "ladder"
STRUCTURE = ("box", "containers", "page")
# The rungs: a name that says what is new; the learner; the families of features (none: those of params.yaml); more.
RUNGS: tuple[tuple[str, str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("majority", "majority", STRUCTURE, ()),
    ("logistic-plain", "logistic", ("text", *STRUCTURE), ()),
    ("trees-structure", "trees", STRUCTURE, ()),
    ("add-text", "trees", ("text", *STRUCTURE), ()),
    ("add-path-evidence", "trees", ("text", *STRUCTURE, "path_evidence"), ()),
    ("add-text-evidence", "trees", ("text", *STRUCTURE, "path_evidence", "text_evidence"), ()),
    ("add-context", "trees", (), ()),
    # More sites make more words known, which would make the model too large to ship: a word has to be on one site more.
    (
        "add-silver",
        "trees",
        (),
        ("train.silver_weights={rule: 0.1, text: 0.1, snippets: 0.1, model: 0.1}", "train.word_sites=6"),
    ),
)


def experiments(families: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Name of each rung and what it sets. `families`: those of params.yaml."""
    for number, (name, learner, chosen, more) in enumerate(RUNGS, 1):
        title = f"{number}-{name}"
        listed = ",".join(chosen or families)
        yield title, [
            f"train.learner={learner}", f"train.families=[{listed}]", f"track.group={GROUP}", f"track.run_name={title}",
            "evaluate.ablation_rounds=0", *more,
        ]  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Queue the rungs and run them. Exit codes: 0 done, 1 DVC failed (stderr says why), 2 wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m newsieve.pipeline.ladder", description=main.__doc__)
    parser.add_argument("--queue", action="store_true", help="only queue them; `dvc exp run --run-all` runs them")
    options = parser.parse_args(arguments)
    try:
        path = find_params(Path())
        there = set(_dvc("exp", "list", "--name-only", shown=False).split())
        for title, changes in experiments(read_params(path)["train"]["families"]):
            if title in there:
                sys.stderr.write(f"ladder: {title} is there already; dvc exp remove {title} makes room\n")
            else:
                _dvc("exp", "run", "--queue", "--name", title, *(word for c in changes for word in ("-S", c)))
        if not options.queue:
            _dvc("exp", "run", "--run-all")
            _check(path)
    except PipelineError as error:
        sys.stderr.write(f"ladder: {error}\n")
        return 1
    return 0


def _check(params: Path) -> None:
    """DVC's queue ends well whatever became of what it ran."""
    there = set(_dvc("exp", "list", "--name-only", shown=False).split())
    titles = [title for title, _ in experiments(read_params(params)["train"]["families"])]
    if failed := [title for title in titles if title not in there]:
        raise PipelineError(f"these rungs failed: {', '.join(failed)}; dvc queue logs NAME says why")


def _dvc(*words: str, shown: bool = True) -> str:
    """Run a command of DVC, whose output passes through if it is `shown`, and else is given."""
    output = None if shown else subprocess.PIPE
    done = subprocess.run([sys.executable, "-m", "dvc", *words], stdout=output, text=True, check=False)  # noqa: S603 # words of ours
    if done.returncode:
        raise PipelineError(f"dvc {' '.join(words[:3])} failed with exit code {done.returncode}")
    return done.stdout or ""


if __name__ == "__main__":
    sys.exit(main())
