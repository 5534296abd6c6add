"""Questions to a finished run: printed, kept, shown in the report, and refused in one sentence."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from saeidioms import cli
from saeidioms.analyses import common, persons
from saeidioms.cli import findings
from saeidioms.errors import OptionError
from saeidioms.findings.finding import Finding
from saeidioms.run import Run

PERSON = ["--cluster", "participant_id"]
ARMS = ["--by", "arm", "--baseline", "control"]
TIMES = ["--time", "time", "--before", "before", "--after", "after"]
CONTROL = ["--by", "arm", "--baseline", "control"]


@pytest.fixture(scope="module")
def finished(demo_run, tmp_path_factory):
    """A run that the questions of this module are kept in."""
    return Path(shutil.copytree(demo_run / "run", tmp_path_factory.mktemp("asked") / "run"))


@pytest.fixture
def quick(monkeypatch):
    """Keep findings without drawing the report anew, which one test does for all."""
    monkeypatch.setattr(common, "advance", lambda run, until=None: None)


@pytest.mark.parametrize(
    "question",
    [
        ["compare", *ARMS, *PERSON, "--panel", "time"],
        ["permute", *ARMS, "--time", "time", "--at", "after"],
        ["model", "--formula", "arm * round", "--kind", "logistic"],
        ["change", *TIMES],
        ["change", *TIMES, "--by", "arm", "--baseline", "control"],
        ["reliable", *TIMES, *CONTROL],
        ["study", *TIMES, *CONTROL, "--panel", "setting"],
        ["traits", "--score", "trait_empathy", "--bound", "0.3"],
        ["power", *ARMS, "--difference", "8", "--conversations", "100", "400"],
    ],
    ids=" ".join,
)
def test_a_question_is_answered_with_method_clusters_and_seed(finished, quick, capsys, question):
    verb, *options = question
    cli.main([verb, str(finished), *options])
    said = capsys.readouterr().out
    assert "participant_id" in said
    assert "seed 0" in said or "drawn at random" in said
    folder = said.split("Table and figure: ")[1].splitlines()[0]
    kept = Finding.load(Run(finished).folder.root / "findings" / folder.split("/")[-1])
    assert len(kept.table)
    assert kept.title in said
    assert "e+0" not in said  # no number that a person has to decode


@pytest.mark.parametrize(
    "question",
    [
        ["shares", "--chart", "treemap"],
        ["permute", *ARMS, "--time", "time", "--at", "after"],
        ["model", "--formula", "arm"],
        ["change", *TIMES],
        ["change", *TIMES, *ARMS],
        ["study", *TIMES, *CONTROL],
        ["traits", "--score", "trait_empathy"],
        ["trajectory"],
        ["trajectory", "--chart", "areas", "--by", "arm"],
    ],
    ids=" ".join,
)
def test_what_rests_on_no_faithful_feature_is_marked_in_table_and_figure(
    finished, quick, capsys, monkeypatch, question
):
    names = pd.Index(Run(finished).codebook.taxonomy.names, name="sub_category")
    found = pd.DataFrame({"features": 3, "faithful": (names != "affirming").astype(int)}, names)
    monkeypatch.setattr(Run, "grounds", found)
    verb, *options = question
    cli.main([verb, str(finished), *options])
    said = capsys.readouterr().out
    assert "affirming †" in said
    assert said.count("\n† No feature of this sub-category") == 1
    folder = Path(said.split("Table and figure: ")[1].splitlines()[0])
    figure = (folder / "figure.json").read_text(encoding="utf-8")
    assert "affirming \\u2020" in figure or "affirming †" in figure
    assert "no feature with a faithful label" in figure


def test_a_finding_is_a_section_of_the_report_until_the_codes_change(demo_run, tmp_path):
    finished = Path(shutil.copytree(demo_run / "run", tmp_path / "run"))
    cli.main(["compare", str(finished), *ARMS, *PERSON])
    page = (finished / "report" / "report.html").read_text(encoding="utf-8")
    assert "Shares of messages by arm, against control" in page
    table = pd.read_csv(finished / "findings" / "compare-arm-control-participant-id" / "table.csv")
    assert set(table["group"]) == {"video", "coach", "both"}
    cli.main(["codes", str(finished), "--min-strength", "0.3"])
    cli.main(["report", str(finished)])
    page = (finished / "report" / "report.html").read_text(encoding="utf-8")
    assert "Shares of messages by arm, against control" not in page


def test_a_profile_is_a_page_and_json_of_the_runs_people(finished, capsys):
    cli.main(["profile", str(finished), "--participant", "P003", "--order", "round"])
    said = capsys.readouterr().out
    page, plain = (Path(said.split(f"{kind}: ")[1].splitlines()[0]) for kind in ("Page", "JSON"))
    assert "against 47 others" in said
    assert "than_most: –" not in said
    assert "What <bdi>P003</bdi> says" in page.read_text(encoding="utf-8")
    found = json.loads(plain.read_text(encoding="utf-8"))
    assert (found["who"], found["column"], found["order"]) == ("P003", "participant_id", "round")
    assert found["uncertainty"] in said
    assert sorted(page.parent.iterdir()) == [page, plain]


def test_no_two_people_share_a_file():
    ids = ["P1", "p1", "p-1", "p 1", "../p1", "", "ü", "x" * 300, "x" * 301]
    names = {persons.file_name(column, who) for who in ids for column in ("person", "coach")}
    assert len({name.casefold() for name in names}) == 2 * len(ids)
    assert all(len(name) < 100 and "/" not in name and "." not in name for name in names)


def test_where_no_column_names_people_the_option_that_does_is_asked_for(finished, monkeypatch):
    names = pd.DataFrame(columns=["conversation_id", "writer"])
    monkeypatch.setattr(persons, "coded_at", lambda run: SimpleNamespace(messages=names))
    draws = {"cluster": "conversation_id", "level": 0.95}
    monkeypatch.setattr(persons, "statistics_of", lambda run, cluster, seed: draws)
    with pytest.raises(OptionError, match="give --column, one of: conversation_id, writer"):
        persons.profile_person(Run(finished), participant="P003")


def test_a_profile_of_nobody_offers_the_nearest_person(finished, capsys):
    with pytest.raises(SystemExit):
        cli.main(["profile", str(finished), "--participant", "P3"])
    assert "there is no participant_id 'P3'; did you mean" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        (
            ["compare", "--by", "arm", "--baseline", "contrl"],
            "--baseline is 'contrl', which is no value of arm; did you mean control?",
        ),
        (["permute", *ARMS, "--time", "time"], "time and at go together"),
        (["permute", "--by", "time", "--baseline", "before"], "has several values of time"),
        (["model", "--formula", "__import__('os')"], "calls __import__"),
        (["change", *TIMES, "--baseline", "control"], "--by is missing"),
        (["traits", "--score", "text"], "text"),
        (["study", *TIMES, "--by", "arm", "--baseline", "x"], "--baseline is 'x'"),
    ],
)
def test_a_mistake_is_one_sentence_and_keeps_nothing(finished, capsys, question, sentence):
    before = sorted((finished / "findings").glob("*"))
    verb, *options = question
    with pytest.raises(SystemExit) as stop:
        cli.main([verb, str(finished), *options])
    assert stop.value.code == 2
    assert sentence in capsys.readouterr().err
    assert sorted((finished / "findings").glob("*")) == before


def test_experts_are_the_bar_for_a_tool(tmp_path, capsys):
    rng = np.random.default_rng(0)
    truth = rng.integers(1, 6, size=60)
    coders = {name: np.clip(truth + rng.integers(-1, 2, size=60), 1, 5) for name in "abc"}
    coders |= {"tool": truth, "w1": rng.integers(1, 6, size=60), "w2": rng.integers(1, 6, size=60)}
    rows = pd.DataFrame({"item": range(60), "dimension": "warmth", **coders})
    rows.to_csv(tmp_path / "ratings.csv", index=False)
    options = ["--experts", "a", "b", "c", "--points", "1", "5", "--out", str(tmp_path)]
    others = ["--others", "tool", "crowd=w1,w2"]
    cli.main(["experts", str(tmp_path / "ratings.csv"), *options, *others])
    assert "Cohen's kappa (quadratic weights)" in capsys.readouterr().out
    table = pd.read_csv(tmp_path / "experts" / "table.csv").set_index("raters")
    assert table["kappa"]["tool"] > table["kappa"]["experts"] > 0.5 > table["kappa"]["crowd"]
    assert (tmp_path / "experts" / "figure.html").exists()
    with pytest.raises(SystemExit):
        cli.main(["experts", str(tmp_path / "ratings.csv"), *options, "--others", "w3"])
    assert "w3" in capsys.readouterr().err


def test_every_question_names_a_function_and_its_arguments():
    import inspect
    from importlib import import_module

    for question in findings.QUESTIONS:
        room = import_module(f"saeidioms.analyses.{question.room}")
        known = inspect.signature(getattr(room, question.function)).parameters
        for option in (*question.options, *question.shared):
            assert option.name in known, (question.verb, option.name)
            assert option.required == (known[option.name].default is inspect.Parameter.empty)
        offered = {option.name for option in (*question.options, *question.shared)}
        assert offered == set(known) - {"run"}, question.verb


def test_an_answer_is_kept_though_nobody_reads_it_to_the_end(finished):
    import subprocess
    import sys

    command = f"{sys.executable} -m saeidioms templates {finished} --max-length 3 | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert "Traceback" not in done.stderr
    assert (finished / "findings" / "templates-3" / "table.csv").exists()


def test_a_question_imports_no_torch_though_it_draws_the_report_anew(finished):
    import subprocess
    import sys

    asked = "import sys; from saeidioms import cli; cli.main(sys.argv[1:])"
    told = f"{asked}; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    subprocess.run([sys.executable, "-c", told, "shares", str(finished)], check=True)


def test_no_answer_hides_one_to_another_question(finished, quick):
    for level in ("6", "9"):
        cli.main(["power", str(finished), *ARMS, "--difference", level, "--conversations", "50"])
    kept = {path.name for path in (finished / "findings").glob("power-*")}
    assert {"power-arm-control-6-50", "power-arm-control-9-50"} <= kept
