"""The trees in numpy give what LightGBM gives."""

from __future__ import annotations

import lightgbm as lgb
import numpy as np
import pytest

from newsieve.trees import Trees


@pytest.fixture(scope="module")
def booster():
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(2000, 12)).astype(np.float32).round(2)
    labels = (rows[:, 0] > 0).astype(int) + (rows[:, 1] * rows[:, 2] > 0) + (rows[:, 3] > 1)
    params = {"objective": "multiclass", "num_class": 4, "num_leaves": 9, "verbose": -1}
    return lgb.train(params, lgb.Dataset(rows, labels), 12), rows


def test_probabilities_are_those_of_lightgbm(booster):
    model, rows = booster
    ours = Trees.parse(model.model_to_string()).probabilities(rows)
    assert np.abs(ours - model.predict(rows)).max() < 1e-12


def test_a_value_that_equals_a_threshold_goes_the_same_way(booster):
    model, _ = booster
    trees = Trees.parse(model.model_to_string())
    edges = np.unique(trees.threshold[np.isfinite(trees.threshold)])[:40]
    rows = np.tile(edges[:, None], (1, 12)).astype(np.float32)
    assert np.abs(trees.probabilities(rows) - model.predict(rows)).max() < 1e-12


def test_trees_of_one_leaf_and_of_many_are_summed_too(booster):
    _, rows = booster
    labels = (rows[:, :3] > 0).sum(axis=1)
    few, many = rows[:, :1] * 0, np.concatenate([rows] * 3, axis=1)
    for features, leaves in ((few, 31), (many, 100)):
        params = {"objective": "multiclass", "num_class": 4, "num_leaves": leaves, "min_data_in_leaf": 5, "verbose": -1}
        model = lgb.train(params, lgb.Dataset(features, labels), 7)
        ours = Trees.parse(model.model_to_string()).probabilities(features)
        assert np.abs(ours - model.predict(features)).max() < 1e-12


@pytest.mark.parametrize(
    ("field", "damaged", "said"),
    [
        ("left_child", "500", "not there"),
        ("left_child", "0", "no tree"),
        ("split_feature", "0 0 0", "more or fewer nodes"),
    ],
)
def test_nodes_that_make_no_tree_are_refused(booster, field, damaged, said):
    model, _ = booster
    before, at, rest = model.model_to_string().partition(f"{field}=")
    first, _, others = rest.partition("\n")
    numbers = damaged if " " in damaged else " ".join([damaged, *first.split()[1:]])
    with pytest.raises(ValueError, match=said):
        Trees.parse(f"{before}{at}{numbers}\n{others}")


@pytest.mark.parametrize("text", ["", "tree", "num_class=4\n", "num_class=4\n\nTree=0\nnum_leaves=2\nleaf_value=x y"])
def test_a_text_that_is_no_model_is_refused(text):
    with pytest.raises(ValueError, match=r"model"):
        Trees.parse(text)


def test_categorical_splits_are_refused(booster):
    model, _ = booster
    text = model.model_to_string().replace("decision_type=2", "decision_type=1", 1)
    with pytest.raises(ValueError, match="categorical"):
        Trees.parse(text)
