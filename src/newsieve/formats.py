"""What the command prints: pages in its formats, and explanations, as pieces of text."""

from __future__ import annotations

import json
import math
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from newsieve.explain import Explanation, Reason
    from newsieve.page import Page

_PREFIXES = {"h1": "## ", "h2": "## ", "h3": "### ", "h4": "#### ", "h5": "##### ", "h6": "###### ", "li": "- "}
_CONTROLS = dict.fromkeys([*range(32), *range(127, 160)], "\ufffd")

Pages: TypeAlias = "Iterable[tuple[str, Page]]"


def plain(text: str) -> str:
    """Text without control characters, with which a page could take over the reader's terminal."""
    return text.translate(_CONTROLS)


def _as_text(pages: Pages, *, several: bool) -> Iterator[str]:
    for name, page in pages:
        first = (plain(name),) if several else ()
        for block in page.blocks:
            yield "\t".join((*first, block.label, f"{block.probability:.3f}", plain(block.text))) + "\n"


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


VIEWS = {
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
    text = re.sub(r"[\\`*\[\]<]|(?<!\w)_|_(?!\w)|&(?=#?\w+;)", r"\\\g<0>", plain(text))
    return re.sub(r"^(?=[#>+=~-])|^(\d+)(?=[.)](?:\s|$))", r"\1\\", text)


def told(explanation: Explanation, number: int, top: int) -> Iterator[str]:
    """The lines of an explanation of block `number`: its `top` strongest reasons, and the others in sum."""
    block, label, rival = explanation.block, explanation.block.label, explanation.rival
    shares = sorted(block.probabilities.items(), key=lambda item: -item[1])
    yield f"block {number}: {', '.join(f'{name} {share:.3f}' for name, share in shares)}"
    yield f"  {plain(textwrap.shorten(block.text, 110, placeholder=' …'))}"
    yield f"  {plain(block.path or '')}"
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
