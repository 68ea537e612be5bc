"""The errors worth reading, as a page of HTML that opens anywhere and fetches nothing."""

from __future__ import annotations

from functools import cache
from html import escape
from pathlib import Path

import numpy as np
import pandas as pd

from newsieve.blocks import segment
from newsieve.dom import read
from newsieve.labels import KINDS, LABELS
from newsieve.pipeline.corpora import PageFile
from newsieve.pipeline.metrics import shares_of

HEAD = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<style>body{{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}}
table{{border-collapse:collapse;width:100%}}td,th{{border-bottom:1px solid #ddd;padding:.3rem .5rem;text-align:left;
vertical-align:top}}th{{position:sticky;top:0;background:#fff}}.content{{background:#e3f4e3}}.caption{{background:#e2edfb}}
.promo{{background:#fde6e0}}.nav{{background:#eee}}td.n{{text-align:right;font-variant-numeric:tabular-nums}}
.better{{color:#1b7a37}}.worse{{color:#b3261e}}.pictures{{display:flex;flex-wrap:wrap;gap:1rem;
align-items:flex-start}}
.pictures img{{max-width:100%}}.pair td{{width:50%;font-size:13px}}.wrong td{{outline:2px solid #b3261e}}
summary{{cursor:pointer;padding:.3rem 0}}</style>"""
_ERRORS = """<h1>Errors worth reading</h1><p>Blocks of pages whose texts are here whose label the model, not having seen
their site, held for unlikely; the surest errors first.</p>
<table><tr><th>page<th>block<th>gold<th>model<th>share of gold<th>text"""


def write_errors(rows: pd.DataFrame, folders: dict[str, Path], out: Path, worst: int) -> None:
    """Write the `worst` errors among the judged `rows` of corpora whose pages and labels lie in `folders`."""
    shares, truth = shares_of(rows), rows["label"].to_numpy()
    own = shares[np.arange(len(rows)), truth] if len(rows) else np.zeros(0)
    wrong = np.flatnonzero(shares.argmax(axis=1) != truth) if len(rows) else np.zeros(0, dtype=int)
    lines = [HEAD.format(title="newsieve: errors worth reading"), _ERRORS]
    for k in wrong[np.argsort(own[wrong], kind="stable")][:worst]:
        row = rows.iloc[k]
        text = texts_of(folders[row["corpus"]] / row["page"])[row["block"]]
        gold, guess = LABELS[truth[k]].value, LABELS[shares[k].argmax()].value
        kind = KINDS[row["kind"]].value
        lines.append(
            f"<tr><td>{escape(row['page'])}<td class=n>{row['block']}<td class={gold}>{gold} ({kind})"
            f"<td class={guess}>{guess}<td class=n>{own[k]:.3f}<td>{escape(text[:400])}"
        )
    out.write_text("\n".join([*lines, "</table></html>\n"]), encoding="utf-8")


@cache
def texts_of(page: Path) -> list[str]:
    """The texts of the blocks of a page file."""
    return segment(read(PageFile("", page).read())[0]).texts
