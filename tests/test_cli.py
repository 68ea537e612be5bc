"""The command: what it prints, where it writes, how it fails; explanations; the page to look at."""

from __future__ import annotations

import io
import json
import math
import re
import shutil
import subprocess
import sys

import pytest

from newsieve import Classifier, Label, ModelError, classify
from newsieve.classifier import SHIPPED
from newsieve.cli import PIPE_CLOSED, UNREADABLE, USAGE, main
from newsieve.explain import _PHRASES, Explainer, _Tree, words_of
from newsieve.features import FEATURES
from newsieve.page import Block, Page
from newsieve.tint import tinted

from .conftest import PAGES

PORT = str(PAGES / "lantern-port.html")
COAST = str(PAGES / "chronicle-coast.html")
COMMAND = [sys.executable, "-c", "import sys; from newsieve.cli import main; sys.exit(main())"]


@pytest.fixture(scope="module")
def explainer():
    return Explainer.load()


def block(text, label=Label.CONTENT, probability=0.9):
    rest = (1 - probability) / 3
    return Block(text, label, probability, 0.0, [probability if other is label else rest for other in Label])


def run(capsys, *arguments):
    code = main(arguments)
    done = capsys.readouterr()
    return code, done.out, done.err


def stdin(monkeypatch, data):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_text_is_one_block_a_line_in_reading_order(capsys):
    code, out, _ = run(capsys, "classify", PORT)
    page = classify((PAGES / "lantern-port.html").read_bytes())
    assert code == 0
    assert out.splitlines() == [f"{b.label}\t{b.probability:.3f}\t{b.text}" for b in page.blocks]


def test_of_several_files_each_line_of_text_says_which(capsys):
    _, out, _ = run(capsys, "classify", PORT, COAST)
    assert {line.split("\t")[0] for line in out.splitlines()} == {PORT, COAST}


def test_control_characters_of_a_page_do_not_reach_the_terminal(capsys, monkeypatch):
    stdin(monkeypatch, "<p>a\x1b]0;owned\x07b\x9b2Jc</p>".encode())
    _, out, _ = run(capsys, "classify", "-")
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", out)
    assert "owned" in out


def test_keep_prints_the_labels_asked_for_and_no_others(capsys):
    _, out, _ = run(capsys, "classify", PORT, "--keep", "caption,promo")
    assert {line.split("\t")[0] for line in out.splitlines()} == {"caption", "promo"}


def test_json_of_one_file_is_the_page_and_of_several_a_list_with_their_names(capsys):
    _, one, _ = run(capsys, "classify", PORT, "--format", "json")
    _, two, _ = run(capsys, "classify", PORT, COAST, "--format", "json")
    page = classify((PAGES / "lantern-port.html").read_bytes()).to_dict()
    assert json.loads(one) == page
    assert json.loads(two)[0] == {"file": PORT, **page}
    assert [entry["file"] for entry in json.loads(two)] == [PORT, COAST]


def test_json_of_several_files_is_valid_when_none_can_be_read(capsys):
    code, out, _ = run(capsys, "classify", "/nowhere/a", "/nowhere/b", "--format", "json")
    assert code == UNREADABLE
    assert json.loads(out) == []


def test_jsonl_is_a_page_a_line_with_its_file(capsys):
    _, out, _ = run(capsys, "classify", PORT, COAST, "--format", "jsonl")
    assert [json.loads(line)["file"] for line in out.splitlines()] == [PORT, COAST]


def test_markdown_has_the_title_once_the_body_and_the_captions(capsys):
    _, out, _ = run(capsys, "classify", PORT, "--format", "markdown")
    page = classify((PAGES / "lantern-port.html").read_bytes())
    paragraphs = out.rstrip("\n").split("\n\n")
    assert paragraphs[0].startswith("# ")
    assert sum(line.startswith("# ") for line in paragraphs) == 1
    assert sum(line.startswith("> ") for line in paragraphs) == len(page.captions)
    assert len(paragraphs) == 1 + len(page.body.split("\n")) + len(page.captions)


def test_markdown_does_not_take_text_for_markup(capsys, monkeypatch):
    text = "1. the *star* of <b> &amp; [a](b) snake_case _x_"
    monkeypatch.setattr(Classifier, "classify", lambda *_, **__: Page((block(text), block("# no heading"))))
    stdin(monkeypatch, b"")
    _, out, _ = run(capsys, "classify", "-", "--format", "markdown")
    assert out == "1\\. the \\*star\\* of \\<b> \\&amp; \\[a\\](b) snake_case \\_x\\_\n\n\\# no heading\n"


