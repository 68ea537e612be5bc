"""The public API: what classify() gives of good, odd and hostile pages, and which models are refused."""

from __future__ import annotations

import json
import math
import multiprocessing
import shutil
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count

import numpy as np
import pytest
from bs4 import BeautifulSoup
from lxml import html as lxml_html

import newsieve
import newsieve.dom.limits
from newsieve.classifier import SHIPPED
from newsieve.labels import LABELS


@pytest.fixture(scope="module")
def story(authored):
    return authored["lantern-port"]


@pytest.fixture(scope="module")
def page(story):
    return newsieve.classify(story)


def test_a_story_is_sorted_into_its_parts(page):
    assert page.title.startswith("Halifax dockworkers pause strike")
    assert "The picket fires on Marginal Road" in page.body
    assert page.title not in page.body.splitlines()
    assert page.text.startswith(page.title)
    assert any("Container cranes stand idle" in block.text for block in page.captions)
    assert any("Get the App" in block.text for block in page.promos)
    assert "Get the App" not in page.body
    assert any(block.text == "Sports" for block in page.navs)


def test_every_block_has_one_of_four_labels_and_shares_that_sum_to_one(page):
    assert len(page.blocks) > 100
    for block in page.blocks:
        assert set(block.probabilities) == set(LABELS)
        assert math.isclose(sum(block.probabilities.values()), 1, abs_tol=1e-9)
        assert block.probability == max(block.probabilities.values()) == block.probabilities[block.label]
    assert len(page.captions) + len(page.promos) + len(page.navs) < len(page.blocks)


def test_a_page_is_json(page):
    again = json.loads(json.dumps(page.to_dict()))
    assert again["title"] == page.title
    assert len(again["blocks"]) == len(page.blocks)
    assert again["blocks"][0]["label"] in set(LABELS)


def test_a_caption_knows_its_picture(authored):
    page = newsieve.classify(authored["chronicle-coast"])
    pictures = [block.picture for block in page.captions]
    assert any(picture and picture.src for picture in pictures)


def test_the_same_page_gives_the_same_labels_from_every_kind_of_input(story):
    wanted = [(block.text, block.label) for block in newsieve.classify(story).blocks]
    for source in (story.encode(), bytearray(story.encode()), BeautifulSoup(story, "html5lib")):
        assert [(block.text, block.label) for block in newsieve.classify(source).blocks] == wanted
    tree = lxml_html.fromstring(str(BeautifulSoup(story, "html5lib")))
    texts = {text for text, _ in wanted}
    from_lxml = newsieve.classify(tree).blocks
    assert len([b for b in from_lxml if b.text in texts]) > 0.97 * len(wanted)


def test_elements_are_the_callers_own(story):
    soup = BeautifulSoup(story, "html5lib")
    page = newsieve.classify(soup)
    assert all(block.element is not None for block in page.blocks)
    caption = page.captions[0]
    assert " ".join(caption.element.get_text().split()).startswith(caption.text[:20])
    assert newsieve.classify(story).blocks[0].element is None


def test_the_servers_character_set_is_heeded():
    data = "<p>Съешь ещё этих мягких булок</p>".encode("koi8-r")
    assert newsieve.classify(data, charset="koi8-r").blocks[0].text == "Съешь ещё этих мягких булок"


@pytest.mark.parametrize("source", [None, 3, ["<p>a</p>"], {"html": ""}, object()])
def test_what_is_no_page_raises_a_type_error_that_says_so(source):
    with pytest.raises(TypeError, match="newsieve takes str, bytes"):
        newsieve.classify(source)


@pytest.mark.parametrize("source", ["", b"", " \n", "<!-- -->", "<script>a</script>", BeautifulSoup("", "html.parser")])
def test_an_empty_page_has_no_blocks_and_a_note(source):
    page = newsieve.classify(source)
    assert page.blocks == ()
    assert page.title is None
    assert page.body == ""
    assert "no text" in page.notes[-1]


