"""The MLflow store with real runs in it: comparison, groups, the registry, serving, and the tree that made a run."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

import pandas as pd
import pytest
import yaml
from lxml import html as lxml_html

from newsieve.classifier import Classifier
from newsieve.labels import LABELS
from newsieve.pipeline import identity, ladder, registry, restore, run_report, store
from newsieve.pipeline.params import read_params
from newsieve.pipeline.registry import Contender, Gates, objections
from newsieve.pipeline.ship import LARGEST
from tests.conftest import TOP
from tests.test_pipeline import tracked

EXPERIMENT, ASIDE = "newsieve", "aside"
COMMITTED = {"story.html": b"<p>One</p>\n", "picture.bin": bytes(range(256)), "gone.txt": b"soon\n"}
CHANGED = {"story.html": b"<p>Two</p>\r\n<p>\rno line end: \xc3\xa9", "picture.bin": bytes(reversed(range(256)))}
IGNORED = "mlflow.db\nmlartifacts\ntracked.json\nreport.html\n"
STORY = "<h1>Harbour opens</h1><p>The new harbour opened on Monday.</p><nav><a href='/'>Home</a></nav>"


@dataclass(frozen=True)
class Tracked:
    """A run as it was once tracked: its id, name and description, and the report that was written."""

    id: str
    name: str
    note: str
    report: str


@dataclass(frozen=True)
class Work:
    """A git work tree whose store is in use, and the small run whose results are tracked there, with its params."""

    folder: Path
    top: Path
    params: dict

    @property
    def uri(self):
        return f"sqlite:///{self.folder / 'mlflow.db'}"

    @property
    def timing(self):
        """What keeps the gate on time from depending on how busy the machine is."""
        return ("--pages", str(self.top / "authored" / "pages"), "--slower", "50")

    def result(self, change, train, baseline):
        """The params, model and evaluation of a result: those of the small run but for what is said."""
        place = self.folder.parent / f"result{change}{'-'.join(train)}{baseline}"
        evaluation = shutil.copytree(self.top / "evaluation", place / "evaluation", dirs_exist_ok=True)
        metrics = json.loads((evaluation / "metrics.json").read_text())
        metrics["macro_f1"] += change
        (evaluation / "metrics.json").write_text(json.dumps(metrics))
        params = self.params | {"train": self.params["train"] | train}
        (place / "params.yaml").write_text(yaml.safe_dump(params))
        if not baseline:
            return place / "params.yaml", self.top / "model", evaluation
        for table in ("curves.csv", "importance.csv"):
            (evaluation / table).write_text((evaluation / table).read_text().split("\n")[0] + "\n")
        drop = shutil.ignore_patterns("model.txt", "lines.txt")
        model = shutil.copytree(self.top / "model", place / "model", ignore=drop, dirs_exist_ok=True)
        return place / "params.yaml", model, evaluation

    def track(self, change=0.0, train=(), *, baseline=False, run_name="", group="", experiment=EXPERIMENT):
        """Run the stage on a result whose macro-F1 is other by `change`."""
        from newsieve.pipeline.track import FINGERPRINT, track

        params, model, evaluation = self.result(change, dict(train), baseline)
        tables = [self.top / "public", *(self.top / name / f"{name}.parquet" for name in ("authored", "own"))]
        pages = [self.top / name / "pages" for name in ("authored", "own")]
        out, report = self.folder / "tracked.json", self.folder / "report.html"
        track(
            params, *tables, self.top / "judged.parquet", *pages, model, evaluation, out, report,
            experiment=experiment, run_name=run_name, group=group,
        )  # fmt: skip
        mark = json.loads(out.read_text())["fingerprint"]
        run = next(run for run in self.runs(experiment) if run.data.tags.get(FINGERPRINT) == mark)
        return Tracked(run.info.run_id, run.info.run_name, run.data.tags["mlflow.note.content"], report.read_text())

    def runs(self, experiment=EXPERIMENT):
        """All runs, the newest first."""
        client = store.connect()
        number = client.get_experiment_by_name(experiment).experiment_id
        return client.search_runs([number], order_by=["attributes.start_time DESC"])

    def restore_files(self):
        """The files as the first run saw them."""
        for name, content in CHANGED.items():
            (self.folder / name).write_bytes(content)


def ran(main, *words):
    """Exit code, stdout and stderr of a command."""
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main([str(word) for word in words])
    return code, out.getvalue(), err.getvalue()


def git(folder, *words):
    who = ("-c", "user.name=Ann", "-c", "user.email=ann@example.org")
    done = subprocess.run(["git", *who, *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def work(small_run, small_params, tmp_path_factory):
    folder = tmp_path_factory.mktemp("work") / "repository"
    folder.mkdir()
    for name, content in COMMITTED.items():
        (folder / name).write_bytes(content)
    (folder / ".gitignore").write_text(IGNORED)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
        patch.setenv("MLFLOW_TRACKING_URI", "")
        patch.delenv("DVC_EXP_NAME", raising=False)
        git(folder, "init", "--quiet")
        git(folder, "add", ".")
        git(folder, "commit", "--quiet", "--message", "first")
        yield Work(folder, small_run, small_params)


@pytest.fixture(scope="module")
def first(work):
    """The first run, from changed, deleted and untracked files, which all have changed since."""
    work.restore_files()
    (work.folder / "gone.txt").unlink()
    (work.folder / "stray.txt").write_text("not git's\n")
    run = work.track()
    (work.folder / "story.html").write_bytes(b"<p>Three</p>\n")
    (work.folder / "gone.txt").write_text("back\n")
    return run


@pytest.fixture(scope="module")
def worse(work, first):  # noqa: ARG001 # tracked before
    """A second run, while there is no champion."""
    return work.track(-0.1, {"leaves": 20})


@pytest.fixture(scope="module")
def champion(work, first, worse):  # noqa: ARG001 # tracked before
    """The first run's version of the registered model, made the champion."""
    code, number, _ = ran(registry.main, "register", first.id)
    assert code == 0
    assert ran(registry.main, "promote", number.strip(), *work.timing)[0] == 0
    return number.strip()


