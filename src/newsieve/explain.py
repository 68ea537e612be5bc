"""Explanations of one block's label: what each feature adds to it along the trees' paths, in words.

Contributions as in A. Saabas, "Interpreting random forests" (2014): a tree's score starts at the mean of its root, and
every split on a row's way to its leaf changes it; the change is credited to the split's feature. The credits and the
mean at the start sum to the score, exactly.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt

from newsieve.characters import CLASSES
from newsieve.classifier import SHIPPED, Classifier, ModelError
from newsieve.dom import Source
from newsieve.features import FEATURES
from newsieve.labels import LABELS, Label
from newsieve.page import Block, Page
from newsieve.signatures import TAGS
from newsieve.trees import Trees

Row = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Reason:
    """What the features that `words` describes add together to the log-odds; `values` by feature, strongest first."""

    words: str
    weight: float
    values: dict[str, float]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a block has its label rather than `rival`, the next most probable one.

    `start` (what holds of any block) and the weights of all `reasons`, strongest first, sum to `log_odds`, the
    natural logarithm of the ratio of the two labels' probabilities.
    """

    block: Block
    rival: Label
    start: float
    reasons: tuple[Reason, ...]

    @property
    def log_odds(self) -> float:
        """How far the label is ahead of its rival."""
        return self.start + sum(reason.weight for reason in self.reasons)


@dataclass(frozen=True)
class Explainer:
    """A model with the mean scores of its trees' inner nodes, which predicting does without."""

    classifier: Classifier
    trees: tuple[_Tree, ...]

    @classmethod
    def load(cls, folder: str | Path = SHIPPED) -> Explainer:
        """Load the model in `folder`. Raises ModelError, which says what is wrong."""
        classifier = Classifier.load(folder)
        parts = (Path(folder) / "model.txt").read_text().split("end of trees", 1)[0].split("\nTree=")[1:]
        try:
            return cls(classifier, tuple(_Tree.parse(part) for part in parts))
        except (KeyError, ValueError) as error:
            raise ModelError(f"{folder}: model.txt does not say what an explanation needs: {error}") from error

    def read(self, html: Source, url: str | None = None, charset: str | None = None) -> tuple[Page, Sequence[Row]]:
        """The page as `Classifier.classify` gives it, and the values of the model's features per block."""
        listener = _Listener(self.classifier.trees)
        page = replace(self.classifier, trees=cast("Trees", listener)).classify(html, url, charset=charset)
        return page, listener.rows

    def explain(self, block: Block, row: Row) -> Explanation:
        """Why the block that `row` belongs to has its label."""
        rival = max((label for label in LABELS if label is not block.label), key=block.probabilities.__getitem__)
        signs = {LABELS.index(block.label): 1, LABELS.index(rival): -1}
        start, weights, heights = 0.0, np.zeros(len(row)), np.zeros(len(row))
        for number, tree in enumerate(self.trees):
            sign = signs.get(number % len(LABELS), 0)
            start += sign * tree.root
            for feature, change, above in tree.walk(row) if sign else ():
                weights[feature] += sign * change
                heights[feature] += abs(change) if above else -abs(change)
        return Explanation(block, rival, start, self._reasons(row, weights, heights))

    def _reasons(self, row: Row, weights: Floats, heights: Floats) -> tuple[Reason, ...]:
        """One reason for all features that the same words describe."""
        reasons: dict[str, Reason] = {}
        for number in np.argsort(-np.abs(weights), kind="stable").tolist():
            if heights[number]:
                name, value = FEATURES[self.classifier.columns[number]], float(row[number])
                words = words_of(name, value, high=bool(heights[number] > 0))
                before = reasons.get(words, Reason(words, 0.0, {}))
                reasons[words] = Reason(words, before.weight + float(weights[number]), {**before.values, name: value})
        return tuple(sorted(reasons.values(), key=lambda reason: -abs(reason.weight)))