HOSTILE = {
    "binary": bytes(range(256)) * 50,
    "gzip": b"\x1f\x8b\x08\x00" + bytes(100),
    "json": '{"a": [1, 2, 3], "b": "text"}',
    "xml": "<?xml version='1.0'?><rss><channel><title>a</title></channel></rss>",
    "nul": "<p>a\0b</p>" * 10,
    "cut": "<p>a</p><div class='",
    "surrogates": "<p>\ud800 text \udfff</p>",
    "deep": "<div>" * 60_000 + "text",
    "deep and closed": "<section>" * 30_000 + "text" + "</section>" * 30_000,
    "deep inline": "<b>" * 30_000 + "text",
    "wide": "<p>text" * 30_000,
    "attributes": "<p " + " ".join(f"a{n}=1" for n in range(50_000)) + ">text",
    "long attribute": f"<p class='{'x ' * 200_000}'>text",
    "long text": "<p>" + "text " * 400_000,
    "one word": "<p>" + "x" * 2_000_000,
    "tables": "<table><tr><td>" * 3000 + "text",
    "unclosed": "<p><a href=x><i>" * 2000 + "text",
    "entities": "&amp;&#x1F600;&bogus;&#0;&#xD800;" * 1000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_page_raises(name):
    page = newsieve.classify(HOSTILE[name])
    for block in page.blocks[:50]:
        assert math.isclose(sum(block.probabilities.values()), 1, abs_tol=1e-9)


@pytest.mark.parametrize("name", ["binary", "gzip", "json", "xml"])
def test_what_is_not_html_is_noted(name):
    assert any("not HTML" in note for note in newsieve.classify(HOSTILE[name]).notes)


def test_what_a_limit_cuts_is_noted():
    html = "<p>one</p>" * 2000
    assert "characters" in newsieve.classify(html, limits=newsieve.Limits(characters=500)).notes[0]
    page = newsieve.classify(html, limits=newsieve.Limits(nodes=101))
    assert "nodes" in page.notes[0]
    assert 40 < len(page.blocks) <= 51
    assert "nested" in newsieve.classify(HOSTILE["deep"]).notes[0]


def test_a_page_that_ends_at_a_limit_is_whole_and_has_no_note():
    nodes = 1 + 2 + 2 * 50  # html, head, body; each p and its text
    html = "<p>one</p>" * 50
    page = newsieve.classify(html, limits=newsieve.Limits(nodes=nodes))
    assert (len(page.blocks), page.notes) == (50, ())
    assert "nodes" in newsieve.classify(html, limits=newsieve.Limits(nodes=nodes - 1)).notes[0]


@pytest.mark.parametrize("parse", [str, lxml_html.fromstring, partial(BeautifulSoup, features="lxml")])
def test_a_page_that_takes_too_long_is_labelled_as_far_as_it_was_read(parse, monkeypatch):
    whole = parse("<html><body>" + "<p>one</p>" * 30_000)
    looks = count()
    monkeypatch.setattr(newsieve.dom.limits, "monotonic", lambda: next(looks))  # a second passes at each look
    page = newsieve.classify(whole, limits=newsieve.Limits(seconds=40))
    assert 0 < len(page.blocks) < 30_000
    assert "40 seconds" in page.notes[0]
    assert newsieve.classify(whole, limits=newsieve.Limits(seconds=0)).blocks == ()


def test_deep_nesting_loses_no_text():
    html = "".join(f"<div>w{n}" for n in range(9000))
    words = " ".join(block.text for block in newsieve.classify(html).blocks).split()
    assert sorted(words) == sorted(f"w{n}" for n in range(9000))


def test_many_threads_give_the_same_answers(authored):
    pages = list(authored.values())[:12]
    alone = [[b.label for b in newsieve.classify(html).blocks] for html in pages]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda html: [b.label for b in newsieve.classify(html).blocks], pages * 2))
    assert together == alone * 2


def labels_of(html):
    return [str(block.label) for block in newsieve.classify(html).blocks]


def test_spawned_workers_give_the_same_answers(story):
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(labels_of, [story]) == [labels_of(story)]


def test_many_pages_are_classified_in_order(authored):
    pages = list(authored.values())[:3]
    assert [p.title for p in newsieve.classify_many(pages)] == [newsieve.classify(p).title for p in pages]


def test_a_text_dump_is_labelled_line_by_line(page):
    dump = "\n".join(f"  {block.text} " for block in page.blocks) + "\n\n"
    lines = newsieve.classify_text(dump)
    assert [line.text for line in lines.blocks] == [block.text for block in page.blocks]
    assert all(line.path is None and line.element is None and line.picture is None for line in lines.blocks)
    agree = np.mean([a.label == b.label for a, b in zip(lines.blocks, page.blocks, strict=True)])
    assert agree > 0.75
    assert "The picket fires on Marginal Road" in lines.body
    assert newsieve.classify_text(" \n ").blocks == ()


@pytest.fixture
def folder(tmp_path):
    return shutil.copytree(SHIPPED, tmp_path / "model")


def test_a_model_is_loaded_from_its_folder(folder, story, page):
    again = newsieve.Classifier.load(folder).classify(story)
    assert [b.probabilities for b in again.blocks] == [b.probabilities for b in page.blocks]


@pytest.mark.parametrize("name", ["model.json", "model.txt", "lines.txt", "words.npy", "text.npy", "path.npy"])
@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "other"])
def test_a_damaged_model_is_refused_by_its_folders_name(folder, name, damage):
    path = folder / name
    data = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes({"empty": b"", "cut": data[: len(data) // 3], "other": b"\x80\x04N."}[damage])
    with pytest.raises(newsieve.ModelError, match="model"):
        newsieve.Classifier.load(folder)


def test_a_model_made_for_other_features_is_refused(folder):
    about = json.loads((folder / "model.json").read_text())
    about["features"][0] = "text.smell"
    (folder / "model.json").write_text(json.dumps(about))
    with pytest.raises(newsieve.ModelError, match=r"other features, such as 'text\.smell'"):
        newsieve.Classifier.load(folder)


def test_a_model_of_another_format_is_refused(folder):
    about = json.loads((folder / "model.json").read_text()) | {"format": 99}
    (folder / "model.json").write_text(json.dumps(about))
    with pytest.raises(newsieve.ModelError, match="format 99"):
        newsieve.Classifier.load(folder)


def test_a_pickle_in_a_model_runs_no_code(folder, tmp_path):
    trap = tmp_path / "sprung"
    np.save(folder / "text.npy", np.array([Trap(trap)], dtype=object), allow_pickle=True)
    with pytest.raises(newsieve.ModelError):
        newsieve.Classifier.load(folder)
    assert not trap.exists()


class Trap:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))
