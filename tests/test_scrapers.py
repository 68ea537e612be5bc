"""docs/scrapers.md: its scripts and commands, taken from its code blocks, run against a server on this computer."""

from __future__ import annotations

import json
import os
import re
import runpy
import shlex
import subprocess
import sys
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from threading import Thread

import pytest
from bs4 import BeautifulSoup
from lxml import html

import newsieve
from tests.conftest import PAGES, TOP

DOCS = (TOP / "docs" / "scrapers.md").read_text(encoding="utf-8")
SCRIPTS = dict(re.findall(r"^```python\n# (\w+\.py)\n(.*?)^```$", DOCS, re.MULTILINE | re.DOTALL))
COMMANDS = {
    command.split(".py")[0].split()[-1] + ".py": command
    for command in re.findall(r"^```sh\n(.*?)\n```$", DOCS, re.MULTILINE | re.DOTALL)
    if ".py" in command
}
ADDRESS = "http://127.0.0.1:8000"  # where the documented commands look for the server

with_scrapy = pytest.mark.skipif(find_spec("scrapy") is None, reason="scrapy is not installed (extra `test`)")
with_parsel = pytest.mark.skipif(find_spec("parsel") is None, reason="parsel is not installed (extra `test`)")

COAST = "chronicle-coast.html"
STORY = {
    COAST: "If the living are offered £50,000, the dead are offered a new address at the county’s expense.",
    "lantern-port.html": "Even a yes vote will not empty the yard quickly. About 9,200 containers are stacked",
    "lantern-orchard.html": "Smoke taint has troubled winemakers for two decades.",
}
PROMO = {
    COAST: "Merino walking socks, three pairs",
    "lantern-port.html": "Sleep experts say most people keep a mattress three years too long",
    "lantern-orchard.html": "The workhorse pickup, redesigned for the people who actually work",
}
CAPTION = "Septimus Orde-Kiplagat at the new burial ground in Roos."
ITS_PICTURE = "bf1eb071bbed"
CYRILLIC = "windows-1251"
UKRAINIAN = "agency-uk-gauges.html"


def misdeclared():
    """A page that is not in the character set that it declares, but in the one that the server's header names."""
    text = (PAGES / UKRAINIAN).read_text(encoding="utf-8")
    return re.sub(r"<meta[^>]*charset[^>]*>", "<meta charset=windows-1252>", text).encode(CYRILLIC, "xmlcharrefreplace")


ODD = {
    "/scripts-fill-it.html": ("text/html", b"<!doctype html><body><div id=root></div><script>fill()</script>"),
    "/undeclared.html": ("text/html", "<p>Grüezi mitenand, heute öffnet die Brücke in Zürich</p>".encode("cp1252")),
    "/misdeclared.html": (f"text/html; charset={CYRILLIC}", misdeclared()),
}


class Handler(SimpleHTTPRequestHandler):
    """data/pages with its listing as the front page, and a few odd pages."""

    def do_GET(self):
        if self.path not in ODD:
            super().do_GET()
            return
        kind, data = ODD[self.path]
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address():
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=PAGES))
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def folder(tmp_path):
    for name, code in SCRIPTS.items():
        (tmp_path / name).write_text(code, encoding="utf-8")
    return tmp_path


@pytest.fixture
def run(folder, address):
    """Run the documented command of a script, or the script on other pages."""

    def run(name, *pages):
        words = [name, *(f"{address}/{page}" for page in pages)]
        program, *words = ["python", *words] if pages else shlex.split(COMMANDS[name].replace(ADDRESS, address))
        command = [sys.executable, *([] if program == "python" else ["-m", program]), *words]
        env = os.environ | {"PYTHONUTF8": "1", "no_proxy": "127.0.0.1", "NO_PROXY": "127.0.0.1"}
        done = subprocess.run(
            command, check=False, cwd=folder, env=env, capture_output=True, encoding="utf-8", timeout=120
        )
        assert done.returncode == 0, done.stderr
        return done

    return run