@pytest.fixture(scope="module")
def better(work, champion):  # noqa: ARG001 # promoted before
    """A third run, while the first is the champion."""
    return work.track(0.1, {"leaves": 25})


@pytest.fixture(scope="module")
def baseline(work, better):  # noqa: ARG001 # tracked before
    """A run without a model, child of a group."""
    return work.track(-0.2, {"learner": "majority"}, baseline=True, run_name="1-majority", group="ladder")


@pytest.fixture
def files(work):
    """The work tree's files, put back afterwards."""
    kept = {path: path.read_bytes() for path in work.folder.iterdir() if path.name in COMMITTED}
    yield work.folder
    for path, content in kept.items():
        path.write_bytes(content)


@pytest.fixture
def reign(champion):
    """The alias and what it remembers, put back afterwards."""
    yield
    client = store.connect()
    client.set_registered_model_alias(store.MODEL, store.CHAMPION, champion)
    client.set_registered_model_tag(store.MODEL, registry.BEFORE, "")


def contender(macro=0.8, size=1000, seconds=1.0, blocks=500.0, **labels):
    f1 = {f"{label}/f1": labels.get(label, 0.8) for label in LABELS}
    return Contender({"macro_f1": macro, "blocks": blocks, **f1}, size, seconds)


@pytest.mark.parametrize(
    ("candidate", "reasons"),
    [
        (contender(macro=0.7999), ["its macro-F1 is 0.7999, the champion's 0.8000"]),
        (contender(caption=0.78), ["its caption/f1 is 0.7800, the champion's 0.8000"]),
        (contender(seconds=1.3), ["it takes 1.30 times the champion's CPU"]),
        (contender(size=LARGEST + 1), [f"it has {LARGEST + 1:,} bytes, more than {LARGEST:,}"]),
        (contender(macro=0.1, blocks=400.0), ["its figures are of 400 blocks, the champion's of 500"]),
        (contender(macro=0.7, promo=0.5, seconds=2.0), ["its macro-F1", "its promo/f1", "it takes 2.00 times"]),
    ],
)
def test_each_gate_refuses_and_says_by_what_numbers(candidate, reasons):
    found = list(objections(candidate, contender(), Gates()))
    assert len(found) == len(reasons)
    assert all(text.startswith(reason) for text, reason in zip(found, reasons, strict=True))


