"""The command `newsieve`: classify pages from the command line, and explain a block's label."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from newsieve import __version__
from newsieve.formats import VIEWS, plain, told

if TYPE_CHECKING:
    from newsieve.classifier import Classifier
    from newsieve.page import Page

OK, UNREADABLE, USAGE = 0, 1, 2
INTERRUPTED, PIPE_CLOSED = 130, 141  # what shells report for SIGINT and SIGPIPE
LABELS = ("content", "caption", "promo", "nav")  # written out, so that --help loads no model code

# Of each format the suffix of the files that -o FOLDER gets.
SUFFIXES = {"text": ".tsv", "json": ".json", "jsonl": ".jsonl", "markdown": ".md", "html": ".html"}
FEW = 5  # files up to which no progress is shown

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
    view, several = VIEWS[options.format], len(options.files) > 1
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
            sys.stderr.write(f"{_CLEAR}{number}/{len(files)} {plain(file)[-60:]}")
            sys.stderr.flush()
        yield file
    if shown:
        sys.stderr.write(_CLEAR)


def _shows_progress(options: argparse.Namespace) -> bool:
    """Whether somebody looks on, who does not see the result itself go by."""
    return len(options.files) > FEW and sys.stderr.isatty() and bool(options.output or not sys.stdout.isatty())


def _say(message: str) -> None:
    sys.stderr.write(f"{_CLEAR if sys.stderr.isatty() else ''}newsieve: {plain(message)}\n")


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
    _print(f"{line}\n" for line in told(explanation, options.block, options.top))
    return OK
