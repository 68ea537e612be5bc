"""The public corpora, fetched at pinned commits: `python -m newsieve.pipeline.fetch FOLDER [NAME...]`."""

from __future__ import annotations

import argparse
import gzip
import logging
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory

from newsieve.pipeline.corpora import pages_of
from newsieve.pipeline.errors import PipelineError

log = logging.getLogger(__name__)

HOST = "https://github.com"
# Set in a git hook, they would point git at another repository than the one made here.
_REPOSITORY_VARIABLES = frozenset("GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_OBJECT_DIRECTORY GIT_COMMON_DIR".split())
# Files come out as they were committed, for gold knows a page by its SHA-256.
_SETTINGS = ("core.autocrlf=false", "core.sparseCheckout=true", "core.sparseCheckoutCone=false")
_FULL_HASH = 40  # hexadecimal digits


@dataclass(frozen=True, slots=True)
class Corpus:
    """A corpus: its repository (owner/name), commit (may be abbreviated), licence, paths and number of pages.

    `paths` are patterns as in .gitignore, from the root of the repository. `held_out` is a folder with the pages by
    which others judge: a page that is also there, byte for byte, is left out, and so is the folder.
    """

    repository: str
    commit: str
    licence: str
    paths: tuple[str, ...]
    pages: int
    held_out: str = ""


CORPORA = {
    "fundus": Corpus(
        repository="flairNLP/fundus",
        commit="18da6e53",
        licence="MIT",
        paths=(
            "/LICENSE",
            "/tests/resources/parser/test_data/**/*.html.gz",
            "/tests/resources/parser/test_data/**/*.json",
        ),
        pages=258,
    ),
    "postlight": Corpus(
        repository="postlight/parser",
        commit="e8ba7ece",
        licence="MIT or Apache-2.0",
        paths=("/LICENSE-*", "/fixtures/*.html"),
        pages=170,
    ),
    "readability": Corpus(
        repository="mozilla/readability",
        commit="ab4027a",
        licence="Apache-2.0",
        paths=("/LICENSE.md", "/test/test-pages/"),
        pages=130,
    ),
    "trafilatura": Corpus(
        repository="adbar/trafilatura",
        commit="e90b0ef5",
        licence="Apache-2.0",
        paths=("/LICENSE", "/tests/cache/*.html", "/tests/eval/*.html", "/tests/evaldata.json"),
        pages=1032,
    ),
    "wcxb": Corpus(
        repository="Murrough-Foley/web-content-extraction-benchmark",
        commit="c039d5e",
        licence="CC-BY-4.0",
        paths=("/LICENSE", "/dev/html/", "/dev/ground-truth/"),
        pages=1358,
        held_out="test/html",
    ),
}


def fetch(folder: Path, name: str) -> None:
    """Fetch the corpus `name` of CORPORA into `folder`/`name`, unless it is there already.

    The folder appears only once it is complete; what comes as .html.gz lies there as .html. Raises PipelineError when
    git fails, when pages are missing, or when an incomplete folder is in the way.
    """
    corpus, target = CORPORA[name], folder / name
    if target.exists():
        _check(name, target, "; move it away and fetch again")
        log.info("%s: %s is complete", name, target)
        return
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder, prefix=f".{name}-") as scratch:
        tree = _check_out(corpus, Path(scratch))
        _unpack(tree)
        if corpus.held_out:
            _leave_out(tree, corpus.held_out)
        _check(name, tree)
        tree.rename(target)
    log.info("%s: %d pages in %s", name, corpus.pages, target)


def _check_out(corpus: Corpus, scratch: Path) -> Path:
    """The files of the corpus, without the repository, in a folder in `scratch`."""
    repository, tree = scratch / "git", scratch / "tree"
    tree.mkdir()
    url = f"{HOST}/{corpus.repository}"
    _git(scratch, "init", "--quiet")
    _git(scratch, "remote", "add", "origin", url)
    log.info("%s: fetching commit %s", url, corpus.commit)
    commit = _fetch_commit(scratch, url, corpus.commit)
    log.info("%s: fetching files", url)
    patterns = [*corpus.paths, *([f"/{corpus.held_out}/"] if corpus.held_out else [])]
    (repository / "info").mkdir(exist_ok=True)
    (repository / "info" / "sparse-checkout").write_text("\n".join(patterns) + "\n")
    _git(scratch, "checkout", "--quiet", "--detach", commit)
    return tree


