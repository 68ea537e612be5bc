"""The house: who may import whom, what an import costs, and that dvc.yaml says what the code does."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import yaml

TOP = Path(__file__).parent.parent
SRC = TOP / "src"
MODULES = sorted(SRC.rglob("*.py"))
FLOORS = [
    {"labels"}, {"dom", "dom.tree", "dom.lexbor", "dom.soup", "dom.lxml", "dom.encoding", "dom.limits"}, {"blocks", "signatures", "characters"},
    {"layout"},
    {"features", "features.text", "features.box", "features.containers", "features.page", "features.tokens", "features.context", "features.lines"},
    {"evidence", "trees"}, {"page"}, {"classifier"}, {"shipped"}, {"explain", "tint"}, {"formats"}, {"cli"},
]  # fmt: skip
FLOOR = {name: number for number, names in enumerate(FLOORS) for name in names}
HEAVY = {"dvc", "lightgbm", "matplotlib", "mlflow", "pandas", "pyarrow", "scipy", "sklearn"}


def name_of(path):
    parts = path.relative_to(SRC / "newsieve").with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path):
    """Modules that a file imports, under TYPE_CHECKING too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own(path):
    names = {name_of(p) for p in MODULES}
    return {m.removeprefix("newsieve.") for m in imports(path) if m.startswith("newsieve.")} & names


@pytest.mark.parametrize("path", [p for p in MODULES if "pipeline" not in p.parts], ids=name_of)
def test_imports_go_down_only_and_never_into_the_pipeline(path):
    name = name_of(path)
    if not name:
        return
    for target in own(path):
        assert not target.startswith("pipeline"), target
        same_package = name.split(".")[0] == target.split(".")[0]
        assert FLOOR[target] < FLOOR[name] or same_package, f"{name} imports {target}"
    assert not HEAVY & {m.split(".")[0] for m in imports(path)}


@pytest.mark.parametrize("path", [p for p in MODULES if "pipeline" in p.parts], ids=name_of)
def test_only_what_talks_to_the_store_imports_mlflow(path):
    if path.stem not in {"track", "served", "store", "registry", "run_report"}:
        assert "mlflow" not in {m.split(".")[0] for m in imports(path)}


def test_classifying_loads_no_training_packages():
    code = (
        "import sys, newsieve; before = set(sys.modules); assert 'numpy' not in before;"
        "newsieve.classify('<p>text</p>');"
        f"print(*({HEAVY!r} & {{m.split('.')[0] for m in sys.modules}}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def reached(stage):
    """The modules that a stage's module reaches by imports; the package's own front door holds none."""
    by_name = {name_of(p): p for p in MODULES}
    seen, todo = set(), [f"pipeline.{stage}"]
    while todo:
        name = todo.pop()
        if name in seen or name not in by_name or not name:
            continue
        seen.add(name)
        todo += [*own(by_name[name]), name.rpartition(".")[0]]
    return {by_name[name].relative_to(TOP).as_posix() for name in seen if by_name[name].stat().st_size}


STAGES = {
    name: stage.get("do", stage) for name, stage in yaml.safe_load((TOP / "dvc.yaml").read_text())["stages"].items()
}
TABLE_STAGES = yaml.safe_load((TOP / "data" / "tables" / "dvc.yaml").read_text())["stages"]


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_every_module_that_it_reaches(stage):
    listed = {dep for dep in STAGES[stage]["deps"] if dep.endswith(".py")}
    assert listed == reached(stage)


@pytest.mark.parametrize("stage", TABLE_STAGES)
def test_a_table_stage_depends_on_every_module_that_it_reaches(stage):
    listed = {dep.removeprefix("../../") for dep in TABLE_STAGES[stage]["deps"] if dep.endswith(".py")}
    assert listed == reached(stage)
    assert TABLE_STAGES[stage]["frozen"], "a clone without the corpora must not try to run it"


@pytest.mark.parametrize("stage", STAGES)
def test_the_keys_of_a_section_are_the_keywords_of_the_stage(stage):
    function = getattr(import_module(f"newsieve.pipeline.{stage}"), stage)
    keywords = {p.name for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY}
    section = yaml.safe_load((TOP / "params.yaml").read_text()).get(stage) or {}
    assert set(section) == keywords
    assert (stage in STAGES[stage].get("params", [])) == bool(keywords)


def test_functions_are_short():
    lengths = sorted(
        node.end_lineno - node.lineno + 1
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    assert lengths[len(lengths) // 2] <= 10
    assert lengths[int(len(lengths) * 0.9)] <= 25
    assert lengths[-1] <= 60


def test_what_git_keeps_of_a_run_does_not_depend_on_the_store():
    lock = yaml.safe_load((TOP / "dvc.lock").read_text())["stages"]["track"]
    assert [out["path"] for out in lock["outs"]] == ["build/tracked.json"], "the report compares with the run before"
