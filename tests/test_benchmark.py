from __future__ import annotations

import gzip
import json
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsieve.classifier import Classifier
from newsieve.evidence import Evidence, Linear
from newsieve.features import FEATURES
from newsieve.labels import KINDS, LABELS
from newsieve.pipeline import benchmark
from newsieve.pipeline.alignment import Mark
from newsieve.pipeline.benchmark import main
from newsieve.pipeline.benchmark_dumps import dumps
from newsieve.pipeline.benchmark_metrics import (
    BENCHMARKS,
    Case,
    cases_of,
    interval,
    ratios_of_counts,
    ratios_of_means,
    rouge_lsum,
    shingle_counts,
    snippet_counts,
    word_scores,
)
from newsieve.pipeline.benchmark_peers import PARSERS, PEERS, STAGES, Peer, load_peers, stage_seconds, staged
from newsieve.pipeline.benchmark_runs import REPEATS, Run, markdown, quality, speed, speed_table, spread
from newsieve.pipeline.corpora import PageFile, text_of
from newsieve.pipeline.errors import PipelineError
from newsieve.pipeline.gold import GoldPage
from newsieve.signatures import PATH_BUCKETS
from newsieve.trees import Trees

SENTENCE = "The harbour was closed on Monday after the storm had torn two ferries from their moorings in the night."
PARAGRAPHS = [
    f"{SENTENCE} Nobody was hurt, but the people of the islands have been without post and fresh bread for {days} days."
    for days in range(2, 10)
]
PAGE = f"""<!doctype html><html lang="en"><head><title>Harbour closed</title></head><body>
<nav><ul><li><a href="/">Home</a></li><li><a href="/sport">Sport</a></li></ul></nav>
<article><h1>Harbour closed</h1>{"".join(f"<p>{paragraph}</p>" for paragraph in PARAGRAPHS)}</article>
<footer><p><a href="/imprint">Imprint</a></p></footer></body></html>"""


# Long blocks are content, the others nav, as LightGBM writes it.
MODEL = """tree
num_class=4

Tree=0
split_feature=0
decision_type=2
threshold=60
left_child=-1
right_child=-2
leaf_value=0 5

Tree=1
leaf_value=0

Tree=2
leaf_value=0

Tree=3
leaf_value=1

end of trees
"""


@pytest.fixture(scope="module")
def classifier():
    kinds = len(KINDS)
    text, path = (
        Linear.of(np.zeros((count, kinds), np.float32), np.zeros(kinds, np.float32)) for count in (0, 3 * PATH_BUCKETS)
    )
    evidence = Evidence(np.zeros(0, np.int64), text, path)
    trees = Trees.parse(MODEL)
    return Classifier(evidence, trees, trees, np.array([FEATURES.index("text.chars")]), {})


def test_words_count_as_often_as_both_texts_hold_them():
    assert word_scores("The cat sat", "the cat ran far") == pytest.approx((2 / 3, 1 / 2, 4 / 7))
    assert word_scores("a a a b", "a b b") == pytest.approx((2 / 4, 2 / 3, 4 / 7))


def test_an_empty_reference_asks_for_an_empty_text():
    assert word_scores("", "") == (1, 1, 1)
    assert word_scores("a", "") == (0, 0, 0)
    assert word_scores("", "a") == (0, 0, 0)


def test_shingles_are_four_words_in_order_and_sum_to_one_page():
    assert shingle_counts("a b c d x", "a b c d e") == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    assert shingle_counts("d c b a", "a b c d") == pytest.approx((0, 1 / 2, 1 / 2))
    assert shingle_counts("a b c d a b c d", "a b c d") == pytest.approx((1 / 5, 4 / 5, 0))


def test_a_text_of_fewer_than_four_words_is_one_shingle():
    assert shingle_counts("a, b", "a b") == (1, 0, 0)
    assert shingle_counts("a", "a b") == (0, 1 / 2, 1 / 2)
    assert shingle_counts("", "a b") == (0, 0, 1)
    assert shingle_counts("", "") == (0, 0, 0)


def test_long_and_short_pages_weigh_the_same_in_shingle_counts():
    text = " ".join(map(str, range(1000)))
    counts = np.array([shingle_counts(text, text), shingle_counts("a", "b")])
    assert ratios_of_counts(counts.mean(axis=0)) == pytest.approx([2 / 3, 2 / 3, 2 / 3])


def test_rouge_lsum_joins_the_subsequences_of_all_lines_as_in_lin_2004():
    precision, recall, _ = rouge_lsum("w1 w2 w6 w7 w8\nw1 w3 w8 w9 w5", "w1 w2 w3 w4 w5")
    assert (precision, recall) == pytest.approx((4 / 10, 4 / 5))