@dataclass(frozen=True, slots=True)
class _Tree:
    """One tree; `scores` and `children` as LightGBM numbers them: nodes from 0, leaves from ~0 downwards."""

    features: list[int]
    thresholds: list[float]
    children: tuple[list[int], list[int]]
    inner: list[float]
    leaves: list[float]

    @classmethod
    def parse(cls, part: str) -> _Tree:
        fields = dict(line.split("=", 1) for line in part.splitlines() if "=" in line)
        leaves = [float(word) for word in fields["leaf_value"].split()]
        if len(leaves) == 1:
            return cls([], [], ([], []), [], leaves)
        features, left, right = (
            [int(word) for word in fields[name].split()] for name in ("split_feature", "left_child", "right_child")
        )
        thresholds, inner = ([float(word) for word in fields[name].split()] for name in ("threshold", "internal_value"))
        return cls(features, thresholds, (left, right), inner, leaves)

    @property
    def root(self) -> float:
        return self.inner[0] if self.inner else self.leaves[0]

    def walk(self, row: Row) -> Iterator[tuple[int, float, bool]]:
        """Per split on the way to the leaf: its feature, the change of the score, and whether the value was above."""
        node, score = 0 if self.inner else ~0, self.root
        while node >= 0:
            feature = self.features[node]
            right = bool(float(row[feature]) > self.thresholds[node])
            node = self.children[right][node]
            after = self.inner[node] if node >= 0 else self.leaves[~node]
            yield feature, after - score, right
            score = after


class _Listener:
    """Stands in for a model's trees and keeps the rows that they are asked about."""

    def __init__(self, trees: Trees) -> None:
        self._trees = trees
        self.rows: list[Row] = []

    def probabilities(self, rows: Row) -> Floats:
        self.rows.extend(rows)
        return self._trees.probabilities(rows)


_KINDS = {
    "title": "a headline", "standfirst": "a standfirst", "body": "body text", "caption": "a caption",
    "advert": "an advert", "offer": "an offer to subscribe, join or install", "menu": "a menu", "byline": "a byline",
    "related": "a link to another story", "tool": "a tool (share, print, search)", "comment": "a reader's comment",
    "footer": "a footer",
}  # fmt: skip
_CONTAINERS = {
    "parent": "the element around its box", "grand": "the element two levels up",
    "great": "the element three levels up", "list": "its list or table", "section": "its section",
    "module": "its part of the page", "card": "its card, one of several alike", "headed": "all below the heading above",
}  # fmt: skip
_LIKES = {"alike": "the texts in boxes like its own", "twin": "the texts in boxes and type like its own"}
_CHARACTERS = {
    "space": "spaces", "lower": "small letters", "upper": "capital letters", "digit": "digits", "stop": "full stops",
    "question": "question marks", "exclamation": "exclamation marks", "comma": "commas", "colon": "colons",
    "quote": "quotation marks", "round": "round brackets", "square": "square brackets", "dash": "dashes",
    "slash": "slashes", "bar": "bars and bullets", "currency": "currency signs", "rights": "© and the like",
    "at": "@ and #", "arrow": "arrows", "han": "Han characters", "kana": "kana", "hangul": "Hangul",
    "cyrillic": "Cyrillic letters", "arabic": "Arabic letters", "indic": "letters of Indic scripts",
    "other_letter": "letters of other scripts", "other": "other signs",
}  # fmt: skip
_ELEMENTS = {
    "link": "a link", "emphasis": "bold or italic type", "small": "small type", "item": "a list item",
    "list": "a list", "quote": "a quotation", "cell": "a table cell", "table": "a table", "label": "a label",
    "media": "a picture or player", "control": "a control of a form", "heading": "a heading", "button": "a button",
    "sectioning": "a section of any kind", "listing": "a list or table", "custom": "an element of the site's own",
    "hidden": "something hidden", "field": "a field to fill in", "h456": "an <h4>, <h5> or <h6>",
}  # fmt: skip
_COUNTED = {
    "media": "pictures or players", "control": "form controls", "link": "links", "heading": "headings",
    "field": "fields to fill in",
}  # fmt: skip
_SOURCES = {
    "at-1": "the last block", "at-2": "the last block but one", "at+1": "the next block",
    "at+2": "the next block but one", "heading": "the heading above", "page": "the whole page", **_CONTAINERS, **_LIKES,
}  # fmt: skip
_HREF_FORMS = (
    "nowhere (no link)", "a script", "a place on the page", "mail or phone", "a picture", "the same site",
    "another site",
)  # fmt: skip

