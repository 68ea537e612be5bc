"""Stage train: tables to a model folder, and to probabilities out of fold by site for the stage evaluate."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field

from newsieve.classifier import FORMAT
from newsieve.evidence import Evidence
from newsieve.features import FAMILIES, FEATURES
from newsieve.features.lines import LINE_FEATURES
from newsieve.labels import KINDS, LABELS, Label
from newsieve.pipeline.corpora import AUTHORED, OWN
from newsieve.pipeline.errors import PipelineError
from newsieve.pipeline.folds import Fit, Folds, HeldOut, Lesson, folds_of, hold_out
from newsieve.pipeline.job import Fits, Job, after, judge, taught
from newsieve.pipeline.label import GOLD
from newsieve.pipeline.learners import Floats, Learner, Learning, Trees, boosting_of
from newsieve.pipeline.linear import Odds, Phrases, Settings, fit_evidence
from newsieve.pipeline.silver import Silver, counted_as, without_gold
from newsieve.pipeline.tables import Table, read_tables

Share = Annotated[float, Field(gt=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Family = Literal["text", "box", "containers", "page", "text_evidence", "path_evidence", "context"]
Weight = Annotated[float, Field(ge=0, le=10)]
Penalty = Annotated[float, Field(gt=0, le=1)]


def train(
    tables: Path,
    authored: Path,
    own: Path,
    phrases: Path,
    model: Path,
    fold_models: Path,
    judged: Path,
    curves: Path,
    *,
    learner: Learner,
    kinds: dict[Label, str],
    families: Annotated[list[Family], Field(min_length=1)],
    folds: Annotated[int, Field(ge=3, le=20)],
    seed: int,
    text_penalty: Penalty,
    path_penalty: Penalty,
    passes: Count,
    word_sites: Count,
    authored_weight: Weight,
    own_weight: Weight,
    phrase_weight: Weight,
    label_weights: dict[Label, Weight],
    silver_weights: dict[Literal["rule", "text", "snippets", "model"], Weight],
    silver_confidence: Share,
    rounds: Count,
    learning_rate: Share,
    leaves: Annotated[int, Field(ge=2, le=256)],
    leaf_rows: Count,
    feature_share: Share,
    row_share: Share,
    l2: Annotated[float, Field(ge=0)],
) -> None:
    """Train on all rows with gold of `tables` (a folder), `authored` and `own` (tables), and on `phrases` (a folder).

    Rows of pages without gold, where `tables` have any, teach by `silver_weights`, as the module silver says.
    Writes the folder `model`, which a baseline as `learner` leaves without trees; `fold_models`, of each fold the model
    that has seen none of its sites, and sites.json; the table `judged` with the probabilities by those models of all
    rows of pages with gold; and the learning `curves`.
    """
    silver = Silver(silver_weights, silver_confidence)
    table = _read(tables, [authored, own], silver)
    boosting = boosting_of(
        seed, learning_rate=learning_rate, num_leaves=leaves, min_data_in_leaf=leaf_rows,
        feature_fraction=feature_share, bagging_fraction=row_share, lambda_l2=l2,
    )  # fmt: skip
    job = Job(
        table, label_of_kind(kinds), _folds(table, folds, seed),
        {AUTHORED: authored_weight, OWN: own_weight}, label_weights,
        np.array([k for k, name in enumerate(FEATURES) if name.split(".")[0] in families]),
        Learning(learner, boosting, rounds),
    )  # fmt: skip
    settings = Settings(text_penalty, path_penalty, passes, word_sites)
    fit = partial(fit_evidence, job.words, phrases=Phrases.read(phrases, phrase_weight), settings=settings)
    held, lessons = _lessons(job, fit, folds, counted_as(kinds), silver)
    shares, fold_fits, curve = judge(job, held, lessons)
    curve.to_csv(_parent(curves), index=False)
    _write_judged(job, shares, after(job, fit, held, lessons[-1]), held.odds[-1], judged)
    _save_folds(fold_models, held, fold_fits, job, kinds)
    _save(model, held.evidence[-1], Fits.of(job, held.odds[-1], lessons[-1]), job, kinds, job.folds >= 0)


def _read(tables: Path, more: list[Path], silver: Silver) -> Table:
    """The rows of the tables in a folder and of `more`; of pages without gold only where silver teaches."""
    paths = sorted(tables.glob("*.parquet"))
    if not paths:
        raise PipelineError(f"{tables} holds no tables; git keeps them: git checkout -- {tables}")
    table = read_tables([*paths, *more])
    return table if silver else table.of_pages(~without_gold(table))


def _folds(table: Table, folds: int, seed: int) -> Folds:
    """Dealt among the sites with gold, but for one's own."""
    about = table.about
    dealt = (about["corpus"] != OWN) & np.repeat(~without_gold(table), np.diff(table.starts))
    return folds_of(about["site"].to_numpy(), dealt.to_numpy(), folds, seed)