@pytest.mark.parametrize(
    ("candidate", "champion", "gates"),
    [
        (contender(), contender(), Gates()),
        (contender(macro=0.81, nav=0.791, seconds=1.24), contender(), Gates()),
        (contender(macro=0.1, blocks=1.0, seconds=99.0), None, Gates()),
        (contender(macro=0.75, content=0.7, seconds=1.9), contender(), Gates(macro=0.06, label=0.11, slower=2)),
    ],
    ids=["equal", "within the margins", "no champion yet", "wider margins"],
)
def test_what_holds_passes_the_gates(candidate, champion, gates):
    assert not list(objections(candidate, champion, gates))


def test_registering_prints_the_version_and_twice_is_once(champion, first):
    assert ran(registry.main, "register", first.id)[:2] == (0, f"{champion}\n")


def test_a_run_without_a_model_is_refused_in_words(baseline):
    code, out, err = ran(registry.main, "register", baseline.id)
    assert (code, out) == (1, "")
    assert f"run {baseline.id} has no model" in err


def test_one_worse_is_not_promoted_and_the_alias_stays(work, champion, worse):
    code, out, err = ran(registry.main, "promote", worse.id, *work.timing)
    assert (code, out) == (1, "")
    figures = [json.loads((work.top / "evaluation" / "metrics.json").read_text())["macro_f1"] + d for d in (-0.1, 0)]
    assert "its macro-F1 is {:.4f}, the champion's {:.4f}".format(*figures) in err
    assert store.champion_of(store.connect()).version == int(champion)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("register", "0" * 32), "0" * 32),
        (("promote", "99"), "version=99"),
        (("promote", "{champion}"), "is the champion already"),
        (("back",), "no champion before this one"),
        (("promote", "{better}", "--pages", "{empty}"), "no HTML pages to time the models on"),
    ],
)
def test_the_registry_says_what_it_cannot_do(words, message, champion, better, tmp_path):
    named = {"champion": champion, "better": better.id, "empty": tmp_path}
    code, out, err = ran(registry.main, *(word.format(**named) for word in words))
    assert (code, out) == (1, "")
    assert err.count("registry: ") == 1
    assert message in err
    assert "Traceback" not in err


@pytest.mark.usefixtures("reign")
def test_back_restores_the_champion_before_and_twice_is_forward_again(work, champion, better):
    code, number, err = ran(registry.main, "promote", better.id, *work.timing)
    assert code == 0, err
    for expected in (champion, number.strip(), champion):
        assert ran(registry.main, "back")[:2] == (0, f"{expected}\n")
        assert store.champion_of(store.connect()).version == int(expected)


@pytest.mark.usefixtures("champion")
def test_the_champion_loads_with_pickle_forbidden_and_gives_rows_from_html(work, monkeypatch):
    import mlflow

    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    store.connect()
    model = mlflow.pyfunc.load_model("models:/newsieve@champion")
    rows = model.predict(pd.DataFrame({"html": [STORY, "", "<p>Another page.</p>"]}))
    assert rows["page"].tolist() == [0, 0, 0, 2]
    assert rows["text"].tolist() == ["Harbour opens", "The new harbour opened on Monday.", "Home", "Another page."]
    direct = Classifier.load(work.top / "model").classify(STORY).blocks
    assert rows["label"].tolist()[:3] == [block.label.value for block in direct]
    assert rows[list(LABELS)].sum(axis=1).tolist() == pytest.approx([1.0] * 4)