# The words of features, by a pattern of the whole name; the first that fits counts. Of [a|b], a is said of a low value
# and b of a high one. A name in braces is a group of the pattern, as _GROUPS words it, or what the value stands for.
_PHRASES = {
    r"text_evidence\.text_(?P<kind>\w+)": "its words speak rather [against|for] {kind}",
    r"path_evidence\.path_(?P<kind>\w+)": "tags, classes, ids and link target speak rather [against|for] {kind}",
    r"context\.from(?P<a>.\d)to(?P<b>.\d)_(?P<kind>\w+)": "the blocks {a} to {b} from it: [no |]signs of {kind}",
    r"context\.first_of_(?P<container>[a-z]+)_(?P<kind>\w+)": "the first text in {container}: [no |]signs of {kind}",
    r"context\.(?:in_)?(?P<source>[a-z]+|at[+-]\d)_(?P<kind>\w+)": "{source}: [no |]signs of {kind}",
    r"text\.(?:chars|weight)": "it is [short|long]",
    r"text\.(?P<characters>\w+)_share": "[few or none|many] of its characters are {characters}",
    r"text\.words": "it has [few|many] words",
    r"text\.word_length": "its words are [short|long]",
    r"text\.capitalised_words": "[few|many] of its words begin with a capital",
    r"text\.number_words": "[few or none|many] of its words are numbers",
    r"text\.sentences": "it has [few or no|many] whole sentences",
    r"text\.words_per_sentence": "its sentences are [short|long]",
    r"text\.(?P<characters>\w+)_count": "it has [few or no |]{characters}",
    r"text\.first_class": "its first character is among the {class}",
    r"text\.last_class": "its last character is among the {class}",
    r"text\.before_last_class": "its last character but one is among the {class}",
    r"box\.depth": "it lies [high up|deep down] in the tree",
    r"box\.tag": "its box is {tag}",
    r"box\.owner_tag": "its text begins in {tag}",
    r"box\.tag_(?P<step>\d)": "its ancestor {step} up is {tag}",
    r"box\.in_(?P<element>\w+)": "it is [not |]within {element}",
    r"box\.up_(?P<element>\w+)": "{element} is [close above it|not above it, or far up]",
    r"box\.inline_(?P<element>\w+)": "its text is [not |]in {element}",
    r"box\.link_share": "[little or none|much] of its text is links",
    r"box\.links": "it has [few or no |]links",
    r"box\.href_form": "it leads to {href}",
    r"box\.href_steps": "its link's path is [shallow, if it has one|deep]",
    r"box\.href_dashes": "its link has [few dashes, if it has one|many dashes, as stories' have]",
    r"box\.href_digits": "its link has [few digits, if it has one|many digits]",
    r"box\.href_query": "its link has [no query, if it has one|a query]",
    r"box\.href_length": "its link is [short, if it has one|long]",
    r"box\.rel_form": "its link is [not |]marked as sponsored or nofollow",
    r"box\.href_repeats": "[few or no other|other] blocks link where it does",
    r"box\.link_above": "its box is [not |]inside a link",
    r"box\.media_clock_before": "[it follows a picture or player at once|no picture or player stands just before it]",
    r"box\.media_clock_after": "[a picture or player follows at once|no picture or player follows at once]",
    r"box\.media_before": "the last picture or player is [few|many] blocks back",
    r"box\.media_after": "the next picture or player is [few|many] blocks ahead",
    r"box\.media_(?P<side>before|after)_linked": "the picture {side} it is [no link, if there is one|a link]",
    r"box\.media_inside": "it has [no|a] picture inside",
    r"containers\.(?P<group>\w+)_blocks": "{group}: [few|many] blocks",
    r"containers\.(?P<group>\w+)_mean_chars": "{group}: [short|long] texts",
    r"containers\.(?P<group>\w+)_spread": "{group}: texts of [like|unlike] lengths",
    r"containers\.(?P<group>\w+)_link_share": "{group}: [little|much] of the text is links",
    r"containers\.(?P<group>\w+)_long(?:_chars)?": "{group}: [few or no|many] paragraphs",
    r"containers\.(?P<group>\w+)_pictured": "{group}: [few or no|many] texts follow a picture at once",
    r"containers\.(?P<group>\w+)_ended": "{group}: [few or no|many] texts end as sentences do",
    r"containers\.(?P<group>\w+)_priced": "{group}: [few or no|many] texts name money",
    r"containers\.(?P<group>\w+)_away": "{group}: [few or no|many] links to other sites",
    r"containers\.(?:at|from_start)_(?P<container>\w+)": "it comes [early|late] in {container}",
    r"containers\.since_heading": "[a|no] heading stands close above",
    r"containers\.cards": "its card has [few or no|many] like it",
    r"containers\.(?P<group>[a-z]+)_(?P<counted>[a-z]+)": "{group}: [few or no|many] {counted}",
    r"page\.(?:(?:char_)?position|from_start)": "it comes [early|late] on the page",
    r"page\.from_end": "it comes [near|far from] the page's end",
    r"page\.page_(?:blocks|chars)": "the page is [short|long]",
    r"page\.page_link_share": "[little|much] of the page's text is links",
    r"page\.page_long(?:_chars)?": "the page has [few|many] paragraphs",
    r"page\.page_media": "the page has [few|many] pictures",
    r"page\.page_is_article": "the page [does not say|says] that it is an article",
    r"page\.column\d+_(?:up|down)": "it is [in or near|outside of] the page's main column",
    r"page\.column\d+_at": "it comes [before or early in|late in or after] the main column",
    r"page\.column\d+_before": "it comes [before or soon|long] after the first paragraph",
    r"page\.column\d+_after": "it comes [before|near or after] the last paragraph",
    r"page\.title_\w+": "it shares [few words|words] with the page's title",
    r"page\.description_\w+": "it shares [few words|words] with the page's description",
    r"page\.alt_\w+": "it shares [few words|words] with the pictures' alt texts",
    r"page\.own_alt_\w+": "it shares [few words|words] with the alt text of the picture before it",
    r"page\.headlines_before": "[few or no <h1> come|an <h1> comes] before it",
    r"page\.from_headline": "it comes [before or soon after an <h1>|long after an <h1>, or there is none]",
    r"page\.repeats": "its text stands on the page [once|several times]",
    r"page\.stood_before": "its text [did not stand|stood] on the page before",
}
_GROUPS = {
    "kind": _KINDS, "container": _CONTAINERS, "group": {**_CONTAINERS, **_LIKES}, "characters": _CHARACTERS,
    "element": _ELEMENTS, "source": _SOURCES, "counted": _COUNTED,
}  # fmt: skip
_LOW_OR_HIGH = re.compile(r"\[(.*?)\|(.*?)\]")