def test_bytes_from_a_pipe_are_read_by_their_own_character_set():
    data = '<meta charset="windows-1251"><p>Новости дня</p>'.encode("cp1251")
    done = subprocess.run([*COMMAND, "classify", "-"], input=data, capture_output=True, check=True, env={"LC_ALL": "C"})
    assert "Новости дня" in done.stdout.decode("utf-8")


def test_a_reader_that_leaves_early_is_no_error():
    arguments = [*COMMAND, "classify", *[PORT] * 20]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == PIPE_CLOSED


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_done(capsys):
    code, out, err = run(capsys, "classify", "/nowhere/page.html", PORT, "--format", "jsonl")
    assert code == UNREADABLE
    assert "/nowhere/page.html" in err
    assert json.loads(out)["file"] == PORT


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["classify"],
        ["classify", PORT, "--keep", "advert"],
        ["classify", PORT, "--format", "xml"],
        ["explain", PORT],
    ],
)
def test_wrong_options_end_in_usage(arguments, capsys):
    with pytest.raises(SystemExit, match=str(USAGE)):
        main(arguments)
    assert "usage: newsieve" in capsys.readouterr().err


def test_notes_on_a_page_are_said_where_the_format_has_no_place_for_them(capsys, monkeypatch):
    stdin(monkeypatch, b"")
    code, out, err = run(capsys, "classify", "-")
    assert (code, out) == (0, "")
    assert "no text" in err


def test_a_folder_that_holds_no_model_is_refused_in_one_line(capsys, tmp_path):
    code, out, err = run(capsys, "classify", PORT, "--model", str(tmp_path))
    assert (code, out) == (USAGE, "")
    assert err.count("\n") == 1
    assert "no model here" in err


def test_text_mode_takes_each_line_for_a_block(capsys, monkeypatch):
    stdin(monkeypatch, b"First line\nSecond line\n")
    _, out, _ = run(capsys, "classify", "-", "--text")
    assert [line.split("\t")[2] for line in out.splitlines()] == ["First line", "Second line"]


def test_a_folder_gets_a_file_for_each_and_none_takes_the_place_of_another(capsys, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "index.html").write_text(f"<p>The page called {name}</p>")
    files = [str(tmp_path / name / "index.html") for name in ("a", "b")]
    code, out, _ = run(capsys, "classify", *files, "--format", "html", "-o", f"{tmp_path}/out/")
    assert (code, out) == (0, "")
    assert "page called a" in (tmp_path / "out" / "index.html").read_text()
    assert "page called b" in (tmp_path / "out" / "index-2.html").read_text()


def test_an_output_file_gets_what_would_be_printed(capsys, tmp_path):
    _, printed, _ = run(capsys, "classify", PORT, COAST)
    run(capsys, "classify", PORT, COAST, "-o", str(tmp_path / "blocks.tsv"))
    assert (tmp_path / "blocks.tsv").read_text(encoding="utf-8") == printed


@pytest.mark.parametrize("output", ["page.html", "."])
def test_no_output_overwrites_an_input(capsys, tmp_path, monkeypatch, output):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "page.html").write_text("<p>text")
    code, _, err = run(capsys, "classify", "page.html", "--format", "html", "-o", output)
    assert code == USAGE
    assert "overwrite" in err
    assert (tmp_path / "page.html").read_text() == "<p>text"


def test_html_of_several_files_needs_a_folder(capsys):
    code, out, err = run(capsys, "classify", PORT, COAST, "--format", "html")
    assert (code, out) == (USAGE, "")
    assert "-o FOLDER" in err


def test_an_output_that_cannot_be_written_is_named(capsys, tmp_path):
    (tmp_path / "file").write_text("")
    code, _, err = run(capsys, "classify", PORT, "-o", str(tmp_path / "file" / "below.tsv"))
    assert code == UNREADABLE
    assert "below.tsv" in err


def test_progress_is_shown_on_a_terminal_only(capsys, monkeypatch, tmp_path):
    arguments = ("classify", *[PORT] * 6, "-o", str(tmp_path / "out.tsv"))
    assert run(capsys, *arguments)[2] == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert "6/6" in run(capsys, *arguments)[2]


def test_importing_the_command_loads_no_model_code():
    code = "import sys, newsieve.cli; print({'numpy', 'selectolax', 'newsieve.classifier'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_labels_of_the_options_are_the_labels():
    from newsieve.cli import LABELS

    assert tuple(Label) == LABELS


HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>\"'</title></style>"