@pytest.fixture
def urls(champion, monkeypatch):  # noqa: ARG001 # promoted before
    """The champion as the store serves it, and the urls that reach the classifier, as they come."""
    import mlflow

    taken, classify = [], Classifier.classify
    monkeypatch.setattr(Classifier, "classify", lambda *words: taken.append(words[2]) or classify(*words))
    store.connect()
    return mlflow.pyfunc.load_model("models:/newsieve@champion"), taken


def test_the_champion_takes_the_urls_of_pages_where_they_are_given(urls):
    model, taken = urls
    model.predict(pd.DataFrame({"html": [STORY], "url": ["https://a.example/story"]}))
    model.predict(pd.DataFrame({"html": [STORY]}))
    assert taken == ["https://a.example/story", None]


@pytest.mark.usefixtures("champion")
def test_a_model_downloaded_from_the_store_labels_as_the_folder_that_was_logged(work, tmp_path):
    import mlflow

    store.connect()
    folder = Path(mlflow.artifacts.download_artifacts("models:/newsieve@champion", dst_path=str(tmp_path)))
    assert not [path for path in folder.rglob("*") if path.suffix in {".pkl", ".pickle"}]
    original, downloaded = Classifier.load(work.top / "model"), Classifier.load(folder)
    for page in (work.top / "public" / "pages").glob("*.html"):
        pairs = [
            [block.probabilities for block in one.classify(page.read_bytes()).blocks] for one in (original, downloaded)
        ]
        assert pairs[0] == pairs[1]
        assert pairs[0]


def answered(process, port, path, data=None):
    """What the server answers, once it is up."""
    url, until = f"http://127.0.0.1:{port}/{path}", time.monotonic() + 120
    while process.poll() is None and time.monotonic() < until:
        try:
            with urlopen(Request(url, data, {"Content-Type": "application/json"}), timeout=30) as response:
                return response.read()
        except URLError as error:
            if hasattr(error, "code"):  # an answer, of an error
                raise
            time.sleep(0.3)
    pytest.fail("the server did not come up")