def words_of(feature: str, value: float, *, high: bool) -> str:
    """What a feature's value says of the block; `high` where it lies above most of the thresholds that it met.

    A feature without a phrase is named: "box: new thing is high".
    """
    side = r"\2" if high else r"\1"
    for pattern, phrase in _PHRASES.items():
        if match := re.fullmatch(pattern, feature):
            parts = {group: _worded(group, name) for group, name in match.groupdict().items()}
            return _LOW_OR_HIGH.sub(side, phrase).format_map(parts | _decoded(value))
    family, _, name = feature.rpartition(".")
    return f"{family or 'feature'}: {name.replace('_', ' ')} is {'high' if high else 'low'}"


def _worded(group: str, name: str) -> str:
    plain = f"<{name}>" if group == "element" else name.replace("_", " ")
    return _GROUPS.get(group, {}).get(name, plain)


def _decoded(value: float) -> dict[str, str]:
    """What the value stands for if it is the number of a tag, of a class of characters, or of where a link leads."""
    number = max(int(value), 0)
    return {
        "tag": f"<{TAGS[number - 1]}>" if 1 <= number <= len(TAGS) else "of a rarer kind",
        "class": _CHARACTERS.get(CLASSES[number], CLASSES[number]) if number < len(CLASSES) else "rarer signs",
        "href": _HREF_FORMS[number] if number < len(_HREF_FORMS) else "elsewhere",
    }
