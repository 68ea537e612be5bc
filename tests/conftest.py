"""What tests share: where pages lie, and a small pipeline run of real stages."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

TOP = Path(__file__).parent.parent
PAGES = TOP / "data" / "pages"
EXTERNAL = TOP / "data" / "external"


@pytest.fixture(scope="session")
def authored():
    """The authored pages by name."""
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(PAGES.glob("*.html"))}


CORPORA = {
    "own": ("lantern-port", "skimline-battery", "rives-huitres-thau", "chronicle-coast"),
    "authored": ("agency-uk-gauges", "janews-volley"),
}


@pytest.fixture(scope="session")
def small_params():
    """Parameters that train in seconds."""
    import yaml

    params = yaml.safe_load((TOP / "params.yaml").read_text())
    params["train"] |= {"folds": 3, "rounds": 3, "leaf_rows": 5, "passes": 2}
    params["evaluate"] |= {"ablation_rounds": 2}
    return params


@pytest.fixture(scope="session")
def small_run(tmp_path_factory, small_params):
    """The stages up to evaluate, run on a few authored pages: a folder with pages, tables, model, evaluation."""
    from newsieve.pipeline.evaluate import evaluate
    from newsieve.pipeline.train import train

    top = tmp_path_factory.mktemp("run")
    for corpus in CORPORA:
        tabulate(top, corpus, small_params)
    authored = top / "authored" / "authored.parquet"
    train(
        top / "own", authored, TOP / "data" / "phrases", top / "model", top / "judged.parquet", **small_params["train"]
    )
    pages, out = top / "authored" / "pages", top / "evaluation"
    evaluate(top / "own", authored, pages, top / "judged.parquet", top / "model", out, **small_params["evaluate"])
    return top


def tabulate(top, corpus, params):
    """Segment, label and featurize a few pages as a corpus of that name."""
    from newsieve.pipeline.featurize import featurize
    from newsieve.pipeline.label import label
    from newsieve.pipeline.segment import segment

    pages, build = top / corpus / "pages", top / "build" / corpus
    pages.mkdir(parents=True)
    for name in CORPORA[corpus]:
        for suffix in (".html", ".tsv"):
            shutil.copy((PAGES / name).with_suffix(suffix), pages)
    blocks, labels = build / "blocks.parquet", build / "labels.parquet"
    segment(pages, blocks, **params["segment"])
    label(pages, TOP / "data" / "gold", blocks, labels, **params["label"])
    featurize(pages, blocks, labels, top / corpus / f"{corpus}.parquet", **params["featurize"])