@pytest.fixture
def function(folder):
    """A function of a documented script."""
    return lambda script, name: runpy.run_path(str(folder / script))[name]


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def assert_is_the_story(item, page):
    assert STORY[page] in item["body"]
    assert PROMO[page] not in item["body"]
    assert item["title"] not in item["body"].splitlines()


def test_each_documented_script_has_a_command_and_each_command_a_script():
    assert len(SCRIPTS) == len(re.findall(r"^```python$", DOCS, re.MULTILINE))
    assert set(SCRIPTS) == set(COMMANDS)


# --- Scrapy


@with_scrapy
def test_a_spider_with_an_item_pipeline_gives_the_stories_of_a_front_page(run, folder):
    run("news_spider.py")
    items = {Path(item["url"]).name: item for item in lines((folder / "stories.jsonl").read_text(encoding="utf-8"))}
    assert set(items) == {path.name for path in PAGES.glob("lantern-*.html")}
    for item in items.values():
        assert set(item) == {"url", "title", "body", "captions", "notes"}
    assert items["lantern-port.html"]["title"].startswith("Halifax dockworkers pause strike after 11 days")
    assert any(text.startswith("Vessels wait for a berth") for text in items["lantern-port.html"]["captions"])
    assert_is_the_story(items["lantern-port.html"], "lantern-port.html")
    assert_is_the_story(items["lantern-orchard.html"], "lantern-orchard.html")


@with_scrapy
def test_the_item_pipeline_drops_a_page_without_text(function):
    from scrapy.exceptions import DropItem

    pipeline = function("news_spider.py", "SievePipeline")()
    with pytest.raises(DropItem, match=r"no story at .*: the page has no text"):
        pipeline.process_item({"url": "http://a.example/", "html": "<div id=root></div>"})


@with_scrapy
def test_a_spider_with_a_plain_call_gives_the_story(run, folder):
    run("plain_spider.py")
    (item,) = lines((folder / "story.jsonl").read_text(encoding="utf-8"))
    assert set(item) == {"url", "title", "body"}
    assert_is_the_story(item, COAST)


# --- one tree for one's own selectors and for newsieve

TREES = ["soup_story.py", pytest.param("parsel_story.py", marks=with_parsel)]


@pytest.mark.parametrize("script", TREES)
def test_a_tree_serves_both_own_selectors_and_newsieve(script, run):
    (item,) = lines(run(script).stdout)
    assert item["title"].startswith("The road to Ringbrough ends four metres sooner each year.")
    assert item["published"] == "2024-10-19T06:00:00+01:00"
    assert_is_the_story(item, COAST)


@pytest.mark.parametrize("script", TREES)
def test_the_character_set_of_the_header_wins_over_that_of_the_page(script, run):
    (item,) = lines(run(script, "misdeclared.html").stdout)
    (utf8,) = lines(run(script, UKRAINIAN).stdout)
    assert "водомірних постів" in item["title"]
    assert item == utf8


# --- promos out of one's own tree

DROPPERS = {
    "soup_promos.py": (lambda text: BeautifulSoup(text, "lxml"), lambda soup: soup.get_text()),
    "lxml_promos.py": (html.document_fromstring, lambda root: root.text_content()),
}


def squeezed(text):
    return "".join(text.split())


@pytest.mark.parametrize("script", DROPPERS)
def test_promos_go_from_the_tree_and_the_story_stays(script, run):
    text = BeautifulSoup(run(script).stdout, "lxml").get_text()
    assert STORY[COAST] in text
    assert CAPTION in text
    assert "Modern slavery statement" in text
    assert PROMO[COAST] not in text
    assert "Sign up to The Tideline" not in text


@pytest.mark.parametrize("script", DROPPERS)
def test_no_other_block_goes_with_the_promos(script, authored, function):
    parse, text_of = DROPPERS[script]
    drop_promos = function(script, "drop_promos")
    for name in ("rives-huitres-thau", "lantern-port", "liveblog-storm", "oldweb-radio"):
        tree = parse(authored[name])
        page = newsieve.classify(tree)
        before = len(text_of(tree))
        drop_promos(page)
        left = squeezed(text_of(tree))
        assert len(text_of(tree)) < before
        assert [b.text for b in page.blocks if b.label != "promo" and squeezed(b.text) not in left] == []