@contextmanager
def serving(command, settings, log):
    """Process and port of a server of mlflow's, which ends with the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    paths = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    words = [sys.executable, "-m", "mlflow", *command, "--port", str(port)]
    with log.open("w") as file:
        process = subprocess.Popen(
            words, env=os.environ | {"PATH": paths} | settings, stdout=file, stderr=file, start_new_session=True
        )
        try:
            yield process, port
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def served(work, champion, tmp_path):  # noqa: ARG001 # promoted before
    """Process and port of a server of the champion."""
    command = ["models", "serve", "--model-uri", "models:/newsieve@champion", "--env-manager", "local"]
    settings = {"MLFLOW_TRACKING_URI": work.uri, "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false"}
    with serving(command, settings, tmp_path / "serve.log") as server:
        yield server


def test_a_tracking_server_takes_a_run_with_its_files_by_its_address_alone(small_run, tmp_path):
    from mlflow import MlflowClient

    places = [
        "--backend-store-uri",
        f"sqlite:///{tmp_path / 'server.db'}",
        "--artifacts-destination",
        str(tmp_path / "a"),
    ]
    with serving(["server", *places, "--workers", "1"], {}, tmp_path / "server.log") as (process, port):
        answered(process, port, "health")
        done, _ = tracked(small_run, tmp_path, f"http://127.0.0.1:{port}", seconds=60)
        assert done.returncode == 0, done.stderr
        client = MlflowClient(f"http://127.0.0.1:{port}")
        (run,) = client.search_runs([client.get_experiment_by_name("newsieve").experiment_id])
        names = {path.path for path in client.list_artifacts(run.info.run_id)}
        assert names >= {"report.html", "plots", "evaluation"}
    assert not (tmp_path / "mlflow.db").exists()
    assert list((tmp_path / "a").rglob("model.txt"))


def test_a_served_champion_answers_html_with_labelled_blocks(served):
    body = json.dumps({"dataframe_split": {"columns": ["html"], "data": [[STORY]]}}).encode()
    rows = json.loads(answered(*served, "invocations", body))["predictions"]
    assert [row["text"] for row in rows] == ["Harbour opens", "The new harbour opened on Monday.", "Home"]
    for row in rows:
        assert row["label"] == max(LABELS, key=lambda label: row[label])


def test_restore_gives_the_files_as_they_were_when_the_run_was_made(work, first, tmp_path):
    code, out, err = ran(restore.main, first.id, tmp_path / "then")
    assert (code, out) == (0, f"{tmp_path / 'then'}\n"), err
    restored = {path.name: path.read_bytes() for path in (tmp_path / "then").iterdir() if path.name != ".git"}
    assert restored == {**CHANGED, ".gitignore": IGNORED.encode()}
    assert (work.folder / "story.html").read_bytes() == b"<p>Three</p>\n", "the work tree itself stays"
    assert "files that git did not track are not in it: stray.txt" in err


@pytest.mark.usefixtures("first")
def test_restoring_an_unknown_run_says_so_and_makes_nothing(tmp_path):
    code, out, err = ran(restore.main, "0" * 32, tmp_path / "then")
    assert (code, out) == (1, "")
    assert err.startswith("restore: ")
    assert "0" * 32 in err
    assert not (tmp_path / "then").exists()


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ({}, "was not made in a git work tree"),
        ({identity.TREE: "0" * 40}, "but the run was made by 000000000000"),
        ({identity.COMMIT: "0" * 40}, "git worktree: "),
    ],
    ids=["no git", "another tree", "unknown commit"],
)
@pytest.mark.usefixtures("first")
def test_a_tree_that_cannot_be_had_is_not_passed_off_as_the_runs(tags, message, tmp_path):
    client = store.connect()
    named = {**dict(identity.identity()), **tags} if tags else {}
    run_id = client.create_run(store.experiment_of(client, ASIDE), tags=named).info.run_id
    client.log_text(run_id, "", restore.PATCH)
    code, out, err = ran(restore.main, run_id, tmp_path / "then")
    assert (code, out) == (1, "")
    assert message in err


def test_the_tags_of_a_run_name_its_commit_and_what_differed(work, first, monkeypatch):
    tags = store.connect().get_run(first.id).data.tags
    assert tags[identity.COMMIT] == git(work.folder, "rev-parse", "HEAD")
    assert set(tags[identity.CHANGED].split()) == set(COMMITTED)
    assert tags[identity.UNTRACKED] == "stray.txt"
    assert tags[identity.TREE] != git(work.folder, "rev-parse", "HEAD^{tree}")
    monkeypatch.setenv("DVC_EXP_NAME", "tall-oaks")
    assert dict(identity.identity())[identity.EXPERIMENT] == "tall-oaks"


def test_the_hash_of_the_tree_is_gits_own_and_leaves_the_index_alone(tmp_path):
    git(tmp_path, "init", "--quiet")
    (tmp_path / "a.txt").write_text("a\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "a")
    assert identity.tree_of(tmp_path) == git(tmp_path, "rev-parse", "HEAD^{tree}")
    (tmp_path / "a.txt").write_text("b\n")
    found = identity.tree_of(tmp_path)
    assert git(tmp_path, "diff", "--cached", "--name-only") == ""
    git(tmp_path, "commit", "--quiet", "--all", "--message", "b")
    assert found == git(tmp_path, "rev-parse", "HEAD^{tree}")


def test_outside_git_a_run_has_no_identity(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert dict(identity.identity()) == {}


def test_an_experiment_that_runs_aside_uses_the_store_of_its_repository(tmp_path, monkeypatch):
    aside = tmp_path / ".dvc" / "tmp" / "exps" / "x"
    aside.mkdir(parents=True)
    for folder in (aside, tmp_path):
        monkeypatch.chdir(folder)
        assert store.home() == tmp_path
        monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
        assert store.connect().tracking_uri == f"sqlite:///{tmp_path / 'mlflow.db'}"


def test_an_error_that_is_not_the_stores_is_not_blamed_on_it():
    with pytest.raises(KeyError), store.said("advice"):
        raise KeyError("html")


def table_of(note):
    """The rows of a table in Markdown, by their first cell."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in note.split("\n") if line.startswith("|")]
    return {row[0]: row[1:] for row in rows}