def test_the_page_to_look_at_holds_nothing_that_runs_or_is_fetched():
    from lxml import html

    page = Page((block(HOSTILE), block(HOSTILE, Label.PROMO)), (HOSTILE,))
    tree = html.document_fromstring(tinted(page, HOSTILE))
    assert {element.tag for element in tree.iter()} <= set(
        "html head meta title style body header p h1 div label input b main span small".split()
    )
    attributes = {name for element in tree.iter() for name in element.attrib}
    assert not [name for name in attributes if name.startswith("on") or name in {"src", "href"}]
    assert "url(" not in tree.findtext(".//style")
    assert "default-src 'none'" in tree.xpath("string(//meta[@http-equiv]/@content)")
    assert tree.xpath("//main/div/span/text()") == [HOSTILE, HOSTILE]


def test_the_page_to_look_at_shows_every_block_with_its_label_and_counts_them(authored):
    from lxml import html

    page = classify(authored["lantern-port"])
    tree = html.document_fromstring(tinted(page, "port"))
    boxes = tree.xpath("//main/*")
    assert [box.findtext("span") for box in boxes] == [b.text for b in page.blocks]
    assert [box.get("class").split()[0] for box in boxes] == [b.label for b in page.blocks]
    for label in Label:
        count = sum(b.label is label for b in page.blocks)
        assert tree.xpath(f"string(//label[@class='{label}']/b)") == str(count)


def test_reasons_and_start_sum_to_the_log_odds_of_the_probabilities(explainer, authored):
    page, rows = explainer.read(authored["chronicle-coast"])
    assert len(page.blocks) == len(rows)
    for one, row in zip(page.blocks, rows, strict=True):
        told = explainer.explain(one, row)
        assert told.log_odds == pytest.approx(math.log(one.probability / one.probabilities[told.rival]), abs=1e-6)


def test_a_page_read_to_explain_has_the_labels_that_it_has_otherwise(explainer, authored):
    assert explainer.read(authored["lantern-port"])[0] == classify(authored["lantern-port"])


def test_each_split_on_the_way_is_credited_with_the_change_of_the_score():
    tree = _Tree.parse(
        "num_leaves=3\nsplit_feature=4 2\nthreshold=0.5 10\nleft_child=1 -1\nright_child=-2 -3\n"
        "leaf_value=1 5 2\ninternal_value=3 1.5\n"
    )
    assert list(tree.walk([0, 0, 11, 0, 0.5])) == [(4, -1.5, False), (2, 0.5, True)]
    assert list(tree.walk([0, 0, 11, 0, 0.6])) == [(4, 2.0, True)]


def test_a_model_without_the_scores_of_inner_nodes_is_refused(tmp_path):
    shutil.copytree(SHIPPED, tmp_path / "model")
    path = tmp_path / "model" / "model.txt"
    path.write_text(re.sub(r"internal_value=.*\n", "", path.read_text()))
    with pytest.raises(ModelError, match="explanation"):
        Explainer.load(tmp_path / "model")


def test_explain_says_the_label_the_reasons_and_the_features_behind_them(capsys, explainer):
    page, rows = explainer.read((PAGES / "lantern-port.html").read_bytes())
    number = page.blocks.index(page.promos[0])
    told = explainer.explain(page.blocks[number], rows[number])
    code, out, _ = run(capsys, "explain", PORT, "--block", str(number), "--top", "5")
    assert code == 0
    assert out.startswith(f"block {number}: promo {page.promos[0].probability:.3f}, {told.rival} ")
    assert f"speaks for promo rather than {told.rival}" in out
    for reason in told.reasons[:5]:
        assert f"{reason.weight:+.2f}  {reason.words}" in out
        assert all(f"{feature} = " in out for feature in reason.values)
    assert len(re.findall(r"^  [+-]\d+\.\d\d  ", out, re.MULTILINE)) == 5 + len(["rest", "start", "all"])


def test_a_block_that_is_not_there_is_refused_with_their_number(capsys, monkeypatch):
    stdin(monkeypatch, b"<p>one<p>two")
    code, _, err = run(capsys, "explain", "-", "--block", "2")
    assert code == USAGE
    assert "2 blocks" in err


def test_a_file_that_cannot_be_read_cannot_be_explained(capsys):
    code, _, err = run(capsys, "explain", "/nowhere/page.html", "--block", "0")
    assert code == UNREADABLE
    assert "/nowhere/page.html" in err


def test_every_feature_has_words_and_no_phrase_is_left_over():
    used = {next((pattern for pattern in _PHRASES if re.fullmatch(pattern, name)), name) for name in FEATURES}
    assert used == set(_PHRASES)


def test_words_follow_the_value():
    assert words_of("box.link_share", 0.93, high=True) == "much of its text is links"
    assert words_of("box.link_share", 0.02, high=False) == "little or none of its text is links"
    assert words_of("box.tag", 7, high=True) == "its box is <h1>"


def test_a_feature_without_a_phrase_is_named():
    assert words_of("box.new_thing", 3, high=True) == "box: new thing is high"
    assert words_of("bare", 3, high=False) == "feature: bare is low"
