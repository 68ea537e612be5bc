"""Blocks: the runs of text that a browser lays out as one box."""

from __future__ import annotations

from dataclasses import dataclass

from newsieve.dom.tree import Tree

# Elements that a browser lays out as boxes of their own (HTML standard, "Rendering"), and table parts.
BOXES = frozenset(
    "address article aside blockquote body caption center dd details dialog dir div dl dt fieldset figcaption figure"
    " footer form h1 h2 h3 h4 h5 h6 header hgroup hr html legend li listing main menu nav noscript ol p"
    " plaintext pre search section summary table tbody td tfoot th thead tr ul xmp"
    " amp-sidebar amp-consent amp-ad amp-accordion amp-carousel".split()
)
# Controls and pictures: inline for the eye, but the text on their two sides is not one sentence.
FENCES = frozenset(
    "audio button canvas embed frame iframe img input keygen label meter object picture progress select textarea video"
    " amp-img amp-video amp-iframe".split()
)
CUTTING = BOXES | FENCES
# Inside one box these part words without cutting it.
PARTINGS = frozenset(["br", "option", "optgroup"])
HEAD = frozenset(["head", "title"])


@dataclass(frozen=True, slots=True)
class Segments:
    """The blocks of one page: block ``k`` is `texts[k]`, laid out in element `boxes[k]` of the tree.

    `runs[k]` is (first, last + 1) of the tree's text nodes that block ``k`` is made of, in reading order.
    """

    texts: list[str]
    boxes: list[int]
    runs: list[tuple[int, int]]


def segment(tree: Tree) -> Segments:
    """Cut a page into blocks in reading order: each visible text node lies in exactly one.

    Box elements and fences cut on both sides, inline elements never; two line breaks with nothing
    between cut too. White space is folded; a block has at least one visible character.
    """
    boxes, opened = _boxes(tree)
    starts, run_boxes = _cut(tree, boxes, opened)
    runs = list(zip(starts, [*starts, len(tree.texts)][1:], strict=True))
    laid = [k for k, box in enumerate(run_boxes) if box >= 0]
    return Segments([_folded(tree, *runs[k]) for k in laid], [run_boxes[k] for k in laid], [runs[k] for k in laid])


def _boxes(tree: Tree) -> tuple[list[int], list[int]]:
    """Per element the box that its text is laid out in, or -1 in the head; and the number of cuts opened up to it.

    Two line breaks cut as a box does, so the second of a pair counts as a cut, and so does each one after it.
    """
    boxes: list[int] = []
    opened: list[int] = []
    cuts, texts_at_break = 0, -1
    for number, (tag, parent) in enumerate(zip(tree.tags, tree.parents, strict=True)):
        above = boxes[parent] if parent >= 0 else number
        if tag in CUTTING:
            cuts += 1
            above = number if above >= 0 else -1
        elif tag == "br":
            texts_before = tree.places[number] - number
            cuts += texts_before == texts_at_break
            texts_at_break = texts_before
        elif tag in HEAD:
            above = -1
        boxes.append(above)
        opened.append(cuts)
    return boxes, opened


def _cut(tree: Tree, boxes: list[int], opened: list[int]) -> tuple[list[int], list[int]]:
    """The first text node of each run, and the run's box. Runs in the head have box -1."""
    starts: list[int] = []
    run_boxes: list[int] = []
    last_box = last_cuts = -2
    for node, (owner, place) in enumerate(zip(tree.owners, tree.text_places, strict=True)):
        box, cuts = boxes[owner], opened[place - node - 1]  # place - node: elements opened before the text
        if box != last_box or cuts != last_cuts:
            starts.append(node)
            run_boxes.append(box)
            last_box, last_cuts = box, cuts
    return starts, run_boxes


def _folded(tree: Tree, first: int, last: int) -> str:
    """The text of a run with folded white space; `PARTINGS` between two of its nodes part words."""
    if last == first + 1:
        return " ".join(tree.texts[first].split())
    places, texts = tree.text_places, tree.texts
    parts = [texts[first]]
    for node in range(first + 1, last):
        between = tree.tags[places[node - 1] - node + 1 : places[node] - node]
        if between and not PARTINGS.isdisjoint(between):
            parts.append(" ")
        parts.append(texts[node])
    return " ".join("".join(parts).split())