def label_of_kind(kinds: dict[Label, str]) -> npt.NDArray[np.int8]:
    """Per kind the number of its label; the last entry, for rows without a kind, is -1. Raises PipelineError."""
    letters = [letter for label in kinds for letter in kinds[label].split()]
    if set(kinds) != set(LABELS) or sorted(letters) != sorted(KINDS):
        wrong = sorted(set(letters) ^ set(KINDS)) or [letter for letter in letters if letters.count(letter) > 1]
        said = f"; see {wrong[0]!r}" if wrong else ""
        raise PipelineError(f"params.yaml: train.kinds must have all four labels, and each of the 12 kinds once{said}")
    return np.array([*counted_as(kinds).argmax(axis=0), -1], dtype=np.int8)


def _lessons(job: Job, fit: Fit, folds: int, counted: Floats, silver: Silver) -> tuple[HeldOut, list[Lesson]]:
    """What each fold and the final model learn, and the evidence by it."""
    lessons = [job.gold] * (folds + 1)
    held = hold_out(job.words, job.folds, lessons, fit)
    if silver:
        lessons = taught(job, held, counted, silver)
        held = hold_out(job.words, job.folds, lessons, fit)
    return held, lessons


def _write_judged(job: Job, shares: Floats, after: Floats, odds: Odds, out: Path) -> None:
    """Write the probabilities out of fold of the rows of pages with gold, with what the evaluation groups them by."""
    about = job.table.about.assign(kind=job.gold.kinds, label=job.of_kind[job.gold.kinds], fold=job.folds)
    names = [*LABELS, *(f"line_{label}" for label in LABELS), *(f"after_{label}" for label in LABELS)]
    names += [f"odds_{k}" for k in range(odds.shape[1])]
    table = pd.concat([about, pd.DataFrame(np.concatenate([shares, after, odds], axis=1), columns=names)], axis=1)
    judged = np.repeat(~without_gold(job.table), np.diff(job.table.starts))
    table[judged].to_parquet(_parent(out), index=False)


def _save_folds(folder: Path, held: HeldOut, fits: list[Fits], job: Job, kinds: dict[Label, str]) -> None:
    for fold, (evidence, fit) in enumerate(zip(held.evidence[:-1], fits, strict=True)):
        _save(folder / str(fold), evidence, fit, job, kinds, job.folds != fold)
    sites = dict(zip(job.table.about["site"], job.folds.tolist(), strict=True))
    (folder / "sites.json").write_text(json.dumps(sites, indent=1, sort_keys=True) + "\n")


def _save(
    folder: Path, evidence: Evidence, fits: Fits, job: Job, kinds: dict[Label, str], seen: npt.NDArray[np.bool_]
) -> None:
    """Write a model folder, as newsieve.Classifier loads it, of what was learned from the rows `seen`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, fit in (("model.txt", fits.blocks), ("lines.txt", fits.lines)):
        if isinstance(fit, Trees):
            (folder / name).write_text(fit.text())
    gold = job.table.about[seen & (job.table.about["source"] == GOLD)]
    about = {
        "format": FORMAT,
        "learner": job.learning.learner,
        "features": [FEATURES[k] for k in job.columns],
        "gains": fits.blocks.gains() if isinstance(fits.blocks, Trees) else [],
        "line_features": list(LINE_FEATURES),
        "families": [family for family in FAMILIES if any(FEATURES[k].startswith(f"{family}.") for k in job.columns)],
        "kinds": {str(label): letters for label, letters in kinds.items()},
        "evidence": evidence.save(folder),
        "trained_on": {
            "rows": int((seen & (job.gold.weights > 0)).sum()),
            "pages": {corpus: int(n) for corpus, n in gold.groupby("corpus")["page"].nunique().items()},
            "sites": int(gold["site"].nunique()),
        },
    }
    (folder / "model.json").write_text(json.dumps(about, indent=1) + "\n")


def _parent(path: Path) -> Path:
    """`path`, whose folder is there now."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