@pytest.mark.parametrize("script", DROPPERS)
def test_a_promo_box_around_a_story_stays(script, function):
    parse, text_of = DROPPERS[script]
    tree = parse("<main>Advert<p>Story</p><aside>Buy<b> now</b><p>and save</p></aside>after</main>")
    page = newsieve.classify(tree)
    assert [block.text for block in page.blocks] == ["Advert", "Story", "Buy now", "and save", "after"]
    labels = [newsieve.Label(label) for label in ("promo", "content", "promo", "promo", "content")]
    page = replace(page, blocks=tuple(replace(b, label=label) for b, label in zip(page.blocks, labels, strict=True)))
    function(script, "drop_promos")(page)
    assert text_of(tree) == "AdvertStoryafter"


# --- captions and pictures

PICTURES = [
    "pictures.py",
    "soup_pictures.py",
]


@pytest.mark.parametrize("script", PICTURES)
def test_a_caption_comes_with_its_picture(script, run):
    pairs = [line.split("\t") for line in run(script).stdout.splitlines()]
    (source,) = [source for source, caption in pairs if caption.startswith(CAPTION)]
    assert source.startswith("https://media.northgate-chronicle.example/")
    assert ITS_PICTURE in source


def test_a_caption_goes_with_its_figure_though_another_picture_is_nearer(function):
    page = "<img src=other><figure><figcaption>Caption</figcaption><img src=own></figure>"
    caption = BeautifulSoup(page, "lxml").figcaption
    assert function("soup_pictures.py", "picture")(caption)["src"] == "own"


def test_a_caption_without_a_figure_goes_with_the_picture_before_it(authored, function):
    soup = BeautifulSoup(authored["lantern-port"], "lxml")
    caption = soup.find("p", string=re.compile("^Vessels wait for a berth"))
    assert "962530041973" in function("soup_pictures.py", "picture")(caption)["src"]


# --- many pages, odd pages, thresholds


@pytest.mark.parametrize("script", ["many.py", "pool_story.py"])
def test_many_pages_give_their_stories_in_order(script, run):
    items = lines(run(script).stdout)
    assert [Path(item["url"]).name for item in items] == ["lantern-port.html", COAST]
    for item in items:
        assert_is_the_story(item, Path(item["url"]).name)


def test_a_sound_page_is_kept_and_logs_no_note(run):
    done = run("notes.py")
    assert done.stdout.split("\t")[1] == "keep\n"
    assert COAST not in done.stderr


def test_odd_pages_log_their_notes_and_an_empty_one_asks_for_a_browser(run):
    done = run("notes.py", "scripts-fill-it.html", "undeclared.html")
    assert done.stdout.splitlines()[0].endswith("scripts-fill-it.html\tfetch with a browser")
    assert not done.stdout.splitlines()[1].endswith("fetch with a browser")
    assert "scripts-fill-it.html: the page has no text" in done.stderr
    assert "undeclared.html: " in done.stderr


def test_a_high_threshold_gives_the_story_without_promos(run):
    text = run("thresholds.py").stdout
    assert STORY[COAST] in text
    assert PROMO[COAST] not in text


def test_a_lower_threshold_only_adds_blocks(authored, function):
    content = function("thresholds.py", "content")
    page = newsieve.classify(authored["chronicle-coast"])
    low, high = (content(page, least).splitlines() for least in (0.05, 0.9))
    assert set(high) < set(low)
    assert content(page, 0).splitlines() == [block.text for block in page.blocks]


def test_doubtful_blocks_are_those_below_the_mark(authored, function):
    doubtful = function("thresholds.py", "doubtful")
    page = newsieve.classify(authored["chronicle-coast"])
    assert doubtful(page, below=0) == []
    assert doubtful(page, below=1.1) == list(page.blocks)
    assert not {STORY[COAST], PROMO[COAST]} & {block.text for block in doubtful(page)}