def _fetch_commit(scratch: Path, url: str, commit: str) -> str:
    """Fetch the commit without its files; its full hash.

    A server gives a commit by its full hash only, so an abbreviation is looked up in the history of the default branch.
    """
    options = ("--quiet", "--no-tags", "--filter=blob:none")
    if len(commit) == _FULL_HASH:
        _git(scratch, "fetch", *options, "--depth=1", "origin", commit)
        return commit
    _git(scratch, "fetch", *options, "origin", "HEAD")
    try:
        return _git(scratch, "rev-parse", "--verify", f"{commit}^{{commit}}").strip()
    except PipelineError as error:
        raise PipelineError(f"{url} has no commit {commit} on its default branch") from error


def _git(scratch: Path, *words: str) -> str:
    """What git prints. Its repository is `scratch`/git, its files go to `scratch`/tree."""
    settings = [word for setting in _SETTINGS for word in ("-c", setting)]
    places = [f"--git-dir={scratch / 'git'}", f"--work-tree={scratch / 'tree'}"]
    environment = {key: value for key, value in os.environ.items() if key not in _REPOSITORY_VARIABLES}
    environment["GIT_TERMINAL_PROMPT"] = "0"  # a repository that is gone is an error, not a question for a password
    try:
        done = subprocess.run(  # noqa: S603 # no shell, the words are of this module
            ["git", *settings, *places, *words],  # noqa: S607 # whichever git the user has
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
    except FileNotFoundError as error:
        raise PipelineError("git is not installed") from error
    except subprocess.CalledProcessError as error:
        raise PipelineError(f"git {words[0]} failed: {_reason(error.stderr)}") from error
    return done.stdout


def _reason(stderr: str) -> str:
    """The line in which git says what is wrong: the first that is fatal or an error, else the last."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()] or ["it says no reason"]
    return next((line for line in lines if line.startswith(("fatal:", "error:"))), lines[-1])


def _unpack(tree: Path) -> None:
    for packed in list(tree.rglob("*.html.gz")):
        packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
        packed.unlink()


def _leave_out(tree: Path, held_out: str) -> None:
    """Remove the folder `held_out` and the pages that are in it, with all files of the same name before the suffix."""
    judged = {_digest(path) for path in (tree / held_out).rglob("*.html")}
    if not judged:
        raise PipelineError(f"no pages in {held_out}, so those to leave out are not known")
    rmtree(tree / held_out)
    stems = {path.stem for path in tree.rglob("*.html") if _digest(path) in judged}
    for path in [path for path in tree.rglob("*.*") if path.stem in stems]:
        path.unlink()
    log.info("%d pages left out that are in %s too", len(stems), held_out)


def _digest(path: Path) -> bytes:
    return sha256(path.read_bytes()).digest()


def _check(name: str, folder: Path, remedy: str = "") -> None:
    """Raise PipelineError when fewer pages of the corpus than CORPORA names can be read from `folder`."""
    expected = CORPORA[name].pages
    try:
        found = len(pages_of(name, folder))
    except (OSError, ValueError, KeyError, PipelineError) as error:
        raise PipelineError(f"{folder} is not the corpus {name}: {error}{remedy}") from error
    if found < expected:
        raise PipelineError(f"{folder} holds {found} of {expected} pages{remedy}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch corpora. Exit codes: 0 all there, 1 one cannot be fetched (stderr says why), 2 wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m newsieve.pipeline.fetch", description=__doc__)
    parser.add_argument("folder", type=Path, help="data/external, for the stages of data/tables/dvc.yaml")
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(CORPORA)}; none means all")
    options = parser.parse_args(arguments)
    names = options.names or list(CORPORA)
    if unknown := sorted(set(names) - set(CORPORA)):
        parser.error(f"no corpus {', '.join(unknown)}; there are {', '.join(CORPORA)}")
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    for name in names:
        try:
            fetch(options.folder, name)
        except (PipelineError, OSError) as error:
            sys.stderr.write(f"{name}: {error}\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
