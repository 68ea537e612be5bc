"""The stages: what they make, that they make it twice the same, and what they say of bad input."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
import yaml

import newsieve
from newsieve.evidence import Evidence, Linear
from newsieve.features.tokens import Tokens
from newsieve.labels import KINDS
from newsieve.pipeline.__main__ import main
from newsieve.pipeline.errors import PipelineError
from newsieve.pipeline.folds import Lesson, folds_of, hold_out
from newsieve.pipeline.gold import read_gold, read_lines
from newsieve.pipeline.label import beside_snippets, inside, label
from newsieve.pipeline.learners import Trees
from newsieve.pipeline.linear import Words
from newsieve.pipeline.params import read_params
from newsieve.pipeline.rules import kinds_by_markup
from newsieve.pipeline.segment import segment
from newsieve.pipeline.ship import ship
from newsieve.pipeline.silver import Silver, counted_as, extended
from newsieve.pipeline.tables import Table, read_tables
from newsieve.signatures import PATH_BUCKETS
from tests.conftest import EXTERNAL, TOP, learn, tabulate

GOLD = TOP / "data" / "gold"
CORPORA = ("fundus", "postlight", "readability", "trafilatura", "wcxb")


def test_no_site_is_in_two_folds():
    table = read_tables(sorted((TOP / "data" / "tables").glob("*.parquet")))
    sites = table.about["site"].to_numpy()
    dealt = (table.about["source"] == "gold").to_numpy()
    folds = pd.Series(folds_of(sites, dealt, 5, 1)).groupby(table.about["site"]).nunique()
    assert len(folds) > 400
    assert folds.max() == 1


def test_the_tables_hold_numbers_and_the_names_of_pages_only():
    import pyarrow.parquet as pq

    for path in (TOP / "data" / "tables").glob("*.parquet"):
        schema = pq.read_schema(path)
        strings = {field.name for field in schema if str(field.type) in {"string", "large_string"}}
        assert strings == {"page", "site", "corpus", "type", "script", "kind", "source"}
    total = sum(path.stat().st_size for path in (TOP / "data" / "tables").glob("*.parquet"))
    assert total < 40_000_000


def test_the_shipped_model_gives_on_a_page_what_training_computed_from_its_table(small_run):
    about = json.loads((small_run / "model" / "model.json").read_text())
    assert about["trained_on"]["pages"] == {"authored": 2, "public": 4}
    classifier = newsieve.Classifier.load(small_run / "model")
    table = read_tables([small_run / "public" / "public.parquet"])
    from newsieve.blocks import segment as cut
    from newsieve.dom import read
    from newsieve.features import featurize
    from newsieve.layout import Layout

    pages = sorted((small_run / "public" / "pages").glob("*.html"))
    for number, page in enumerate(pages):
        tree, _ = read(page.read_bytes())
        rows = featurize(Layout(tree, cut(tree)))
        span = slice(table.starts[number], table.starts[number + 1])
        assert np.array_equal(rows.values, table.values[span])
        assert np.array_equal(rows.places.first, table.places[number].first)
        assert np.array_equal(rows.places.heading, table.places[number].heading)
        labels = [block.label for block in classifier.classify(page.read_bytes()).blocks]
        assert len(labels) == len(rows.values)


def test_two_runs_give_the_same_bytes(small_run, small_params, tmp_path):
    learn(small_run, tmp_path, small_params)
    for folder in ("model", "folds", "evaluation"):
        for first in (path for path in (small_run / folder).rglob("*") if path.is_file()):
            assert first.read_bytes() == (tmp_path / first.relative_to(small_run)).read_bytes(), first.name
    assert pd.read_parquet(small_run / "judged.parquet").equals(pd.read_parquet(tmp_path / "judged.parquet"))


def test_a_table_made_twice_has_the_same_bytes(small_run, small_params, tmp_path):
    tabulate(tmp_path, "public", small_params)
    first, second = (top / "public" / "public.parquet" for top in (small_run, tmp_path))
    assert first.read_bytes() == second.read_bytes()


def test_the_evaluation_has_its_figures_plots_and_errors(small_run):
    metrics = json.loads((small_run / "evaluation" / "metrics.json").read_text())
    assert {"macro_f1", "log_loss", "calibration_error", "content", "corpus", "script", "without"} <= set(metrics)
    assert set(metrics["without"]) >= {"nothing", "text", "context"}
    for name in ("confusion.csv", "calibration.csv", "importance.csv", "curves.csv"):
        assert len(pd.read_csv(small_run / "evaluation" / name)) >= 3
    page = (small_run / "evaluation" / "errors.html").read_text()
    assert "<script" not in page
    assert "<td class=" in page


def test_a_model_too_large_or_broken_is_not_shipped(small_run, tmp_path, monkeypatch):
    ship(small_run / "model", small_run / "evaluation", tmp_path / "shipped")
    assert json.loads((tmp_path / "shipped" / "model.json").read_text())["figures"]["macro_f1"] > 0
    broken = shutil.copytree(small_run / "model", tmp_path / "broken")
    (broken / "model.txt").write_text("num_class=4\n")
    with pytest.raises(PipelineError, match="not fit to ship"):
        ship(broken, small_run / "evaluation", tmp_path / "other")
    monkeypatch.setattr("newsieve.pipeline.ship.LARGEST", 1000)
    with pytest.raises(PipelineError, match="more than 1,000"):
        ship(small_run / "model", small_run / "evaluation", tmp_path / "large")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("large")] == []


def test_trees_as_they_are_saved_are_smaller_and_to_lightgbm_the_same():
    rng = np.random.default_rng(5)
    rows, labels = rng.normal(size=(600, 5)), rng.integers(0, 4, size=600)
    booster = lgb.train({"objective": "multiclass", "num_class": 4, "verbose": -1}, lgb.Dataset(rows, labels), 10)
    text = Trees(booster).text()
    assert len(text) < 0.7 * len(booster.model_to_string())
    assert np.array_equal(lgb.Booster(model_str=text).predict(rows), booster.predict(rows))
    assert sum(Trees(booster).gains()) == pytest.approx(1, abs=1e-4)


def test_a_full_disk_leaves_the_model_that_was_shipped_whole(small_run, tmp_path, monkeypatch):
    shipped = tmp_path / "shipped"
    ship(small_run / "model", small_run / "evaluation", shipped)
    before = {path.name: path.read_bytes() for path in shipped.iterdir()}
    copies = []

    def copy(_, target):
        if copies:
            raise OSError(28, "No space left on device")
        copies.append(target)

    monkeypatch.setattr(shutil, "copyfile", copy)
    with pytest.raises(OSError, match="No space left"):
        ship(small_run / "model", small_run / "evaluation", shipped)
    assert {path.name: path.read_bytes() for path in shipped.iterdir()} == before


def test_a_baseline_leaves_the_model_that_was_shipped(small_run, tmp_path, caplog):
    shipped = tmp_path / "shipped"
    ship(small_run / "model", small_run / "evaluation", shipped)
    before = (shipped / "model.txt").read_bytes()
    baseline = shutil.copytree(small_run / "model", tmp_path / "baseline")
    about = json.loads((baseline / "model.json").read_text()) | {"learner": "majority"}
    (baseline / "model.json").write_text(json.dumps(about))
    (baseline / "model.txt").unlink()
    ship(baseline, small_run / "evaluation", shipped)
    assert (shipped / "model.txt").read_bytes() == before
    assert "majority" in caplog.text


def test_a_site_that_comes_changes_no_other_sites_fold():
    sites = np.array([f"{k % 40}.example" for k in range(400)], dtype=object)
    dealt = np.ones(len(sites), dtype=bool)
    more = np.concatenate([["aa.example", "zz.example"], sites]).astype(object)
    folds = folds_of(more, np.concatenate([[False, False], dealt]), 5, 1)
    assert (folds[2:] == folds_of(sites, dealt, 5, 1)).all()
    assert ((folds >= 0) & (folds < 5)).all()


def test_evidence_of_a_fold_is_fitted_without_its_rows_and_its_training_odds_without_theirs():
    folds = np.array([0, 1, 2, 0, 1, 2])
    tokens = Tokens(np.arange(6), np.arange(6))
    words = Words.of(tokens, tokens, np.array([f"{k}.example" for k in range(6)], dtype=object))
    fits = []

    def fit(_, weights):
        fits.append(weights)
        zeros = np.zeros(len(KINDS), np.float32)
        text = Linear.of(np.zeros((0, len(KINDS)), np.float32), zeros + len(fits))
        return Evidence(
            np.zeros(0, np.int64), text, Linear.of(np.zeros((3 * PATH_BUCKETS, len(KINDS)), np.float32), zeros)
        )

    lesson = Lesson(np.zeros(6, np.int8), np.ones(6))
    held = hold_out(words, folds, [lesson] * 4, fit)
    assert len(fits) == 7, "three folds, three pairs, and all"
    for a in range(3):
        for b in range(3):
            (number,) = set(held.odds[a][folds == b, 0].astype(int))
            seen = set(folds[fits[number - 1] > 0])
            assert seen == {0, 1, 2} - {a, b}
    for b in range(3):
        (number,) = set(held.odds[3][folds == b, 0].astype(int))
        assert set(folds[fits[number - 1] > 0]) == {0, 1, 2} - {b}
    assert (fits[int(held.evidence[3].text.bias[0]) - 1] > 0).all()


def test_markup_tells_captions_and_forms_for_an_address_but_not_those_of_teasers_and_log_ins():
    from newsieve.blocks import segment as cut
    from newsieve.dom import read

    html = (
        "<figure><img src=a><figcaption>A caption</figcaption></figure><form><p>Our letter</p><input type=email></form>"
        "<a href=x><figure><figcaption>Of a teaser</figcaption></figure></a>"
        "<form><p>Log in</p><input type=email><input type=password></form><p>Text</p>"
    )
    tree, _ = read(html)
    segments = cut(tree)
    kinds = dict(zip(segments.texts, kinds_by_markup(tree, segments), strict=True))
    assert kinds == {"A caption": "C", "Our letter": "W", "Of a teaser": "", "Log in": "", "Text": ""}


def test_a_snippet_tells_of_the_one_block_that_holds_it():
    texts = ["The story says this", "Buy now", "twice", "twice", "both this and now"]
    flags = beside_snippets(texts, ("story says", "twice", "both this"), ("Buy now", "and now"))
    assert flags == [1, 0, -1, -1, -1]


def test_silver_takes_rules_then_what_the_published_text_leaves_then_a_sure_teacher():
    about = pd.DataFrame(
        {
            "source": ["gold", "rule", "text", "text", "", ""],
            "kind": [2, 3, -1, -1, -1, -1],
            "main": [-1, -1, 1, 0, -1, -1],
        }
    )
    none = Tokens(np.zeros(0, np.int64), np.zeros(0, np.int64))
    table = Table(about, np.zeros((6, 0), np.float32), none, none, [None, None], np.array([0, 1, 6]))
    sure, torn = [0.9, 0.02, 0.03, 0.05], [0.4, 0.1, 0.2, 0.3]
    shares = np.array([sure, sure, torn, sure, sure, torn])
    counted = counted_as({"content": "T S B", "caption": "C", "promo": "A W", "nav": "M Y R H U F"})
    gold = Lesson(np.array([2, -1, -1, -1, -1, -1], np.int8), np.array([1.0, 0, 0, 0, 0, 0]))
    weights = Silver({"rule": 0.4, "text": 0.3, "snippets": 0, "model": 0.2}, 0.7)
    lesson = extended(gold, table, shares, np.zeros((6, 2 * len(KINDS)), np.float32), counted, weights)
    labels = [int(counted[:, kind].argmax()) for kind in lesson.kinds]
    assert labels[:3] == [0, 1, 0]
    assert labels[3] == 3, "outside, so the likeliest of the others"
    assert lesson.weights.tolist() == [1.0, 0.4, 0.3, 0.0, 0.2, 0.0]


def test_a_page_whose_gz_is_cut_is_reported_and_counted(tmp_path, caplog):
    import gzip

    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "good.html").write_text("<p>Some text.</p>")
    (pages / "cut.html.gz").write_bytes(gzip.compress(b"<p>Some other text.</p>" * 50)[:40])
    (pages / "not.html.gz").write_bytes(b"<p>No gzip</p>")
    segment(pages, tmp_path / "own" / "blocks.parquet", largest=1000)
    table = pd.read_parquet(tmp_path / "own" / "blocks.parquet")
    assert set(table.loc[table["note"].str.contains("not readable"), "page"]) == {"cut.html.gz", "not.html.gz"}
    assert "cut.html.gz" in caplog.text


def test_a_stage_runs_the_code_of_the_tree_that_it_is_called_in(tmp_path):
    tree = tmp_path / "tree"
    shutil.copytree(TOP / "src" / "newsieve", tree / "src" / "newsieve", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(TOP / "params.yaml", tree)
    module = tree / "src" / "newsieve" / "pipeline" / "segment.py"
    module.write_text(module.read_text().replace('"""Cut every page', '"""Cut').replace("no page of", "NOT A PAGE of"))
    (tree / "pages").mkdir()
    (tree / "pages" / "empty.html").write_text("")
    command = [sys.executable, "-m", "newsieve.pipeline", "segment", "pages", "build/x/blocks.parquet"]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
    assert "NOT A PAGE of" in done.stderr


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train": {"rounds": 0}}, "train.rounds"),
        ({"train": {"learning_rate": 3}}, "train.learning_rate"),
        ({"train": {"round": 3}}, "train.round:"),
        ({"train": {"families": ["text", "smell"]}}, "train.families"),
        ({"label": {"coverage": "much"}}, "label.coverage"),
        ({"trian": {}}, "trian"),
    ],
)
def test_wrong_parameters_are_refused_by_name_before_anything_runs(change, message, tmp_path):
    params = yaml.safe_load((TOP / "params.yaml").read_text())
    for section, keys in change.items():
        params.setdefault(section, {}).update(keys)
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(params))
    with pytest.raises(PipelineError, match=message):
        read_params(path)


def test_a_missing_parameter_is_refused_by_name(tmp_path):
    params = yaml.safe_load((TOP / "params.yaml").read_text())
    del params["train"]["leaves"]
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    with pytest.raises(PipelineError, match=r"train\.leaves"):
        read_params(tmp_path / "params.yaml")


def test_kinds_must_all_have_one_label(small_run, small_params, tmp_path):
    kinds = dict.fromkeys(("content", "caption", "promo", "nav"), "T")
    params = small_params | {"train": small_params["train"] | {"kinds": kinds}}
    with pytest.raises(PipelineError, match="all four labels"):
        learn(small_run, tmp_path, params)


def test_a_missing_corpus_says_which_command_brings_it(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(TOP)
    assert main(["segment", str(tmp_path / "wcxb"), str(tmp_path / "build" / "wcxb" / "blocks.parquet")]) == 1
    assert "newsieve.pipeline.fetch data/external wcxb" in capsys.readouterr().err


def test_an_unknown_stage_is_wrong_usage(capsys):
    assert main(["sieve"]) == 2
    assert "usage" in capsys.readouterr().err


def test_pages_without_text_are_counted_and_not_dropped(tmp_path, caplog):
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "good.html").write_text("<p>Some text.</p>")
    (pages / "empty.html").write_bytes(b"")
    (pages / "image.html").write_bytes(bytes(range(256)) * 40)
    segment(pages, tmp_path / "own" / "blocks.parquet", largest=1000)
    table = pd.read_parquet(tmp_path / "own" / "blocks.parquet")
    assert set(table.loc[table["note"] != "", "page"]) >= {"empty.html"}
    assert "empty.html" in caplog.text
    assert set(table["page"]) == {"good.html", "empty.html", "image.html"}


def test_gold_of_another_page_names_the_page_and_the_block(tmp_path):
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "story.html").write_text("<h1>Title</h1><p>First paragraph.</p><p>Second paragraph.</p>")
    (pages / "story.tsv").write_text("T\tTitle\nB\tAnother text\nB\tSecond paragraph.\n")
    segment(pages, tmp_path / "own" / "blocks.parquet", largest=1000)
    with pytest.raises(PipelineError, match=r"story\.tsv, line 2: no such block.*Another text"):
        label(pages, GOLD, tmp_path / "own" / "blocks.parquet", tmp_path / "labels.parquet", misfit=0.2, coverage=0.5)


def test_labels_by_hand_name_file_and_line_of_a_mistake(tmp_path):
    path = tmp_path / "page.tsv"
    path.write_text("# a comment\nT\tTitle\nZ\tWhat?\n")
    with pytest.raises(PipelineError, match=r"page\.tsv, line 3"):
        read_lines(path)


def test_a_block_that_spans_two_gold_blocks_takes_the_kind_of_most_of_its_characters(tmp_path):
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "a.html").write_text(
        "<p>By Ann <b>A long sentence of the story.</b></p><div>Share<button>Save</button></div>"
    )
    (pages / "a.tsv").write_text("Y\tBy Ann\nB\tA long sentence of the story.\nH\tShare\nH\tSave\n")
    blocks, labels = tmp_path / "own" / "blocks.parquet", tmp_path / "own" / "labels.parquet"
    segment(pages, blocks, largest=1000)
    label(pages, GOLD, blocks, labels, misfit=0.2, coverage=0.5)
    assert pd.read_parquet(labels)["kind"].tolist() == ["B", "H", "H"]


def test_a_published_text_marks_the_blocks_that_it_holds():
    main_text = "The first paragraph of the story is here.\nShort line\nThe end of the story stands in this paragraph."
    texts = ["Menu", "The first paragraph of the story is here.", "Short line", "Short", "Buy our book now"]
    assert inside(texts, main_text, 0.3) == [0, 1, 1, 0, 0]
    assert inside(texts, "Another text that is not on the page.", 0.3) == [-1] * 5


@pytest.mark.parametrize("corpus", CORPORA)
def test_gold_files_hold_no_text_and_their_mends_fit(corpus):
    pages = read_gold(GOLD, corpus)
    assert pages
    for page in pages.values():
        assert len(page.sha256) == 64
        assert all(len(mark.digest) == 10 and mark.length > 0 for mark in page.marks)


@pytest.mark.parametrize("corpus", CORPORA)
def test_gold_fits_the_real_pages(corpus):
    folder = EXTERNAL / corpus
    if not folder.is_dir():
        pytest.skip(f"the corpus {corpus} is not fetched")
    from newsieve.blocks import segment as cut
    from newsieve.dom import read
    from newsieve.pipeline.alignment import align

    golds = list(read_gold(GOLD, corpus).items())[:25]
    whole = 0
    for file, page in golds:
        found = align(page.marks, cut(read((folder / file).read_bytes())[0]).texts)
        whole += not found.unplaced
    assert whole >= 0.9 * len(golds)


def test_a_table_of_other_features_is_refused(small_run, tmp_path):
    path = tmp_path / "old.parquet"
    table = pd.read_parquet(small_run / "public" / "public.parquet")
    table.rename(columns={"text.chars": "text.length"}).to_parquet(path)
    with pytest.raises(PipelineError, match="other features"):
        read_tables([path])


def tracked(top, folder, uri=None, seconds=2):
    """Run the stage track as dvc does, in a folder of its own; the process and the store's address."""
    (folder / "params.yaml").write_text((TOP / "params.yaml").read_text())
    tables = [top / "public", *(top / name / f"{name}.parquet" for name in ("authored", "own"))]
    pages = [top / name / "pages" for name in ("authored", "own")]
    made = [top / "model", top / "evaluation", folder / "tracked.json", folder / "report.html"]
    paths = [folder / "params.yaml", *tables, top / "judged.parquet", *pages, *made]
    environment = {k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"}
    if uri:
        environment |= {"MLFLOW_TRACKING_URI": uri, "MLFLOW_HTTP_REQUEST_TIMEOUT": str(seconds)}
    command = [sys.executable, "-m", "newsieve.pipeline", "track", *map(str, paths)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done, f"sqlite:///{folder / 'mlflow.db'}"


@pytest.fixture(scope="module")
def store(small_run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    for _ in range(2):
        done, uri = tracked(small_run, folder)
        assert done.returncode == 0, done.stderr
    return uri


def test_a_result_tracked_twice_is_one_run_with_its_figures_and_pictures(store):
    from mlflow import MlflowClient

    client = MlflowClient(store)
    (run,) = client.search_runs([client.get_experiment_by_name("newsieve").experiment_id])
    assert {"macro_f1", "content/f1", "promo/recall"} <= set(run.data.metrics)
    assert "train.rounds" in run.data.params
    assert {path.path for path in client.list_artifacts(run.info.run_id, "plots")} >= {"plots/confusion.png"}
    assert run.inputs.dataset_inputs
    assert "mlartifacts" in run.info.artifact_uri


def test_the_tracked_model_takes_html_with_pickle_forbidden(store):
    code = f"""
import mlflow, pandas as pd
mlflow.set_tracking_uri({store!r})
(run,) = mlflow.search_runs(experiment_names=["newsieve"], output_format="list")
model = mlflow.pyfunc.load_model(f"runs:/{{run.info.run_id}}/model")
print(model.predict(pd.DataFrame({{"html": ["<h1>Title</h1><p>A paragraph.</p>"]}})).to_csv())
"""
    environment = os.environ | {"MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "A paragraph." in done.stdout


def test_a_server_that_cannot_be_reached_fails_the_stage_with_what_to_do(small_run, tmp_path):
    done, _ = tracked(small_run, tmp_path, "http://127.0.0.1:9")
    assert done.returncode == 1
    assert "dvc repro track" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "tracked.json").exists()