def test_rouge_lsum_counts_no_word_more_often_than_both_texts_hold_it():
    assert rouge_lsum("a", "a\na") == pytest.approx((1, 1 / 2, 2 / 3))


def test_rouge_lsum_keeps_to_the_order_within_a_line_and_to_any_script():
    assert rouge_lsum("мир Труд", "труд мир") == pytest.approx((1 / 2, 1 / 2, 1 / 2))
    assert rouge_lsum("", "a") == (0, 0, 0)
    assert rouge_lsum("a", "") == (0, 0, 0)


@given(st.text("abc", min_size=1), st.text("abc", min_size=1))
def test_rouge_lsum_of_two_lines_is_their_longest_common_subsequence(text, reference):
    rows = [[0] * (len(reference) + 1)]
    for letter in text:
        row = [0]
        for at, other in enumerate(reference):
            row.append(rows[-1][at] + 1 if letter == other else max(rows[-1][at + 1], row[-1]))
        rows.append(row)
    _, recall, _ = rouge_lsum(" ".join(text), " ".join(reference))
    assert recall == pytest.approx(rows[-1][-1] / len(reference))


def test_snippets_are_found_whatever_the_white_space():
    counts = snippet_counts("One  two\nthree four", ["two three", "five"], ["four", "six", "Two"])
    assert counts == (1, 1, 1, 2)


def test_counts_with_true_negatives_give_accuracy_and_empty_ones_no_error():
    assert ratios_of_counts(np.array([3.0, 1, 2, 4])) == pytest.approx([3 / 4, 3 / 5, 2 / 3, 7 / 10])
    assert ratios_of_counts(np.zeros(3)).tolist() == [0, 0, 0]


def test_the_interval_has_the_width_of_the_means_standard_error():
    values = np.repeat([[0.0, 0, 0], [1, 1, 1]], 200, axis=0)
    low, high = interval(values, ratios_of_means)
    assert (low, high) == pytest.approx((0.5 - 1.96 * 0.025, 0.5 + 1.96 * 0.025), abs=0.01)
    assert interval(np.full((7, 3), 0.25), ratios_of_means) == pytest.approx((0.25, 0.25))


def _write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content if isinstance(content, str) else json.dumps(content)
    path.write_bytes(gzip.compress(data.encode()) if path.suffix == ".gz" else data.encode())


def _read(name, folder):
    cases = cases_of(name, folder)
    assert all(case.page.read().decode().startswith("<p>") for case in cases)
    return cases


def test_wcxb_is_read_by_split_with_page_types_and_without_pages_that_have_no_main_content(tmp_path):
    for split, name, suffix, text in (("dev", "1", "", "main"), ("dev", "2", ".gz", None), ("test", "3", ".gz", "")):
        truth = {"_internal": {"page_type": {"primary": "forum"}}, "ground_truth": {"main_content": text}}
        _write(tmp_path / split / "ground-truth" / f"{name}.json", truth)
        _write(tmp_path / split / "html" / f"{name}.html{suffix}", "<p>page")
    [dev] = _read("wcxb", tmp_path)
    [test] = _read("wcxb", tmp_path / "test")
    assert (dev.page.key, dev.page.type, dev.page.main) == ("dev/html/1.html", "forum", "main")
    assert (test.page.key, test.page.main) == ("html/3.html.gz", "")


def test_scrapinghubs_layout_is_read(tmp_path):
    _write(tmp_path / "ground-truth.json", {"ab12": {"articleBody": "body", "url": "https://news.invalid/1"}})
    _write(tmp_path / "html" / "ab12.html.gz", "<p>page")
    [case] = _read("scrapinghub", tmp_path)
    assert (case.page.key, case.page.main) == ("html/ab12.html.gz", "body")


def test_fundus_is_read_without_pages_that_have_no_body(tmp_path):
    body = {"summary": ["sum"], "sections": [{"headline": ["head"], "paragraphs": ["one", "two"]}]}
    _write(tmp_path / "Post.json", {"V1": {"body": body}})
    _write(tmp_path / "Post_2024_01_01.html.gz", "<p>page")
    _write(tmp_path / "Mail_2024_01_01.html.gz", "<p>page")
    [case] = _read("fundus", tmp_path)
    assert case.page.main == "sum\nhead\none\ntwo"


