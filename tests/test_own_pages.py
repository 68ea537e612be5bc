"""Retraining on one's own pages, as docs/own-pages.md goes through it with the pages of docs/own-site."""

from __future__ import annotations

import json
import re
import shutil
from copy import deepcopy
from pathlib import Path

import pandas as pd
import pytest

import newsieve
from newsieve.pipeline.draft import main as draft
from newsieve.pipeline.errors import PipelineError
from newsieve.pipeline.featurize import featurize
from newsieve.pipeline.gold import read_lines
from newsieve.pipeline.label import label
from newsieve.pipeline.run_report import write_report
from newsieve.pipeline.segment import segment
from tests.conftest import TOP, learn, tabulate

GUIDE = (TOP / "docs" / "own-pages.md").read_text(encoding="utf-8")
SITE = TOP / "docs" / "own-site"
LABELLED = sorted(SITE.glob("*.tsv"))
BARE = "market-roof"
REMARK = re.compile(r"# (\d+): (\w+) (\d\.\d\d), (\w+) (\d\.\d\d)  (.+)")


def labelled(pages, build):
    """Segment and label the folder `pages` as one's own: the table of labels."""
    segment(pages, build / "own" / "blocks.parquet", largest=3000)
    paths = [TOP / "data" / "gold", *(build / "own" / f"{name}.parquet" for name in ("blocks", "labels"))]
    label(pages, *paths, misfit=0.2, coverage=0.5)
    return pd.read_parquet(paths[-1])


def own_tables(top, sources):
    """The stages up to featurize on a copy of `sources` as one's own pages below `top`."""
    pages = top / "own" / "pages"
    pages.mkdir(parents=True)
    for source in sources:
        shutil.copy(source, pages)
    labelled(pages, top / "build")
    made = [top / "build" / "own" / f"{name}.parquet" for name in ("blocks", "labels")]
    featurize(pages, *made, top / "own" / "own.parquet", silver_every=0)


@pytest.fixture(scope="module")
def params(small_params):
    """A few small trees with large steps: quick, and enough to learn a site by."""
    found = deepcopy(small_params)
    found["train"] |= {"rounds": 5, "learning_rate": 0.5, "leaves": 7}
    found["evaluate"]["ablation_rounds"] = 0
    return found


@pytest.fixture(scope="module")
def run(tmp_path_factory, params):
    """The walk-through up to the report, the sixth page still without labels."""
    top = tmp_path_factory.mktemp("own")
    for corpus in ("public", "authored"):
        tabulate(top, corpus, params)
    own_tables(top, sorted(SITE.iterdir()))
    learn(top, top, params)
    return top


@pytest.fixture
def majority_run(run, params, tmp_path):
    """A run of the cheapest learner with the given pages as one's own."""

    def made(sources):
        for corpus in ("public", "authored"):
            (tmp_path / corpus).symlink_to(run / corpus)
        own_tables(tmp_path, sources)
        learn(tmp_path, tmp_path, params | {"train": params["train"] | {"learner": "majority"}})
        return tmp_path

    return made


def metrics_of(top):
    return json.loads((top / "evaluation" / "metrics.json").read_text())


def report_of(top):
    folders = {corpus: top / corpus / "pages" for corpus in ("authored", "own")}
    write_report(metrics_of(top), None, top / "evaluation", top / "judged.parquet", folders, top / "report.html")
    return (top / "report.html").read_text(encoding="utf-8")


def trained_on(top):
    return json.loads((top / "model" / "model.json").read_text())["trained_on"]["pages"]


def test_the_metrics_tell_what_learning_from_a_sites_other_pages_gives(run):
    own = metrics_of(run)["own"]
    blocks = sum(len(read_lines(path)) for path in LABELLED)
    assert own["blocks"] == own["before"]["blocks"] == own["after"]["blocks"] == blocks
    assert set(own["before"]["site"]) == set(own["after"]["site"]) == {"tolver-tidings.example"}
    assert own["after"]["macro_f1"] > own["before"]["macro_f1"] + 0.05


def test_the_headline_figures_leave_own_pages_out(run):
    metrics = metrics_of(run)
    assert metrics["blocks"] == metrics["corpus"]["public"]["blocks"]
    assert metrics["corpus"]["own"]["blocks"] == metrics["own"]["blocks"]


def test_the_report_shows_own_pages_before_and_after(run):
    report, own = report_of(run), metrics_of(run)["own"]
    section = report.partition("<h2>Your own pages</h2>")[2].partition("<h2>")[0]
    assert "tolver-tidings.example" in section
    for part in ("before", "after"):
        assert f"{own[part]['macro_f1']:.3f}, {own[part]['content_token_f1']:.3f}" in section


def test_pages_without_labels_do_not_teach_and_are_named_in_a_warning(run, tmp_path, caplog):
    assert trained_on(run) == {"authored": 2, "own": len(LABELLED), "public": 4}
    assert f"{BARE}.html" not in set(pd.read_parquet(run / "own" / "own.parquet")["page"])
    rows = labelled(SITE, tmp_path)
    assert f"1 of your pages have no labels and teach nothing: {BARE}.html" in caplog.text
    assert not rows.loc[rows["page"] == f"{BARE}.html", "gold"].any()


def test_the_site_of_the_guide_has_a_kind_for_every_block_of_its_labelled_pages(tmp_path):
    rows = labelled(SITE, tmp_path)
    assert set(rows.loc[rows["gold"], "page"]) == {path.with_suffix(".html").name for path in LABELLED}
    assert (rows.loc[rows["gold"], "source"] == "gold").all()


