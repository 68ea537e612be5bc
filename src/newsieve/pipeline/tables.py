"""Tables: the feature rows of many pages, as Parquet with numbers only."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from newsieve.characters import NUMBER
from newsieve.features import PLAIN_FEATURES, Rows
from newsieve.features.containers import SPANS, Places
from newsieve.features.tokens import Tokens, path_tokens
from newsieve.labels import KINDS
from newsieve.layout import Layout
from newsieve.pipeline.errors import PipelineError

# The columns that say where a row stands and what it is, beside the features, the tokens and the places.
ABOUT = ("page", "site", "corpus", "type", "script", "kind", "source", "main", "words")
_PLACES = (*(f"{edge}_{name}" for name in SPANS for edge in ("first", "last")), "alike", "twin", "heading")
_SCRIPTS = ("han", "kana", "hangul", "cyrillic", "arabic", "indic")
_KIND_NUMBERS = {kind.value: number for number, kind in enumerate(KINDS)}

Lists = list[npt.NDArray[np.int64]]


@dataclass(frozen=True)
class Table:
    """N rows of P pages. `about`: a row per row, kind as a number in KINDS or -1. `values` (N, PLAIN_FEATURES).

    `text`, `path`: tokens by row. `places`: one of each page, `starts` (P + 1,) the rows at which pages start.
    """

    about: pd.DataFrame
    values: npt.NDArray[np.float32]
    text: Tokens
    path: Tokens
    places: list[Places]
    starts: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.about)

    def of_pages(self, wanted: npt.NDArray[np.bool_]) -> Table:
        """The rows of the `wanted` pages. (P,)"""
        sizes = np.diff(self.starts)
        rows = np.repeat(wanted, sizes)
        return Table(
            self.about[rows].reset_index(drop=True),
            self.values[rows],
            self.text.of_rows(rows),
            self.path.of_rows(rows),
            [places for places, kept in zip(self.places, wanted, strict=True) if kept],
            np.concatenate([[0], np.cumsum(sizes[wanted])]),
        )

    def by_page(self) -> Iterator[tuple[int, int, Places]]:
        """First row, the row after the last, and the places of each page."""
        yield from zip(self.starts, self.starts[1:], self.places, strict=False)


def script_of(classes: npt.NDArray[np.float64]) -> str:
    """The script of most of a page's letters, of `classes` (B, CLASSES) counts; latin and all others are "latin"."""
    totals = classes.sum(axis=0)
    counts = {name: totals[NUMBER[name]] for name in _SCRIPTS}
    counts["han"] += counts.pop("kana")
    name = max(counts, key=lambda key: counts[key])
    return name if counts[name] > totals[[NUMBER["lower"], NUMBER["upper"]]].sum() else "latin"


def write_table(path: Path, about: pd.DataFrame, pages: Sequence[tuple[Rows, Layout]]) -> None:
    """Write the rows of `pages`, which may be none, and which `about` describes in the same order."""
    values = np.concatenate([np.zeros((0, len(PLAIN_FEATURES)), dtype=np.float32), *(rows.values for rows, _ in pages)])
    types = {name: pa.int64() if name in {"main", "words"} else pa.large_string() for name in ABOUT}
    columns: dict[str, pa.Array] = {name: pa.array(about[name], types[name]) for name in ABOUT}
    columns |= {name: pa.array(values[:, k]) for k, name in enumerate(PLAIN_FEATURES)}
    text = (tokens for rows, layout in pages for tokens in rows.text.lists(len(layout)))
    paths = (tokens for rows, layout in pages for tokens in path_tokens(rows.path, layout).lists(len(layout)))
    columns |= {"text_tokens": _list_array(text), "path_tokens": _list_array(paths)}
    places = np.concatenate([np.zeros((0, len(_PLACES)), dtype=np.int64), *(_flat(rows.places) for rows, _ in pages)])
    columns |= {name: pa.array(places[:, k].astype(np.int16)) for k, name in enumerate(_PLACES)}
    table = pa.table(columns).replace_schema_metadata({"newsieve": json.dumps({"format": 1})})
    path.parent.mkdir(parents=True, exist_ok=True)
    plain = [*PLAIN_FEATURES, *_PLACES]
    pq.write_table(table, path, compression="zstd", compression_level=19, use_dictionary=[*ABOUT[:5], "source", *plain])


def _list_array(lists: Iterable[npt.NDArray[np.int64]]) -> pa.Array:
    arrays = [np.zeros(0, dtype=np.int64), *lists]
    offsets = np.cumsum([len(a) for a in arrays]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(np.concatenate(arrays).astype(np.uint32)))


def _flat(places: Places) -> npt.NDArray[np.int64]:
    """Places as columns; blocks are told by their distance, which packs better than their number."""
    rows = np.arange(len(places.alike))[:, None]
    edges = np.stack([rows - places.first, places.last - rows], axis=2).reshape(len(rows), -1)
    heading = np.where(places.heading < 0, -1, rows[:, 0] - places.heading)
    return np.column_stack([edges, places.alike, places.twin, heading])


def _unflat(columns: npt.NDArray[np.int64]) -> Places:
    rows = np.arange(len(columns))[:, None]
    edges = columns[:, :-3].reshape(len(rows), -1, 2)
    heading = np.where(columns[:, -1] < 0, -1, rows[:, 0] - columns[:, -1])
    first, last = rows - edges[:, :, 0], edges[:, :, 1] + rows
    none = np.zeros_like(first)  # what only the plain features need
    return Places(none, first, last, none[:, 0], columns[:, -3], columns[:, -2], heading)


def read_tables(paths: Sequence[Path]) -> Table:
    """Read and join tables. Raises PipelineError where one was made with other features."""
    tables = [_checked(path) for path in paths]
    table = pa.concat_tables(tables)
    about = pa.table({name: table[name] for name in ABOUT}).to_pandas()
    about["kind"] = about["kind"].map(_KIND_NUMBERS).fillna(-1).astype(np.int8)
    pages = (about["corpus"] + "/" + about["page"]).to_numpy()
    starts = np.concatenate([[0], np.flatnonzero(pages[1:] != pages[:-1]) + 1, [len(pages)]])
    places = np.column_stack([table[name].to_numpy().astype(np.int64) for name in _PLACES])
    return Table(
        about,
        np.column_stack([table[name].to_numpy() for name in PLAIN_FEATURES]),
        _tokens(table["text_tokens"]),
        _tokens(table["path_tokens"]),
        [_unflat(places[a:b]) for a, b in pairwise(starts)],
        starts,
    )


def _checked(path: Path) -> pa.Table:
    table = pq.read_table(path)
    made = tuple(
        name
        for name in table.column_names
        if name.split(".")[0] in {"text", "box", "containers", "page"} and "." in name
    )
    if made != PLAIN_FEATURES or set(_PLACES) - set(table.column_names):
        raise PipelineError(
            f"{path} was made with other features; make it again: dvc repro --force-downstream in its folder"
        )
    return table


def _tokens(column: pa.ChunkedArray) -> Tokens:
    lists = column.combine_chunks()
    sizes = np.diff(lists.offsets.to_numpy())
    return Tokens(np.repeat(np.arange(len(sizes)), sizes), lists.values.to_numpy().astype(np.int64))