def test_trafilaturas_pages_lie_in_two_folders_and_those_not_handed_out_are_left_out(tmp_path):
    truths = {name: {"file": f"{name}.html", "with": [name], "without": ["x"]} for name in "abc"}
    _write(tmp_path / "tests" / "evaldata.json", truths)
    _write(tmp_path / "tests" / "cache" / "a.html", "<p>page")
    _write(tmp_path / "tests" / "eval" / "b.html", "<p>page")
    first, second = _read("trafilatura", tmp_path)
    assert (first.page.key, first.wanted, first.unwanted) == ("tests/cache/a.html", ("a",), ("x",))
    assert second.page.key == "tests/eval/b.html"


def test_readabilitys_reference_is_the_text_of_the_expected_html_without_markup(tmp_path):
    _write(tmp_path / "test" / "one" / "source.html", "<p>page")
    _write(tmp_path / "test" / "one" / "expected.html", "<div><p>One <b>bold</b> word.</p><p>Two.</p></div>")
    [case] = _read("readability", tmp_path)
    assert case.page.main == "One bold word.\nTwo."


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_folder_of_another_layout_is_an_error_that_names_it(name, tmp_path):
    with pytest.raises(PipelineError, match=str(tmp_path)):
        cases_of(name, tmp_path)


def test_the_text_of_html_without_text_is_empty():
    assert text_of("<p></p>") == text_of("") == ""


@pytest.mark.parametrize("name", PEERS)
def test_an_installed_peer_gives_the_article_as_text(name):
    try:
        extract = PEERS[name].load()
    except ImportError as error:
        pytest.skip(str(error))
    text = extract(PAGE)
    assert PARAGRAPHS[4] in " ".join(text.split())
    assert "<p>" not in text


@pytest.mark.parametrize("name", PARSERS)
def test_an_installed_parser_takes_pages_that_name_a_character_set(name):
    try:
        parse = PARSERS[name].load()
    except ImportError as error:
        pytest.skip(str(error))
    assert parse(f'<?xml version="1.0" encoding="iso-8859-1"?>{PAGE}') is not None


def test_a_peer_that_is_not_installed_is_left_out_with_a_note(capsys):
    peers = {"ghost": Peer("ghost", lambda: import_module("newsieve_has_no_such_peer")), "here": Peer("h", lambda: str)}
    assert load_peers(peers) == {"here": str}
    assert "ghost is left out: No module named 'newsieve_has_no_such_peer'" in capsys.readouterr().err


def test_stages_together_do_what_the_classifier_does(classifier):
    stages, names, probabilities = staged(classifier, PAGE), [], None
    try:
        while True:
            names.append(next(stages))
    except StopIteration as end:
        probabilities = end.value
    expected = [list(block.probabilities.values()) for block in classifier.classify(PAGE).blocks]
    assert tuple(names) == STAGES
    assert probabilities.tolist() == expected


def test_a_page_without_blocks_has_times_of_the_stages_it_reaches(classifier):
    spent = stage_seconds(classifier, "<title>nothing else</title>")
    assert tuple(spent) == STAGES
    assert spent["parse and walk"] > 0
    assert spent["layout"] == spent["trees"] == 0


@pytest.fixture
def cases(tmp_path):
    for name in ("a", "b"):
        _write(tmp_path / f"{name}.html", PAGE)
    body = " ".join(PARAGRAPHS)
    return [Case(PageFile(f"{name}.html", tmp_path / f"{name}.html", type=name, main=body)) for name in ("a", "b")]


def _broken(html):
    if "Harbour" in html:
        raise ValueError(html[:3])
    return html


def test_newsieves_text_is_the_body_without_title_and_menus(classifier, cases):
    runs = quality("wcxb", cases, classifier, {})
    assert runs["newsieve"].scores == [(1, 1, 1)] * 2


def test_a_peer_that_fails_gave_an_empty_text_and_is_counted(classifier, cases):
    runs = quality("wcxb", cases, classifier, {"broken": _broken, "silent": lambda _: None})
    assert runs["broken"].scores == runs["silent"].scores == [(0, 0, 0)] * 2
    assert runs["broken"].failures == ["a.html: ValueError('<!d')", "b.html: ValueError('<!d')"]
    assert runs["silent"].failures == []
    assert len(runs["broken"].seconds) == 2


def test_the_classifier_can_be_chosen_by_page(classifier, cases):
    asked = []
    quality("wcxb", cases, None, {}, classifier_for=lambda key: asked.append(key) or classifier)
    assert asked == ["a.html", "b.html"]