@pytest.fixture
def drafted(run, tmp_path):
    """A copy of the site with a draft of its sixth page by the model of the run: the draft."""
    folder = shutil.copytree(SITE, tmp_path / "site")
    assert draft([str(folder), "--model", str(run / "model"), "--doubtful", "15"]) == 0
    return folder / f"{BARE}.tsv.draft"


def test_only_pages_without_labels_are_drafted(drafted):
    assert list(drafted.parent.glob("*.draft")) == [drafted]
    assert all((drafted.parent / path.name).read_bytes() == path.read_bytes() for path in LABELLED)


def test_a_draft_that_is_renamed_is_taken_as_labels_of_every_block(drafted, tmp_path, caplog):
    labels = drafted.rename(drafted.with_suffix(""))
    rows = labelled(drafted.parent, tmp_path)
    mine = rows[rows["page"] == f"{BARE}.html"]
    assert mine["kind"].tolist() == [line.kind for line in read_lines(labels)]
    assert (mine["source"] == "gold").all()
    assert "no labels" not in caplog.text


def test_a_draft_names_the_lines_of_its_most_doubtful_blocks_first(drafted, run):
    lines = drafted.read_text(encoding="utf-8").splitlines()
    remarks = [match.groups() for match in map(REMARK.fullmatch, lines) if match]
    gaps = [float(first) - float(second) for _, _, first, _, second, _ in remarks]
    page = newsieve.Classifier.load(run / "model").classify((SITE / f"{BARE}.html").read_bytes())
    shares = [sorted(block.probabilities.values(), reverse=True) for block in page.blocks]
    surest = sorted(first - second for first, second, *_ in shares)[: len(remarks)]
    assert len(remarks) == 15
    assert gaps == pytest.approx(surest, abs=0.011)  # two shares, each rounded by up to 0.005
    for number, _, _, _, _, text in remarks:
        assert lines[int(number) - 1].partition("\t")[2].startswith(text)


def test_a_draft_gives_each_block_a_kind_of_the_label_that_the_model_gives_it(drafted, run):
    classifier = newsieve.Classifier.load(run / "model")
    blocks = classifier.classify((SITE / f"{BARE}.html").read_bytes()).blocks
    kinds = [line.kind for line in read_lines(drafted)]
    assert all(
        kind in classifier.about["kinds"][block.label].split() for kind, block in zip(kinds, blocks, strict=True)
    )


PAGE = "<h1>Title</h1><p>First paragraph.</p><form><button>Ring me</button></form>"
MISTAKES = {
    "an unknown kind": {"a.html": PAGE, "a.tsv": "T\tTitle\n# a remark\nZ\tRing me\n"},
    "a line that is not on the page": {"a.html": PAGE.replace("Ring", "Call"), "a.tsv": "T\tTitle\n\nW\tRing me\n"},
    "a line out of order": {"a.html": PAGE, "a.tsv": "T\tTitle\nB\tFirst paragraph.\nW\tRing me\nT\tTitle\n"},
    "labels without a page": {"a.tsv": "T\tTitle\n"},
    "a page twice": {"a.html": PAGE, "b.html": PAGE, "b.tsv": "T\tTitle\n"},
}


def written(folder, files):
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("mistake", [name for name in MISTAKES if name != "a line out of order"])
def test_a_mistake_in_labels_is_refused_with_the_message_of_the_guide(mistake, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pages = written(Path("data/own"), MISTAKES[mistake])
    with pytest.raises(PipelineError) as refused:
        labelled(pages, Path("build"))
    assert f"`{refused.value}`" in GUIDE


def test_a_line_that_is_on_the_page_only_earlier_is_refused_with_file_and_line(tmp_path):
    pages = written(tmp_path / "own", MISTAKES["a line out of order"])
    with pytest.raises(PipelineError, match=r"a\.tsv, line 4: not in this order on the page: 'Title'"):
        labelled(pages, tmp_path / "build")


def test_a_folder_that_is_not_there_is_refused_by_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PipelineError, match=r"own\.pages names the folder pages, which is not there"):
        labelled(Path("pages"), Path("build"))


def test_the_four_labels_are_taken_where_a_kind_is_expected(tmp_path):
    html = "<h1>Title</h1><p><img>A caption.</p><p>Join us.</p><p>Menu</p>"
    labels = "content\tTitle\ncaption\tA caption.\npromo\tJoin us.\nnav\tMenu\n"
    rows = labelled(written(tmp_path / "own", {"a.html": html, "a.tsv": labels}), tmp_path / "build")
    assert rows["kind"].tolist() == ["B", "C", "W", "M"]


def test_two_own_pages_are_judged_before_and_too_few_for_after(majority_run):
    top = majority_run([path.with_suffix(suffix) for path in LABELLED[:2] for suffix in (".html", ".tsv")])
    own = metrics_of(top)["own"]
    assert own["before"]["blocks"] == sum(len(read_lines(path)) for path in LABELLED[:2])
    assert own["after"] == {}
    assert "too few pages" in report_of(top)


def test_an_empty_folder_of_own_pages_leaves_own_pages_out_of_everything(majority_run):
    top = majority_run([])
    assert "own" not in metrics_of(top)
    assert trained_on(top) == {"authored": 2, "public": 4}
    assert "Your own pages" not in report_of(top)
