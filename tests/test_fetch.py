"""Fetching corpora, from repositories made in a folder of the test in place of the public ones."""

from __future__ import annotations

import gzip
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from newsieve.pipeline import fetch as fetching
from newsieve.pipeline.corpora import pages_of
from newsieve.pipeline.errors import PipelineError
from newsieve.pipeline.fetch import CORPORA, Corpus, fetch, main

FILES = {
    "LICENSE": b"free",
    "pages/one.html": b"<p>one\r\n",
    "pages/two.html.gz": gzip.compress(b"<p>two"),
    "pages/one.json": b"{}",
    "src/tool.py": b"print()",
}


def _git(repository: Path, *words: str) -> str:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    identity = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.org", "-c", "commit.gpgSign=false")
    words = ("git", "-C", str(repository), *identity, "-c", "core.autocrlf=false", *words)
    return subprocess.run(words, env=clean, capture_output=True, text=True, check=True).stdout.strip()


def _commit(repository: Path, files: Mapping[str, bytes]) -> str:
    for name, data in files.items():
        path = repository / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    _git(repository, "add", "--all")
    _git(repository, "commit", "--quiet", "--message", "pages")
    return _git(repository, "rev-parse", "HEAD")


@pytest.fixture
def upstream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty repository that stands for owner/pages on the public host."""
    repository = tmp_path / "host" / "owner" / "pages"
    repository.mkdir(parents=True)
    _git(repository, "init", "--quiet")
    for setting in ("uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"):
        _git(repository, "config", setting, "true")
    monkeypatch.setattr(fetching, "HOST", (tmp_path / "host").as_uri())
    return repository


def _register(patch: pytest.MonkeyPatch, commit: str, pages: int = 2, held_out: str = "") -> None:
    corpus = Corpus("owner/pages", commit, "MIT", ("/LICENSE", "/pages/"), pages, held_out)
    patch.setitem(CORPORA, "small", corpus)


def _files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("digits", [40, 9])
def test_the_files_of_the_pinned_commit_come_and_no_others(
    upstream: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, digits: int
) -> None:
    commit = _commit(upstream, FILES)
    _commit(upstream, {"pages/one.html": b"<p>changed since", "pages/three.html": b"<p>new"})
    _register(monkeypatch, commit[:digits])
    assert main([str(tmp_path / "external"), "small"]) == 0
    assert _files(tmp_path / "external") == {
        "small/LICENSE": b"free",
        "small/pages/one.html": b"<p>one\r\n",
        "small/pages/two.html": b"<p>two",
        "small/pages/one.json": b"{}",
    }


def test_pages_that_others_judge_with_are_left_out(
    upstream: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Packed at another level and under another name, as only the page itself is the same.
    held_out = {"test/html/9.html.gz": gzip.compress(b"<p>one\r\n", 1), "test/html/8.html.gz": gzip.compress(b"<p>8")}
    _register(monkeypatch, _commit(upstream, FILES | held_out), 1, "test/html")
    fetch(tmp_path / "external", "small")
    assert {path for path in _files(tmp_path / "external" / "small") if path != "LICENSE"} == {"pages/two.html"}


def test_nothing_is_fetched_when_the_pages_to_leave_out_are_not_known(
    upstream: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _register(monkeypatch, _commit(upstream, FILES), 1, "test/html")
    with pytest.raises(PipelineError, match="no pages in test/html"):
        fetch(tmp_path / "external", "small")
    assert not list((tmp_path / "external").iterdir())


def test_a_complete_folder_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _register(monkeypatch, "0" * 40)
    folder = tmp_path / "small"
    folder.mkdir()
    for name in ("a.html", "b.html"):
        (folder / name).write_text("<p>own")
    fetch(tmp_path, "small")
    assert set(_files(folder)) == {"a.html", "b.html"}


def test_an_incomplete_folder_is_an_error_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _register(monkeypatch, "0" * 40)
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "a.html").write_text("<p>own")
    assert main([str(tmp_path), "small"]) == 1
    assert "holds 1 of 2 pages; move it away" in capsys.readouterr().err
    assert (tmp_path / "small" / "a.html").exists()


def test_a_fetch_with_too_few_pages_leaves_no_folder(
    upstream: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _register(monkeypatch, _commit(upstream, FILES), pages=3)
    with pytest.raises(PipelineError, match="holds 2 of 3 pages"):
        fetch(tmp_path / "external", "small")
    assert not list((tmp_path / "external").iterdir())


@pytest.mark.parametrize(
    ("commit", "message"), [("0" * 40, "git fetch failed: "), ("0000000", "has no commit 0000000 on its default")]
)
def test_an_unknown_commit_is_one_line_that_says_so(
    upstream: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, commit: str, message: str
) -> None:
    _commit(upstream, FILES)
    _register(monkeypatch, commit)
    with pytest.raises(PipelineError, match=message) as caught:
        fetch(tmp_path / "external", "small")
    assert "\n" not in str(caught.value)


def test_a_repository_that_is_gone_exits_1_with_the_reason_of_git(
    upstream: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _register(monkeypatch, "0" * 40)
    upstream.rename(upstream.with_name("moved"))
    assert main([str(tmp_path / "external"), "small"]) == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("small: git fetch failed: fatal: ")


def test_git_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _register(monkeypatch, "0" * 40)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PipelineError, match="git is not installed"):
        fetch(tmp_path, "small")


def test_a_repository_of_the_caller_is_not_touched(
    upstream: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _register(monkeypatch, _commit(upstream, FILES))
    index = tmp_path / "index"
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(index))
    fetch(tmp_path / "external", "small")
    assert not index.exists()


def test_an_unknown_name_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([str(tmp_path), "nosuch"])
    assert caught.value.code == 2
    assert "no corpus nosuch; there are fundus" in capsys.readouterr().err


@pytest.mark.parametrize("name", CORPORA)
def test_the_table_names_the_pages_of_a_fetched_corpus(name: str) -> None:
    folder = Path(__file__).parent.parent / "data" / "external" / name
    if not folder.is_dir():
        pytest.skip(f"the corpus {name} is not fetched")
    assert len(pages_of(name, folder)) == CORPORA[name].pages