def test_speed_times_the_whole_each_stage_and_the_peers_on_every_page(classifier, cases):
    calls = []
    runs = speed([case.page for case in cases], classifier, {"broken": _broken, "peer": calls.append})
    assert list(runs) == ["newsieve", *(f"newsieve: {stage}" for stage in STAGES), "broken", "peer"]
    assert all(len(run.seconds) == 2 and min(run.seconds) >= 0 for run in runs.values())
    assert len(calls) == 2 * (1 + REPEATS)
    assert len(runs["broken"].failures) == 2


def _cells(table):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]


def test_the_speed_table_holds_milliseconds_and_the_ratio_of_medians():
    table = speed_table({"newsieve": Run([], [0.001, 0.002, 0.009]), "trafilatura": Run([], [0.02] * 3, ["a: b"])})
    assert _cells(table)[2:] == [
        ["newsieve", "2.00", "4.00", "0.100", "0"],
        ["trafilatura", "20.00", "20.00", "1.000", "1"],
    ]
    assert _cells(speed_table({"newsieve": Run([], [0.001])}))[2] == ["newsieve", "1.00", "1.00", "", "0"]


def test_the_quality_table_pools_counts_before_it_divides():
    runs = {"peer": Run([(2.0, 0.0, 0.0, 2.0), (0.0, 2.0, 2.0, 2.0)], [0.001, 0.003], [])}
    head, _, row = _cells(benchmark.quality_table("trafilatura", runs))
    assert head == ["system", "F1 (95 % interval)", "precision", "recall", "accuracy", "CPU ms, median", "failures"]
    assert [row[0], *row[2:]] == ["peer", "0.500", "0.500", "0.600", "2.00", "0"]
    assert row[1] == "0.500 (0.000 to 1.000)"


def test_the_type_table_has_the_mean_of_each_type(cases):
    runs = {"peer": Run([(1.0, 1.0, 1.0), (0.0, 0.0, 0.5)], [0, 0])}
    assert _cells(benchmark.type_table("wcxb", cases, runs))[2:] == [["a", "1", "1.000"], ["b", "1", "0.500"]]


def test_columns_of_a_table_line_up():
    assert markdown(["name", "n"], [["a", "12"], ["bcdef", "3"]]).splitlines() == [
        "| name  |  n |", "| ----- | -: |", "| a     | 12 |", "| bcdef |  3 |",
    ]  # fmt: skip


def test_a_limit_takes_evenly_spaced_items():
    assert spread(range(10), 4) == [0, 2, 5, 7]
    assert spread(range(3), None) == spread(range(3), 9) == [0, 1, 2]


