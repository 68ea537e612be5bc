"""The errors worth reading, as a page of HTML that opens anywhere and fetches nothing."""

from __future__ import annotations

from html import escape
from pathlib import Path

import numpy as np
import pandas as pd

from newsieve.labels import KINDS, LABELS
from newsieve.pipeline.gold import read_texts
from newsieve.pipeline.metrics import shares_of

_HEAD = """<!doctype html><html lang="en"><meta charset="utf-8"><title>newsieve: errors worth reading</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}
table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #ddd;padding:.3rem .5rem;text-align:left;
vertical-align:top}th{position:sticky;top:0;background:#fff}.content{background:#e3f4e3}.caption{background:#e2edfb}
.promo{background:#fde6e0}.nav{background:#eee}td.n{text-align:right;font-variant-numeric:tabular-nums}</style>
<h1>Errors worth reading</h1><p>Blocks of the authored pages whose label the model, not having seen their site, held
for unlikely; the surest errors first.</p><table><tr><th>page<th>block<th>gold<th>model<th>share of gold<th>text"""


def write_errors(rows: pd.DataFrame, pages: Path, out: Path, worst: int) -> None:
    """Write the `worst` errors among the judged `rows` of pages whose labels, with texts, lie in `pages`."""
    shares, truth = shares_of(rows), rows["label"].to_numpy()
    own = shares[np.arange(len(rows)), truth] if len(rows) else np.zeros(0)
    numbers = rows.groupby("page").cumcount().to_numpy()
    wrong = np.flatnonzero(shares.argmax(axis=1) != truth) if len(rows) else np.zeros(0, dtype=int)
    lines = [_HEAD]
    for k in wrong[np.argsort(own[wrong], kind="stable")][:worst]:
        row = rows.iloc[k]
        texts = read_texts((pages / row["page"]).with_suffix(".tsv"))
        text = texts[numbers[k]] if numbers[k] < len(texts) else ""
        gold, guess = LABELS[truth[k]].value, LABELS[shares[k].argmax()].value
        lines.append(
            f"<tr><td>{escape(row['page'])}<td class=n>{numbers[k]}<td class={gold}>{gold} ({KINDS[row['kind']].value})"
            f"<td class={guess}>{guess}<td class=n>{own[k]:.3f}<td>{escape(text[:400])}"
        )
    out.write_text("\n".join([*lines, "</table></html>\n"]), encoding="utf-8")
