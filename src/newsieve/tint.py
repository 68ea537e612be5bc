"""A page as HTML to look at: its blocks as boxes in reading order, tinted by label. No script runs in it."""

from __future__ import annotations

from collections import Counter
from html import escape

from newsieve.labels import LABELS
from newsieve.page import Block, Page

SURE = 0.7  # blocks below this probability are marked as unsure
STEP_LIMIT = 12  # deeper blocks are not indented further

_HEADINGS = frozenset("h1 h2 h3 h4 h5 h6".split())
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STYLE = """
:root { color-scheme: light dark; --ink: #1d2125; --quiet: #626a73; --paper: #f6f6f3; --line: #dcdcd6;
  --content: #2e7d46; --caption: #2566b5; --promo: #c8501b; --nav: #7b828a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e6e8; --quiet: #9aa2ab; --paper: #16181b; --line: #33373c;
  --content: #5cbf7a; --caption: #6aa8f0; --promo: #f08a55; --nav: #8b939c; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 2rem 1.5rem 5rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; overflow-wrap: anywhere; }
header p { color: var(--quiet); font-size: .875rem; margin: 0; }
header h1 { font-size: 1.75rem; line-height: 1.2; margin: .25rem 0 .5rem; text-wrap: balance; }
header .note { color: var(--promo); }
.content { --tint: var(--content); } .caption { --tint: var(--caption); } .promo { --tint: var(--promo); }
.nav, .doubt { --tint: var(--nav); }
.legend { position: sticky; top: 0; z-index: 1; display: flex; flex-wrap: wrap; gap: .5rem; margin: 0 -1.5rem 1rem;
  padding: .75rem 1.5rem; background: var(--paper); border-bottom: 1px solid var(--line); }
.legend label { display: flex; align-items: center; gap: .4rem; padding: .15rem .7rem; font-size: .875rem;
  border: 1px solid color-mix(in srgb, var(--tint) 45%, transparent); border-radius: 1rem; cursor: pointer;
  background: color-mix(in srgb, var(--tint) 14%, transparent); }
.legend .doubt { margin-left: auto; border-style: dashed; }
.legend input { margin: 0; accent-color: var(--tint); }
.legend b { font-variant-numeric: tabular-nums; }
main > * { display: flex; gap: .75rem; align-items: baseline; margin: 3px 0 3px calc(var(--in) * .875rem);
  padding: .3rem .75rem; font-size: 1rem; font-weight: inherit; line-height: 1.5; border-radius: 3px;
  border-left: 4px solid var(--tint); background: color-mix(in srgb, var(--tint) 16%, transparent); }
main > :hover { outline: 1px solid var(--tint); }
main > * > span { flex: 1; min-width: 0; }
main > * > small { font: 400 .75rem/1.5 ui-monospace, "SFMono-Regular", Menlo, Consolas, monospace;
  color: var(--quiet); white-space: nowrap; }
main > .unsure { border-left-style: dashed; }
main > .unsure > small { color: var(--tint); font-weight: 700; }
main > .nav { font-size: .8125rem; color: var(--quiet); padding-block: .1rem;
  background: color-mix(in srgb, var(--tint) 9%, transparent); }
main > .promo { font-size: .9375rem; }
main > .caption { font-size: .9375rem; font-style: italic; }
main > :is(h1, h2, h3, h4, h5, h6) { font-weight: 650; }
main > h1.content { font-size: 1.5rem; line-height: 1.25; padding-block: .6rem; }
main > h2.content { font-size: 1.25rem; line-height: 1.3; padding-block: .45rem; }
main > h3.content { font-size: 1.1rem; }
@media (max-width: 40rem) { main > * { margin-left: calc(var(--in) * .3rem); } }
@media print { .legend { position: static; } }
"""


def tinted(page: Page, name: str) -> str:
    """A self-contained HTML page that shows the blocks of `page`; `name` says where it came from.

    Boxes are indented by depth; hovering shows number, probabilities and path; check boxes hide labels without a
    script. Every text is escaped and the page's policy forbids loading anything.
    """
    title = escape(page.title or name)
    hidden = "\n".join(f"body:has(#{label}:not(:checked)) main > .{label} {{ display: none; }}" for label in LABELS)
    return f"""<!DOCTYPE html>
<html>
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title} – newsieve</title>
<style>{_STYLE}{hidden}
body:has(#doubt:checked) main > .sure {{ display: none; }}
</style>
</head>
<body>
<header>
<p>{escape(name)}</p>
<h1 dir="auto">{title}</h1>
{_notes(page)}</header>
<div class="legend">
{_legend(page)}
</div>
<main>
{_boxes(page)}
</main>
</body>
</html>
"""


def _notes(page: Page) -> str:
    return "".join(f'<p class="note">{escape(note)}</p>\n' for note in page.notes)


def _legend(page: Page) -> str:
    counts = Counter(block.label for block in page.blocks)
    boxes = [
        f'<label class="{label}"><input type="checkbox" id="{label}" checked> {label} <b>{counts[label]}</b></label>'
        for label in LABELS
    ]
    unsure = sum(block.probability < SURE for block in page.blocks)
    words = f"only those below {SURE:.2f} <b>{unsure}</b>"
    return "\n".join([*boxes, f'<label class="doubt"><input type="checkbox" id="doubt"> {words}</label>'])


def _boxes(page: Page) -> str:
    return "\n".join(
        _box(block, number, step) for number, (block, step) in enumerate(zip(page.blocks, _steps(page), strict=True))
    )


def _steps(page: Page) -> list[int]:
    """How far to indent each block: the rank of its depth among the depths that the page has, up to a limit."""
    depths = [(block.path or "").count("/") for block in page.blocks]
    ranks = {depth: rank for rank, depth in enumerate(sorted(set(depths)))}
    return [min(ranks[depth], STEP_LIMIT) for depth in depths]


def _box(block: Block, number: int, step: int) -> str:
    tag = block.tag if block.tag in _HEADINGS else "div"
    sure = "sure" if block.probability >= SURE else "unsure"
    shares = sorted(block.probabilities.items(), key=lambda item: -item[1])
    hover = "\n".join([f"block {number}", *(f"{label} {share:.3f}" for label, share in shares), block.path or ""])
    return (
        f'<{tag} class="{block.label} {sure}" style="--in:{step}" title="{escape(hover)}">'
        f'<span dir="auto">{escape(block.text)}</span><small>{block.label} {block.probability:.2f}</small></{tag}>'
    )
