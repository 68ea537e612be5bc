"""The command `newsieve`: classify pages from the command line, and explain a block's label."""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from newsieve import __version__

if TYPE_CHECKING:
    from newsieve.classifier import Classifier
    from newsieve.explain import Explanation, Reason
    from newsieve.page import Page

OK, UNREADABLE, USAGE = 0, 1, 2
INTERRUPTED, PIPE_CLOSED = 130, 141  # what shells report for SIGINT and SIGPIPE
LABELS = ("content", "caption", "promo", "nav")  # written out, so that --help loads no model code

# Of each format the suffix of the files that -o FOLDER gets.
SUFFIXES = {"text": ".tsv", "json": ".json", "jsonl": ".jsonl", "markdown": ".md", "html": ".html"}
FEW = 5  # files up to which no progress is shown

_PREFIXES = {"h1": "## ", "h2": "## ", "h3": "### ", "h4": "#### ", "h5": "##### ", "h6": "###### ", "li": "- "}
_CONTROLS = dict.fromkeys([*range(32), *range(127, 160)], "\ufffd")
_CLEAR = "\r\x1b[K"  # the terminal's line, from its start

_EXIT_CODES = """exit codes:
  0  all done
  1  a file could not be read or written (the others are still done)
  2  wrong usage, or a model that cannot be loaded
"""
_CLASSIFY = f"""formats:
  text      a block a line: label, probability, text, parted by tabs; of several files the name comes first
  json      title, body, blocks and notes; of several files a list, each with its "file"
  jsonl     the same, one page a line, each with its "file"
  markdown  the title as heading, the body's paragraphs and headings, captions as quotations
  html      a page to open in a browser: every block as a box, tinted by its label; runs no scripts, loads nothing

examples:
  newsieve classify page.html
  curl -s https://news.example/story | newsieve classify - --url https://news.example/story --format markdown
  newsieve classify pages/*.html --format json -o labelled/
  newsieve classify page.html --format html -o page.blocks.html

{_EXIT_CODES}"""
_EXPLAIN = f"""Weights are natural logarithms of odds: +0.69 doubles the odds of the block's label over the next most
probable one. Block numbers count from 0, as in page.blocks; --format html of classify shows them on hover.

examples:
  newsieve explain page.html --block 17
  newsieve explain page.html --block 17 --top 30

{_EXIT_CODES}"""

Pages: TypeAlias = "Iterable[tuple[str, Page]]"


class UsageError(Exception):
    """What the user asked for cannot be done; the message says why."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with `arguments` (those of the process if None) and return its exit code.

    Raises SystemExit as argparse does: with 0 after --help and --version, with 2 on options that are none.
    """
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except UsageError as error:
        _say(str(error))
        return USAGE
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # What is still buffered would raise again when Python flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="newsieve",
        description="Tell content, captions, promos and navigation apart on news-aggregator pages, block by block.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"newsieve {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_classify(_command(commands, "classify", "label every block of pages", _CLASSIFY, _classify))
    _add_explain(_command(commands, "explain", "say which features spoke for a block's label", _EXPLAIN, _explain))
    return parser


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    does: str,
    epilog: str,
    run: Callable[[argparse.Namespace], int],
) -> argparse.ArgumentParser:
    """A command with the options that all commands have."""
    parser = commands.add_parser(
        name,
        help=does,
        description=f"{does[0].upper()}{does[1:]}.",
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    parser.add_argument("--url", help="where the page is from: tells links within the site from others")
    parser.add_argument("--charset", help="the character set that the server named")
    parser.add_argument("--model", type=Path, metavar="FOLDER", help="a model of your own (default: the one shipped)")
    return parser


def _add_classify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="HTML files; - is standard input")
    parser.add_argument("--format", choices=SUFFIXES, default="text", help="see below (default: text)")
    parser.add_argument(
        "--keep", type=_labels, default=LABELS, metavar="LABELS", help=f"print blocks of these only: {','.join(LABELS)}"
    )
    parser.add_argument("--text", action="store_true", help="the files are plain text, one block a line")
    parser.add_argument(
        "-o",
        "--output",
        metavar="PATH",
        help="write to this file; to a folder (one that is there, or PATH/): a file each",
    )


def _add_explain(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="an HTML file; - is standard input")
    parser.add_argument("--block", type=_number, required=True, metavar="N", help="number of the block, from 0")
    parser.add_argument("--top", type=_number, default=12, metavar="N", help="how many reasons to show (default: 12)")


def _labels(text: str) -> tuple[str, ...]:
    labels = tuple(text.replace(" ", "").split(","))
    if unknown := [label for label in labels if label not in LABELS]:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(LABELS)}")
    return labels


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0")
    return int(text)