def test_the_command_prints_tables_on_stdout_and_progress_on_stderr(classifier, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(Classifier, "load", lambda _: classifier)
    _write(tmp_path / "ground-truth.json", {"a": {"articleBody": SENTENCE}, "b": {"articleBody": SENTENCE}})
    for name in "ab":
        _write(tmp_path / "html" / f"{name}.html.gz", f"<p>{SENTENCE}</p><p>Menu</p>")
    assert main(["quality", "scrapinghub", str(tmp_path), "--limit", "1", "--peers", ""]) == 0
    out, err = capsys.readouterr()
    assert _cells(out)[2][:4] == ["newsieve", "1.000 (1.000 to 1.000)", "1.000", "1.000"]
    assert out.splitlines()[-1].startswith("1 pages")
    assert "1/1" in err


def test_the_table_says_when_the_model_learned_from_the_benchmark(classifier, tmp_path, monkeypatch, capsys):
    learned = replace(classifier, about={"trained_on": {"pages": {"readability": 7}}})
    monkeypatch.setattr(Classifier, "load", lambda _: learned)
    _write(tmp_path / "source.html", PAGE)
    _write(tmp_path / "expected.html", f"<p>{SENTENCE}</p>")
    assert main(["quality", "readability", str(tmp_path), "--peers", ""]) == 0
    assert "newsieve's model learned from 7 pages of readability" in capsys.readouterr().out


def test_what_cannot_be_done_ends_with_one_line_and_exit_code_one(classifier, tmp_path, monkeypatch, capsys):
    assert main(["speed", str(tmp_path), "--model", str(tmp_path)]) == 1
    assert "model.json is missing" in capsys.readouterr().err
    monkeypatch.setattr(Classifier, "load", lambda _: classifier)
    assert main(["speed", str(tmp_path / "none")]) == 1
    assert capsys.readouterr().err == f"benchmark: no such folder: {tmp_path / 'none'}\n"
    assert main(["quality", "wcxb", str(tmp_path / "none")]) == 1
    assert capsys.readouterr().err == f"benchmark: no such folder: {tmp_path / 'none'}\n"


@pytest.mark.parametrize(
    "words",
    [[], ["quality", "other", "."], ["speed", ".", "--limit", "0"], ["quality", "wcxb", ".", "--peers", "ghost"]],
)
def test_wrong_usage_ends_with_exit_code_two(words):
    with pytest.raises(SystemExit, match="2"):
        main(words)


def test_pages_of_sites_that_the_gold_knows_can_be_left_out(classifier, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(Classifier, "load", lambda _: classifier)
    truth = {name: {"articleBody": SENTENCE} for name in "ab"}
    _write(tmp_path / "ground-truth.json", truth)
    for name, site in (("a", "known"), ("b", "new")):
        link = f"<link rel=canonical href=https://www.{site}.example/story>"
        _write(tmp_path / "html" / f"{name}.html.gz", f"{link}<p>{SENTENCE}</p>")
    page = {"page": "p1", "file": "x", "url": None, "site": "known.example", "type": None, "sha256": "", "blocks": ""}
    _write(tmp_path / "gold" / "own.jsonl", page)
    arguments = ["quality", "scrapinghub", str(tmp_path), "--peers", "", "--unseen", str(tmp_path / "gold")]
    assert main(arguments) == 0
    assert "no page of a site that newsieve's model learned from" in (out := capsys.readouterr().out)
    assert "\n1 pages; " in out


def test_a_page_is_judged_by_the_fold_that_has_not_seen_its_site(small_run, tmp_path, capsys, monkeypatch):
    sites = json.loads((small_run / "folds" / "sites.json").read_text())
    site, fold = next(iter(sites.items()))
    page = f'<link rel="canonical" href="https://www.{site}/1"><p>The story is told here.'
    for name in ("seen", "other"):
        _write(tmp_path / name / "source.html", page if name == "seen" else "<p>Another story is told here.")
        _write(tmp_path / name / "expected.html", "<p>The story is told here.")
    called = []
    classify = Classifier.classify
    monkeypatch.setattr(
        Classifier, "classify", lambda self, html: called.append((self, "canonical" in html)) or classify(self, html)
    )
    folds = str(small_run / "folds")
    model = str(small_run / "model")
    assert main(["quality", "readability", str(tmp_path), "--peers", "", "--folds", folds, "--model", model]) == 0
    assert "have not seen the page's site" in capsys.readouterr().out
    judge = next(classifier for classifier, seen in called if seen)
    about = json.loads((small_run / "folds" / str(fold) / "model.json").read_text())
    assert judge.about == about
    assert about["trained_on"]["sites"] == sum(other != fold for other in sites.values())


def test_folds_that_are_not_there_are_named_with_what_makes_them(small_run, tmp_path, capsys):
    _write(tmp_path / "a" / "source.html", "<p>page")
    _write(tmp_path / "a" / "expected.html", "<p>page")
    words = ["quality", "readability", str(tmp_path), "--peers", "", "--folds", str(tmp_path)]
    assert main([*words, "--model", str(small_run / "model")]) == 1
    assert "dvc repro" in capsys.readouterr().err


def test_lines_of_a_dump_are_judged_by_the_gold_of_their_text_and_added_lines_are_not(small_run, tmp_path):
    _write(tmp_path / "a.html", '<link rel="canonical" href="https://www.a.example/1"><p>page')
    texts = (("T", "The headline"), ("B", "A paragraph of the story."), ("W", "Subscribe now"), ("F", "Legal notice"))
    marks = tuple(Mark.of(kind, text) for kind, text in texts)
    gold = GoldPage("p1", "a.html", None, "a.example", None, "", marks)
    dump = "The headline\nAdded by the program\nA paragraph of\nthe story.\n\nSubscribe now\nLegal notice\n"
    asked = []

    def judge(site):
        asked.append(site)
        return Classifier.load(small_run / "model")

    judged = dumps([(PageFile("a.html", tmp_path / "a.html"), gold)], {"other": lambda _: dump}, judge)["other"]
    names = [LABELS[label].value for label, _, _ in judged]
    assert names == ["content", "content", "content", "promo", "nav"]
    assert [words for _, _, words in judged] == [2, 3, 2, 2, 2]
    assert asked == ["a.example"]


def test_dumps_without_a_corpus_name_what_fetches_one(small_run, tmp_path, capsys):
    (tmp_path / "gold").mkdir()
    words = ["dumps", str(tmp_path), str(tmp_path / "gold"), str(small_run / "folds")]
    assert main(words) == 1
    assert "newsieve.pipeline.fetch" in capsys.readouterr().err
