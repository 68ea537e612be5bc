"""Where pages lie: the authored ones, one's own, and the public corpora, each as a list of page records."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from newsieve.blocks import segment
from newsieve.dom import read
from newsieve.pipeline.errors import PipelineError

AUTHORED, OWN = "authored", "own"  # the corpora whose labels lie beside their pages: newsieve's, and its user's
FETCH = "python -m newsieve.pipeline.fetch data/external"
_CANONICAL = re.compile(
    r"""<link[^>]+rel=["']?canonical["']?[^>]*?href=["']?([^"'> ]+)"""
    r"""|<meta[^>]+og:url["'][^>]*?content=["']?([^"'> ]+)""",
    re.IGNORECASE,
)
LABELS = ".tsv"
_HOST = re.compile(r"^(?:[a-z0-9-]+\.)+[a-z]{2,}(?=[.-])", re.IGNORECASE)
_SECOND_LEVEL = frozenset("co com org net ac gov edu or ne go".split())


@dataclass(frozen=True, slots=True)
class PageFile:
    """A page of a corpus: its key (path in the corpus), file, url and type where known, and what is published of it.

    That is its main text, or snippets of which the main text holds those `wanted` and none `unwanted`.
    """

    key: str
    path: Path
    url: str | None = None
    type: str | None = None
    main: str | None = None
    wanted: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()

    @property
    def labels(self) -> Path:
        """Where the page's labels lie, if it has any of its own: NAME.tsv beside NAME.html or NAME.html.gz."""
        return self.path.with_name(self.path.name.removesuffix(".gz").removesuffix(".html") + LABELS)

    def read(self) -> bytes:
        """The HTML."""
        data = self.path.read_bytes()
        return gzip.decompress(data) if self.path.suffix == ".gz" else data


def pages_of(corpus: str, folder: Path) -> list[PageFile]:
    """The pages of `corpus`, which lies in `folder`, in the order of their keys; there may be none of one's own."""
    if not folder.is_dir():
        if corpus == OWN:
            raise PipelineError(f"params.yaml: own.pages names the folder {folder}, which is not there")
        raise PipelineError(f"the corpus {corpus} is not in {folder}; fetch it with: {FETCH} {corpus}")
    pages = sorted(_READERS.get(corpus, _folder)(folder), key=lambda page: page.key)
    if not pages and corpus != OWN:
        raise PipelineError(f"{folder} holds no HTML pages")
    return pages


def site_of(page: PageFile, html: str) -> str:
    """The registrable domain by the page's url, canonical link or og:url, else by its file name, else its key."""
    match = _CANONICAL.search(html[:200_000])
    for url in (page.url, match and (match[1] or match[2])):
        if url and (domain := _domain(url)):
            return domain
    host = _HOST.match(page.path.name)
    return _domain(f"//{host[0]}") if host else page.key


def _domain(url: str) -> str:
    try:
        labels = (urlsplit(url).hostname or "").removeprefix("www.").split(".")
    except ValueError:
        return ""
    keep = 3 if len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVEL else 2
    return ".".join(labels[-keep:]) if len(labels) > 1 else ""


def _folder(folder: Path, patterns: tuple[str, ...] = ("**/*.html", "**/*.html.gz")) -> Iterator[PageFile]:
    for pattern in patterns:
        for path in folder.glob(pattern):
            yield PageFile(path.relative_to(folder).as_posix(), path)


def _wcxb(folder: Path) -> Iterator[PageFile]:
    for page in _folder(folder / "dev" / "html"):
        truth = json.loads((folder / "dev" / "ground-truth" / (page.key.split(".")[0] + ".json")).read_text())
        kind = truth["_internal"]["page_type"]["primary"]
        main = truth["ground_truth"].get("main_content")
        yield PageFile(f"dev/html/{page.key}", page.path, truth["url"], kind, main)


def _fundus(folder: Path) -> Iterator[PageFile]:
    """Publisher_date.html, beside it the publisher's JSON: the parsed body by parser version, the last the newest."""
    for page in _folder(folder):
        fields = page.path.with_name(page.path.name.split("_")[0] + ".json")
        main = _fundus_body(json.loads(fields.read_text())) if fields.exists() else None
        yield PageFile(page.key, page.path, main=main)


def _fundus_body(versions: dict[str, dict[str, object]]) -> str | None:
    body = list(versions.values())[-1].get("body") if versions else None
    if not isinstance(body, dict):
        return None
    sections = body.get("sections", [])
    return "\n".join([*body.get("summary", []), *(t for s in sections for t in (*s["headline"], *s["paragraphs"]))])


def _readability(folder: Path) -> Iterator[PageFile]:
    """Folders with source.html, and expected.html, which is what reader mode keeps of it."""
    for page in _folder(folder, ("**/source.html",)):
        kept = page.path.with_name("expected.html")
        yield replace(page, main=text_of(kept.read_text(encoding="utf-8")) if kept.exists() else None)


def _trafilatura(folder: Path) -> Iterator[PageFile]:
    """Pages below tests/, and tests/evaldata.json: by url a file, and snippets with and without."""
    truths = json.loads((folder / "tests" / "evaldata.json").read_text(encoding="utf-8")).values()
    snippets = {truth["file"]: (tuple(truth["with"]), tuple(truth["without"])) for truth in truths}
    for page in _folder(folder):
        wanted, unwanted = snippets.get(page.path.name, ((), ()))
        yield replace(page, wanted=wanted, unwanted=unwanted)


def text_of(html: str) -> str:
    """All text of a piece of HTML, a line a block."""
    return "\n".join(segment(read(html)[0]).texts)


_READERS: dict[str, Callable[[Path], Iterator[PageFile]]] = {
    "wcxb": _wcxb, "fundus": _fundus, "readability": _readability, "trafilatura": _trafilatura,
}  # fmt: skip
