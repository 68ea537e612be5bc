"""Family `box`: the element that holds a block, what it lies in, its link, and what lies near it."""

from __future__ import annotations

import numpy as np

from newsieve.layout import Floats, Ints, Layout
from newsieve.signatures import GROUP_NAMES

NONE = 40  # how far away is what is not there at all
FAR = 30  # distances are cut here
STEPS = 4  # ancestors whose tags are looked at one by one

_INLINE = ("link", "button", "emphasis", "small", "label")
_LINK_NAMES = (
    "link_share", "links", "href_form", "href_steps", "href_dashes", "href_digits", "href_query", "href_length",
    "rel_form", "href_repeats", "link_above",
)  # fmt: skip
_NEAR_NAMES = ("before", "after", "clock_before", "clock_after", "before_linked", "after_linked", "inside")
NAMES = (
    "depth", "tag", "owner_tag", *(f"tag_{step}" for step in range(1, STEPS)),
    *(f"in_{name}" for name in GROUP_NAMES), *(f"up_{name}" for name in GROUP_NAMES),
    *(f"inline_{name}" for name in _INLINE), *_LINK_NAMES, *(f"media_{name}" for name in _NEAR_NAMES),
)  # fmt: skip
# A block's link leads to: 0 none, 1 a script, 2 a place on the page, 3 mail or phone, 4 a picture, 5 the site, 6 away.
AWAY = 6
_PICTURES = (".jpg", ".jpeg", ".png", ".gif", ".webp", ".avif")
_NO_HREF = (0, 0, 0, 0, 0, 0)
_WITHOUT_DIGITS = dict.fromkeys(map(ord, "0123456789"))


def box_features(layout: Layout, links: Links) -> Floats:
    """Tags, ancestors, links and media of each block. (B, NAMES)"""
    media = _media(layout, links)
    return np.concatenate([_tags(layout), _ancestors(layout), _inline(layout), links.columns(layout), media], axis=1)


def _tags(layout: Layout) -> Floats:
    tags = np.array([s.tag for s in layout.signatures])
    chain = tags[layout.kinds[layout.ancestors[:, :STEPS]]]
    return np.column_stack([layout.depths[layout.boxes], chain[:, 0], tags[layout.kinds[layout.owners]], chain[:, 1:]])


def _ancestors(layout: Layout) -> Floats:
    """Per group of tags how many ancestors are in it, and levels up to the nearest of those looked at."""
    groups = layout.groups[layout.kinds]
    counts = layout.inherited(groups)[layout.boxes]
    hits = groups[layout.ancestors]
    rise = np.where(hits.any(axis=1), hits.argmax(axis=1), NONE)
    return np.concatenate([counts, rise], axis=1)


def _inline(layout: Layout) -> Floats:
    """Whether the elements between the text and its box are in a group."""
    columns = [GROUP_NAMES.index(name) for name in _INLINE]
    groups = layout.groups[:, columns][layout.kinds[layout.inline]]
    groups &= (layout.inline >= 0)[:, :, None]
    return np.asarray(groups.any(axis=1), dtype=np.float64)


def _media(layout: Layout, links: Links) -> Floats:
    """How near pictures and players are, in blocks and on the clock, and whether they are links, as teasers' are."""
    numbers = np.flatnonzero(layout.grouped("media"))
    columns = np.full((len(layout), len(_NEAR_NAMES)), float(NONE))
    columns[:, 4:] = 0
    if not len(numbers):
        return columns
    places = layout.places[numbers]
    after = np.searchsorted(places, layout.stops)
    before = np.searchsorted(places, layout.starts) - 1
    blocks = np.searchsorted(layout.starts, places)  # the block that follows each
    rows = np.arange(len(layout))
    linked = links.anchors[numbers] >= 0
    for column, wanted, there in ((0, before, before >= 0), (1, after, after < len(numbers))):
        index = np.clip(wanted, 0, len(numbers) - 1)
        gap = rows - blocks[index] if column == 0 else blocks[index] - rows - 1
        clock = layout.starts - places[index] if column == 0 else places[index] - layout.stops
        columns[:, column] = np.where(there, np.minimum(gap, FAR), NONE)
        columns[:, column + 2] = np.where(there, np.minimum(clock, 100), 150)
        columns[:, column + 4] = there & linked[index]
    columns[:, 6] = after - before - 1
    return columns