def _classify(options: argparse.Namespace) -> int:
    targets = _targets(options)
    reader = _Reader(options)
    view, several = _VIEWS[options.format], len(options.files) > 1
    if targets is None:
        _print(view(reader.pages(), several=several))
    elif isinstance(targets, Path):
        reader.failed += not _write(targets, view(reader.pages(), several=several))
    else:
        for name, page in reader.pages():
            reader.failed += not _write(targets[name], view([(name, page)], several=False))
    return UNREADABLE if reader.failed else OK


def _targets(options: argparse.Namespace) -> Path | dict[str, Path] | None:
    """What to write: standard output (None), one file, or a file for each input. Raises UsageError."""
    several, output = len(options.files) > 1, options.output
    to_folder = output is not None and (output.endswith(("/", os.sep)) or Path(output).is_dir())
    if options.format == "html" and several and not to_folder:
        raise UsageError("--format html of several files needs a folder to write to: -o FOLDER/")
    if output is None:
        return None
    targets = _in_folder(options.files, Path(output), SUFFIXES[options.format]) if to_folder else Path(output)
    written = {path.resolve() for path in (targets.values() if isinstance(targets, dict) else [targets])}
    if clash := [file for file in options.files if file != "-" and Path(file).resolve() in written]:
        raise UsageError(f"-o {output} would overwrite {clash[0]}")
    return targets


def _in_folder(files: Sequence[str], folder: Path, suffix: str) -> dict[str, Path]:
    """A path in `folder` for each file, of its stem; files of one stem are numbered."""
    targets: dict[str, Path] = {}
    used: set[Path] = set()
    for file in dict.fromkeys(files):
        stem = "stdin" if file == "-" else Path(file).stem
        names = (folder / f"{stem}{f'-{number}' if number > 1 else ''}{suffix}" for number in count(1))
        targets[file] = next(path for path in names if path not in used)
        used.add(targets[file])
    return targets


class _Reader:
    """Classifies the files that the options name; `failed` counts those that could not be read."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.classifier = _model(options.model)
        self.failed = 0

    def pages(self) -> Iterator[tuple[str, Page]]:
        """Name and page, with the blocks to keep, of each file that can be read."""
        for file in _counted(self.options.files, shown=_shows_progress(self.options)):
            try:
                data = _read(file)
            except OSError as error:
                _say(f"{file}: {error.strerror or error}")
                self.failed += 1
                continue
            yield file, self._page(file, data)

    def _page(self, file: str, data: bytes) -> Page:
        from newsieve.dom import encoding

        options = self.options
        if options.text:
            page = self.classifier.classify_text(encoding.decode(data)[0])
        else:
            page = self.classifier.classify(data, options.url, charset=options.charset)
        if options.format in ("text", "markdown"):  # the other formats hold the notes
            for note in page.notes:
                _say(f"{file}: {note}")
        return replace(page, blocks=tuple(block for block in page.blocks if block.label in options.keep))


def _model(folder: Path | None) -> Classifier:
    from newsieve.classifier import Classifier, ModelError
    from newsieve.shipped import shipped

    try:
        return Classifier.load(folder) if folder else shipped()
    except ModelError as error:
        raise UsageError(str(error)) from error


def _read(file: str) -> bytes:
    return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()


def _counted(files: Sequence[str], *, shown: bool) -> Iterator[str]:
    """The files one by one, with a line on standard error that says where we are."""
    for number, file in enumerate(files, 1):
        if shown:
            sys.stderr.write(f"{_CLEAR}{number}/{len(files)} {_plain(file)[-60:]}")
            sys.stderr.flush()
        yield file
    if shown:
        sys.stderr.write(_CLEAR)


def _shows_progress(options: argparse.Namespace) -> bool:
    """Whether somebody looks on, who does not see the result itself go by."""
    return len(options.files) > FEW and sys.stderr.isatty() and bool(options.output or not sys.stdout.isatty())


def _say(message: str) -> None:
    sys.stderr.write(f"{_CLEAR if sys.stderr.isatty() else ''}newsieve: {_plain(message)}\n")


def _plain(text: str) -> str:
    """Text without control characters, with which a page could take over the reader's terminal."""
    return text.translate(_CONTROLS)


def _print(chunks: Iterable[str]) -> None:
    """Write to standard output, as UTF-8 whatever the locale."""
    for chunk in chunks:
        sys.stdout.buffer.write(chunk.encode("utf-8", "replace"))
    sys.stdout.buffer.flush()