def test_the_first_run_is_compared_with_nothing(first):
    assert first.name == "first"
    assert first.note.startswith("Figures on sites not seen:")
    assert table_of(first.note)["macro_f1"][1:] == ["", ""]
    assert "compared with nothing: it is the first" in first.report


@pytest.mark.parametrize(
    ("made", "against", "change", "name"),
    [
        ("worse", "the run before, first", -0.1, "train.leaves=20"),
        ("better", "the champion, first", 0.1, "train.leaves=25"),
    ],
)
def test_a_result_is_compared_with_the_champion_else_with_the_run_before(made, against, change, name, request):
    first, run = (request.getfixturevalue(fixture) for fixture in ("first", made))
    assert run.name == name
    assert f"against {against}:" in run.note
    rows = table_of(run.note)
    assert rows["figure"] == ["this run", "before", "change"]
    before = float(table_of(first.note)["macro_f1"][0].split()[0])
    assert float(rows["macro_f1"][0].split()[0]) == pytest.approx(before + change, abs=2e-4)  # both are rounded
    assert rows["macro_f1"][1:] == [f"{before:.4f}", f"{change:+.4f}"]
    assert rows["content/f1"][2] == "+0.0000"
    assert f"compared with {against}." in run.report


@pytest.mark.usefixtures("better")
def test_the_champion_tracked_again_is_not_compared_with_itself(work, first):
    again = work.track()
    assert again.id == first.id
    assert "compared with the run before, " in again.report


def test_the_report_loads_nothing_from_elsewhere(better):
    page = lxml_html.fromstring(better.report)
    sources = [value for _, attribute, value, _ in page.iterlinks() if attribute]
    assert len(sources) == len(page.findall(".//img")) >= 4
    assert all(value.startswith("data:image/png;base64,") for value in sources)
    assert not page.xpath("//script | //link | //iframe | //object | //base")
    assert not re.search(r"url\(|@import", page.findtext(".//style"))
    assert "default-src 'none'" in page.find(".//meta[@http-equiv]").get("content")


def gold_of(page, kinds):
    """Label by text of an authored page's lines, as they are labelled by hand."""
    of_kind = {kind: label for label, letters in kinds.items() for kind in letters.split()}
    lines = (line.split("\t") for line in page.with_suffix(".tsv").read_text().splitlines() if "\t" in line)
    return {text: of_kind[kind] for kind, text in lines}


def test_the_report_shows_the_worst_pages_with_gold_beside_the_models_labels(work, better, small_params):
    pages = lxml_html.fromstring(better.report).findall(".//details")
    shares = []
    for details in pages:
        name, wrong, blocks = re.fullmatch(r"(\S+): (\d+) of (\d+) blocks wrong", details.findtext("summary")).groups()
        gold = gold_of(work.top / "authored" / "pages" / name, small_params["train"]["kinds"])
        rows = [[*row, "wrong" in row.get("class")] for row in details.iter("tr")]
        assert len(rows) == int(blocks)
        assert sum(error for _, _, error in rows) == int(wrong)
        for left, right, error in rows:
            assert right.text_content() == f"{right.findtext('b')} {left.text}"
            assert right.findtext("b").split()[0] == right.get("class")
            assert error == (left.get("class") != right.get("class"))
        told = [(left.text, left.get("class")) for left, _, _ in rows if left.text in gold]
        assert len(told) > int(blocks) / 2
        assert told == [(text, gold[text]) for text, _ in told]
        shares.append(int(wrong) / int(blocks))
    assert len(shares) == 2
    assert shares == sorted(shares, reverse=True)


