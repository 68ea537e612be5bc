"""The report of a run: one page of HTML that needs nothing else. What changed, figures, curves, and the worst pages."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from newsieve.labels import LABELS
from newsieve.pipeline.label import GOLD
from newsieve.pipeline.metrics import flat, shares_of
from newsieve.pipeline.plots import draw
from newsieve.pipeline.report import HEAD, texts_of

if TYPE_CHECKING:
    from mlflow.entities import Run

WORST = 6  # pages
SMALL = 20  # blocks; shorter pages are not among the worst
HEADLINE = (
    "macro_f1", "content/f1", "content/token_f1", "caption/f1", "promo/f1", "nav/f1", "calibration_error", "log_loss",
)  # fmt: skip
_FALLING = frozenset(["calibration_error", "log_loss"])


@dataclass(frozen=True)
class Past:
    """A run to compare with: what it is to the new one, its name, metrics, params and tags."""

    role: str
    name: str
    metrics: dict[str, float]
    params: dict[str, str]
    tags: dict[str, str]

    @classmethod
    def of(cls, role: str, run: Run) -> Past:
        """From a run of the store."""
        return cls(role, str(run.info.run_name), run.data.metrics, run.data.params, run.data.tags)


def rows_of(metrics: dict[str, Any], past: Past | None) -> list[tuple[str, str, str, str]]:
    """Name, value with its interval where it has one, the past value, and the change, of the headline figures."""
    now = dict(flat(metrics))
    rows = []
    for name in HEADLINE:
        low, high = now.get(f"{name}_low"), now.get(f"{name}_high")
        value = f"{now[name]:.4f}" + (f" ({low:.3f} to {high:.3f})" if low is not None and high is not None else "")
        before = past.metrics.get(name) if past else None
        change = "" if before is None else f"{now[name] - before:+.4f}"
        rows.append((name, value, "" if before is None else f"{before:.4f}", change))
    return rows


def compared(metrics: dict[str, Any], past: Past | None) -> str:
    """The headline figures as a table in Markdown, against the past run."""
    lines = [f"Figures on sites not seen, against {past.role}, {past.name}:" if past else "Figures on sites not seen:"]
    lines += ["", "| figure | this run | before | change |", "| --- | --- | --- | --- |"]
    lines += [f"| {' | '.join(row)} |" for row in rows_of(metrics, past)]
    return "\n".join(lines)


def write_report(
    metrics: dict[str, Any], past: Past | None, evaluation: Path, judged: Path, folders: dict[str, Path], out: Path
) -> None:
    """Write the page. `folders`: where the pages of the corpora lie whose texts may be shown."""
    parts = [
        HEAD.format(title="newsieve: report of a run"), _figures(metrics, past), _own(metrics), _pictures(evaluation),
        _groups(metrics), *_worst(pd.read_parquet(judged), folders), "</html>\n",
    ]  # fmt: skip
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("\n".join(parts), encoding="utf-8")


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    cells = "".join(f"<th>{escape(name)}" for name in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}" for cell in row) for row in rows)
    return f"<table><tr>{cells}{body}</table>"


def _figures(metrics: dict[str, Any], past: Past | None) -> str:
    against = f"{past.role}, {past.name}" if past else "nothing: it is the first"
    rows = "".join(
        f"<tr><td>{name}<td class=n>{value}<td class=n>{before}<td class='n {_mood(name, change)}'>{change}"
        for name, value, before, change in rows_of(metrics, past)
    )
    return (
        f"<h1>Report of a run</h1><p>On sites that the model had not seen; compared with {escape(against)}. "
        "Intervals: 95 %, by bootstrap over sites.</p>"
        f"<table><tr><th>figure<th>this run<th>before<th>change{rows}</table>"
    )


def _mood(name: str, change: str) -> str:
    if not change or abs(float(change)) < 0.0005:
        return ""
    return "better" if (float(change) > 0) != (name in _FALLING) else "worse"


def _own(metrics: dict[str, Any]) -> str:
    """One's own pages before and after learning from them."""
    if "own" not in metrics:
        return ""
    before, after = metrics["own"]["before"], metrics["own"]["after"]
    rows = [
        (site, _two(figures), _two(after.get("site", {}).get(site)), f"{figures['blocks']:.0f}")
        for site, figures in {"all": before, **before["site"]}.items()
    ]
    if after:
        rows[0] = ("all", _two(before), _two(after), rows[0][3])
    head = ("site", "before: no page of the site learned", "after: other pages of yours learned", "blocks")
    return f"<h2>Your own pages</h2><p>Macro-F1, and content's F1 by token.</p>{_table(head, rows)}"


def _two(figures: dict[str, float] | None) -> str:
    return f"{figures['macro_f1']:.3f}, {figures['content_token_f1']:.3f}" if figures else "too few pages"


def _pictures(evaluation: Path) -> str:
    parts = ["<h2>Pictures</h2><div class=pictures>"]
    for name, figure in draw(evaluation):
        picture = BytesIO()
        figure.savefig(picture, format="png", dpi=90)
        data = base64.b64encode(picture.getvalue()).decode()
        parts.append(f'<img alt="{escape(name)}" src="data:image/png;base64,{data}">')
    return "".join([*parts, "</div>"])


def _groups(metrics: dict[str, Any]) -> str:
    rows = [
        (column, value, f"{figures['macro_f1']:.3f}", f"{figures['content_token_f1']:.3f}", f"{figures['blocks']:,.0f}")
        for column in ("corpus", "type", "script")
        for value, figures in metrics.get(column, {}).items()
    ]
    return f"<h2>By group</h2>{_table(('by', 'group', 'macro-F1', 'content F1 by token', 'blocks'), rows)}"


def _worst(judged: pd.DataFrame, folders: dict[str, Path]) -> list[str]:
    """The pages with the largest shares of wrong labels among those whose texts may be shown."""
    rows = judged[judged["corpus"].isin(folders)].copy()
    rows["block"] = rows.groupby(["corpus", "page"]).cumcount()
    rows = rows[(rows["source"] == GOLD) & (rows["label"] >= 0)]
    rows["guess"] = shares_of(rows).argmax(axis=1)
    rows["share"] = shares_of(rows).max(axis=1)
    rows["wrong"] = rows["guess"] != rows["label"]
    pages = [(part["wrong"].mean(), key, part) for key, part in rows.groupby(["corpus", "page"]) if len(part) >= SMALL]
    pages.sort(key=lambda page: (-page[0], page[1]))
    intro = "<h2>The worst pages</h2><p>Left tinted by gold, right by the model; errors are framed."
    return [intro, *(_page(key, part, folders) for _, key, part in pages[:WORST])]


def _page(key: tuple[str, str], rows: pd.DataFrame, folders: dict[str, Path]) -> str:
    corpus, page = key
    texts = texts_of(folders[corpus] / page)
    wrong = int(rows["wrong"].sum())
    lines = [f"<details><summary>{escape(page)}: {wrong} of {len(rows)} blocks wrong</summary><table class=pair>"]
    for row in rows.itertuples():
        text = escape(texts[row.block][:240])
        gold, guess = LABELS[row.label].value, LABELS[row.guess].value
        wrong_class = " wrong" if row.wrong else ""
        lines.append(
            f"<tr class='{wrong_class}'><td class={gold}>{text}<td class={guess}><b>{guess} {row.share:.2f}</b> {text}"
        )
    return "".join([*lines, "</table></details>"])