def _write(path: Path, chunks: Iterable[str]) -> bool:
    """Write to a file, and make its folder. False, and a message, where that cannot be done."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.writelines(chunk.encode("utf-8", "replace") for chunk in chunks)
    except OSError as error:
        _say(f"{path}: {error.strerror or error}")
        return False
    return True


def _as_text(pages: Pages, *, several: bool) -> Iterator[str]:
    for name, page in pages:
        first = (_plain(name),) if several else ()
        for block in page.blocks:
            yield "\t".join((*first, block.label, f"{block.probability:.3f}", _plain(block.text))) + "\n"


def _as_json(pages: Pages, *, several: bool) -> Iterator[str]:
    if not several:
        yield from (json.dumps(page.to_dict(), ensure_ascii=False, indent=2) + "\n" for _, page in pages)
        return
    before = "[\n"
    for name, page in pages:
        yield before + json.dumps({"file": name, **page.to_dict()}, ensure_ascii=False, indent=2)
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def _as_jsonl(pages: Pages, *, several: bool) -> Iterator[str]:  # noqa: ARG001  (one page is as many)
    for name, page in pages:
        yield json.dumps({"file": name, **page.to_dict()}, ensure_ascii=False) + "\n"


def _as_markdown(pages: Pages, *, several: bool) -> Iterator[str]:  # noqa: ARG001  (as above)
    before = ""
    for _, page in pages:
        for paragraph in _paragraphs(page):
            yield f"{before}{paragraph}\n"
            before = "\n"


def _as_html(pages: Pages, *, several: bool) -> Iterator[str]:  # noqa: ARG001  (as above)
    from newsieve.tint import tinted

    for name, page in pages:
        yield tinted(page, "standard input" if name == "-" else name)


_VIEWS = {
    "text": _as_text, "json": _as_json, "jsonl": _as_jsonl, "markdown": _as_markdown, "html": _as_html,
}  # fmt: skip


def _paragraphs(page: Page) -> Iterator[str]:
    """The Markdown of the title, of the body's blocks, and of captions where they stand."""
    title = page.title
    if title:
        yield f"# {_escaped(title)}"
    for block in page.blocks:
        if block.label == "caption":
            yield f"> {_escaped(block.text)}"
        elif block.label == "content" and block.text != title:
            yield _PREFIXES.get(block.tag or "", "") + _escaped(block.text)


def _escaped(text: str) -> str:
    """Text that Markdown takes for nothing but text."""
    text = re.sub(r"[\\`*\[\]<]|(?<!\w)_|_(?!\w)|&(?=#?\w+;)", r"\\\g<0>", _plain(text))
    return re.sub(r"^(?=[#>+=~-])|^(\d+)(?=[.)](?:\s|$))", r"\1\\", text)


def _explain(options: argparse.Namespace) -> int:
    from newsieve.classifier import SHIPPED, ModelError
    from newsieve.explain import Explainer

    try:
        explainer = Explainer.load(options.model or SHIPPED)
        data = _read(options.file)
    except ModelError as error:
        raise UsageError(str(error)) from error
    except OSError as error:
        _say(f"{options.file}: {error.strerror or error}")
        return UNREADABLE
    page, rows = explainer.read(data, options.url, options.charset)
    if options.block >= len(page.blocks):
        raise UsageError(f"{options.file} has {len(page.blocks)} blocks, counted from 0; there is no {options.block}")
    explanation = explainer.explain(page.blocks[options.block], rows[options.block])
    _print(f"{line}\n" for line in _explained(explanation, options.block, options.top))
    return OK


def _explained(explanation: Explanation, number: int, top: int) -> Iterator[str]:
    block, label, rival = explanation.block, explanation.block.label, explanation.rival
    shares = sorted(block.probabilities.items(), key=lambda item: -item[1])
    yield f"block {number}: {', '.join(f'{name} {share:.3f}' for name, share in shares)}"
    yield f"  {_plain(textwrap.shorten(block.text, 110, placeholder=' …'))}"
    yield f"  {_plain(block.path or '')}"
    shown, rest = explanation.reasons[:top], explanation.reasons[top:]
    yield from _listed(f"speaks for {label} rather than {rival}", [r for r in shown if r.weight > 0])
    yield from _listed(f"speaks for {rival}", [r for r in shown if r.weight <= 0])
    yield ""
    yield f"  {sum(r.weight for r in rest):+.2f}  {len(rest)} weaker reasons together"
    yield f"  {explanation.start:+.2f}  where every block starts"
    yield f"  {explanation.log_odds:+.2f}  in all: {label} is {_times(explanation.log_odds)} as probable as {rival}"


def _times(log_odds: float) -> str:
    return f"{math.exp(min(log_odds, 700)):.3g} times"


def _listed(heading: str, reasons: Sequence[Reason]) -> Iterator[str]:
    if not reasons:
        return
    yield f"\n{heading}"
    width = max(len(reason.words) for reason in reasons)
    for reason in reasons:
        values = ", ".join(f"{name} = {value:.3g}" for name, value in reason.values.items())
        yield f"  {reason.weight:+.2f}  {reason.words:<{width}}  {values}"