def test_blocks_without_gold_are_left_out_and_the_others_keep_their_texts(work, small_params):
    judged = pd.read_parquet(work.top / "judged.parquet")
    pages, name = work.top / "authored" / "pages", "janews-volley.html"
    judged = judged[judged["page"] == name].reset_index(drop=True)
    judged.loc[:4, "label"] = -1
    text = "".join(run_report._worst(judged, {"authored": pages}))
    gold = gold_of(pages / name, small_params["train"]["kinds"])
    shown = [row[0] for row in lxml_html.fromstring(text).iter("tr")]
    assert len(shown) == len(judged) - 5
    assert next(cell.text for cell in shown if cell.text in gold) == list(gold)[5]
    assert all(gold[cell.text] == cell.get("class") for cell in shown if cell.text in gold)


def test_the_report_marks_better_and_worse_shows_own_pages_and_escapes_names(work, tmp_path):
    metrics = json.loads((work.top / "evaluation" / "metrics.json").read_text())
    site = {"macro_f1": 0.5, "content_token_f1": 0.6, "blocks": 90.0}
    after = {**site, "macro_f1": 0.7}
    metrics["own"] = {"before": {**site, "site": {"a.example": site, "b.example": site}}}
    metrics["own"]["after"] = {**after, "site": {"a.example": after}}
    lower = {"macro_f1": metrics["macro_f1"] - 0.1, "log_loss": metrics["log_loss"] - 0.1}
    past = run_report.Past("the run before", "<script>x", lower, {}, {})
    out = tmp_path / "new" / "report.html"
    run_report.write_report(metrics, past, work.top / "evaluation", work.top / "judged.parquet", {}, out)
    text = out.read_text()
    assert "&lt;script&gt;x" in text
    assert "<script" not in text
    cells = {row[0].text: list(row) for row in lxml_html.fromstring(text).iter("tr")}
    assert cells["macro_f1"][3].get("class").split() == ["n", "better"]
    assert cells["log_loss"][3].get("class").split() == ["n", "worse"]
    assert cells["nav/f1"][3].text is None, "the past run has no such figure"
    assert [cell.text for cell in cells["all"]][1:3] == ["0.500, 0.600", "0.700, 0.600"]
    assert [cells[name][2].text for name in ("a.example", "b.example")] == ["0.700, 0.600", "too few pages"]


def test_a_group_is_a_run_whose_description_lists_its_children(work, baseline, worse):
    before = {run.info.run_id for run in work.runs()}
    again = work.track(-0.1, {"leaves": 20}, run_name="2-leaves", group="ladder")
    assert again.id == worse.id, "the run that is there is adopted"
    runs = {run.info.run_id: run for run in work.runs()}
    assert set(runs) == before
    (parent,) = (run for run in runs.values() if run.data.tags.get(store.GROUP) == "ladder")
    children = {
        run.info.run_name for run in runs.values() if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id
    }
    assert parent.info.run_name == "ladder"
    assert parent.info.status == "FINISHED"
    assert children == {"1-majority", "2-leaves"}
    rows = table_of(parent.data.tags["mlflow.note.content"])
    assert list(rows) == ["run", "---", "1-majority", "2-leaves"]
    for name, run in (("1-majority", baseline), ("2-leaves", worse)):
        assert rows[name][0] == f"{runs[run.id].data.metrics['macro_f1']:.3f}"


def test_learning_curves_are_logged_by_round(work, first, small_params):
    curves = pd.read_csv(work.top / "evaluation" / "curves.csv")
    for name in ("learned", "held_out"):
        points = store.connect().get_metric_history(first.id, f"curve/{name}")
        assert [point.step for point in points] == list(range(1, small_params["train"]["rounds"] + 1))
        assert [point.value for point in points] == curves[name].tolist()


def test_the_rungs_of_the_ladder_are_numbered_and_of_distinct_names_and_settings(small_params):
    rungs = list(ladder.experiments(small_params["train"]["families"]))
    assert [int(title.split("-")[0]) for title, _ in rungs] == list(range(1, len(ladder.RUNGS) + 1))
    assert len({title.split("-", 1)[1] for title, _ in rungs}) == len(rungs)
    trained = [tuple(word for word in settings if word.startswith("train.")) for _, settings in rungs]
    assert len(set(trained)) == len(rungs), "two rungs would be one result"