class Links:
    """The links of a page: per element the one it lies in (-1: none), per block the first it holds, and their share."""

    def __init__(self, layout: Layout) -> None:
        self.anchors = _anchors(layout)
        texts, owners = layout.tree.texts, np.array(layout.tree.owners)
        sizes = np.array([len(text) for text in texts])
        above = self.anchors[owners]
        firsts = np.array([run[0] for run in layout.segments.runs])
        stops = np.array([run[1] for run in layout.segments.runs])
        linked = np.concatenate([[0], np.cumsum(sizes * (above >= 0))])
        total = np.concatenate([[0], np.cumsum(sizes)])
        self.share = (linked[stops] - linked[firsts]) / (total[stops] - total[firsts])
        at = np.flatnonzero(above >= 0)
        nearest = np.append(at, len(texts))[np.searchsorted(at, firsts)]
        self.first = np.where(nearest < stops, above[np.minimum(nearest, len(texts) - 1)], -1)
        attributes = layout.tree.attributes
        self.hrefs = [attributes[i].get("href") or "" if i >= 0 else None for i in self.first.tolist()]
        self.rels = [attributes[i].get("rel") or "" if i >= 0 else "" for i in self.first.tolist()]

    def columns(self, layout: Layout) -> Floats:
        """Where the block's first link leads, how many links it has, and how much of the text they hold."""
        opened = np.concatenate([[0], np.cumsum(layout.grouped("link"))])
        first, last = np.searchsorted(layout.places, layout.starts), np.searchsorted(layout.places, layout.stops)
        host = _host(layout.url or "")
        seen: dict[str, int] = {}
        for href in self.hrefs:
            if href:
                seen[href] = seen.get(href, 0) + 1
        forms = {href: _href(href, host) for href in set(self.hrefs)}
        return np.column_stack([
            self.share,
            np.minimum(opened[last] - opened[first] + (self.first >= 0), 50),
            np.array([forms[href] for href in self.hrefs], dtype=np.float64),
            [2 * ("sponsor" in rel) + ("nofollow" in rel) for rel in self.rels],
            [min(seen.get(href or "", 0), 20) for href in self.hrefs],
            self.anchors[layout.boxes] >= 0,
        ])  # fmt: skip


def _anchors(layout: Layout) -> Ints:
    """Per element the link that it is or lies in, or -1. Links do not nest in HTML; of some that do the last counts."""
    numbers = np.flatnonzero(layout.grouped("link"))
    if not len(numbers):
        return np.full(len(layout.places), -1)
    index = np.searchsorted(layout.places[numbers], layout.places, side="right") - 1
    latest = numbers[np.maximum(index, 0)]
    return np.where((index >= 0) & (layout.ends[latest] > layout.places), latest, -1)


def _href(href: str | None, host: str) -> tuple[int, ...]:
    """A target's form, the steps, dashes and digits of its path, whether it has a query, and its length."""
    if href is None:
        return _NO_HREF
    head = href[:11].lower()
    if href in ("", "#") or head == "javascript:":
        return (1, 0, 0, 0, 0, 0)
    if href[0] == "#":
        return (2, 0, 0, 0, 0, 0)
    if head.startswith(("mailto:", "tel:", "sms:", "whatsapp:")):
        return (3, 0, 0, 0, 0, 0)
    path = href[:300].split("//", 1)[-1].split("?", 1)[0]
    away = "//" in head and _host(href) not in (host, "")
    digits = len(path) - len(path.translate(_WITHOUT_DIGITS))
    steps, dashes = path.strip("/").count("/"), path.count("-")
    form = 4 if path.lower().endswith(_PICTURES) else AWAY if away else 5
    return (form, min(steps, 10), min(dashes, 15), min(digits, 15), "?" in href, min(len(path), 120))


def _host(url: str) -> str:
    """The last two labels of a URL's host, lower case."""
    host = url.partition("//")[2].partition("/")[0].partition("?")[0].rpartition("@")[2].partition(":")[0]
    return ".".join(host.lower().rsplit(".", 2)[-2:])
