"""What tests share: where pages lie, and a small pipeline run of real stages."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # threads that wait for work leave the cores to others

TOP = Path(__file__).parent.parent
PAGES = TOP / "data" / "pages"
EXTERNAL = TOP / "data" / "external"


@pytest.fixture(scope="session")
def authored():
    """The authored pages by name."""
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(PAGES.glob("*.html"))}


CORPORA = {
    "public": ("lantern-port", "skimline-battery", "rives-huitres-thau", "chronicle-coast"),
    "authored": ("agency-uk-gauges", "janews-volley"),
    "own": (),
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
    top = tmp_path_factory.mktemp("run")
    for corpus in CORPORA:
        tabulate(top, corpus, small_params)
    learn(top, top, small_params)
    return top


def learn(top, out, params):
    """Train on the tables below `top` and evaluate, into `out`."""
    from newsieve.pipeline.evaluate import evaluate
    from newsieve.pipeline.train import train

    tables = [top / corpus / f"{corpus}.parquet" for corpus in ("authored", "own")]
    made = [out / name for name in ("model", "folds", "judged.parquet", "curves.csv")]
    train(top / "public", *tables, TOP / "data" / "phrases", *made, **params["train"])
    pages = [top / corpus / "pages" for corpus in ("authored", "own")]
    evaluate(
        top / "public", *tables, *pages, out / "judged.parquet", out / "curves.csv", out / "model",
        out / "evaluation", **params["evaluate"],
    )  # fmt: skip


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