def test_dvc_takes_what_each_rung_sets_and_params_yaml_has_every_key(small_params, tmp_path):
    from dvc.utils.hydra import apply_overrides

    keys = {f"{section}.{key}" for section, values in small_params.items() for key in values}
    path = tmp_path / "params.yaml"
    for title, settings in ladder.experiments(small_params["train"]["families"]):
        assert {word.split("=")[0] for word in settings} <= keys
        shutil.copy(TOP / "params.yaml", path)
        apply_overrides(path, settings)
        params = read_params(path)
        assert (params["track"]["run_name"], params["track"]["group"]) == (title, "ladder")
    assert params["train"]["families"] == small_params["train"]["families"]
    assert min(params["train"]["silver_weights"].values()) > 0


@pytest.mark.usefixtures("champion")
def test_a_result_whose_logging_failed_is_logged_when_tried_again(work, monkeypatch):
    from newsieve.pipeline import track

    def full(_):
        raise OSError("disk full")

    same = ((-0.3, {"learner": "majority"}), {"baseline": True, "experiment": ASIDE})
    with monkeypatch.context() as patch:
        patch.setattr(track, "draw", full)
        with pytest.raises(OSError, match="disk full"):
            work.track(*same[0], **same[1])
    run = work.track(*same[0], **same[1])
    assert store.connect().get_run(run.id).info.status == "FINISHED"
    assert {path.path for path in store.connect().list_artifacts(run.id)} >= {"plots", "evaluation", "source"}


@pytest.mark.usefixtures("champion")
def test_a_change_in_a_file_of_another_encoding_is_tracked_and_restored(work, files, tmp_path):
    (files / "story.html").write_bytes("<p>Café crème</p>\n".encode("latin-1"))
    run = work.track(-0.4, {"learner": "majority"}, baseline=True, experiment=ASIDE)
    code, _, err = ran(restore.main, run.id, tmp_path / "then")
    assert code == 0, err
    assert (tmp_path / "then" / "story.html").read_bytes() == "<p>Café crème</p>\n".encode("latin-1")


@pytest.mark.parametrize(("key", "value"), [("diff.noprefix", "true"), ("color.ui", "always")])
@pytest.mark.usefixtures("first")
def test_the_patch_does_not_depend_on_how_git_is_configured(key, value, work, monkeypatch):
    plain = identity.patch_of(work.folder)
    for number, word in enumerate((key, value)):
        monkeypatch.setenv(("GIT_CONFIG_KEY_0", "GIT_CONFIG_VALUE_0")[number], word)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    assert identity.patch_of(work.folder) == plain


@pytest.mark.usefixtures("reign")
def test_a_champion_made_for_other_features_is_not_in_the_way_of_its_successor(work, better):
    import mlflow

    store.connect()
    (about,) = Path(mlflow.artifacts.download_artifacts("models:/newsieve@champion")).rglob("model.json")
    kept = about.read_text()
    about.write_text(kept.replace('"text.chars"', '"text.gone"'))
    try:
        code, out, err = ran(registry.main, "promote", better.id, *work.timing)
    finally:
        about.write_text(kept)
    assert code == 0, err
    assert out.strip().isdecimal()


def test_a_page_without_a_url_among_others_with_one_is_labelled(urls):
    model, taken = urls
    model.predict(pd.DataFrame({"html": [STORY, STORY], "url": ["https://a.example/story", None]}))
    assert taken == ["https://a.example/story", None]


@pytest.mark.usefixtures("champion")
def test_a_group_may_have_an_apostrophe(work):
    run = work.track(-0.5, {"learner": "majority"}, baseline=True, group="editor's", experiment=ASIDE)
    assert store.connect().get_run(run.id).data.tags["mlflow.parentRunId"]
