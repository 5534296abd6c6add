"""A whole run on real conversations: what is there, what is made again, what is applied."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from saeidioms import cli, pipeline
from saeidioms.artifacts import RunFolder
from saeidioms.run import Run


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def chats(place, data_folder):
    """A fifth of ESConv's development split, with a made-up half."""
    table = pd.read_csv(data_folder / "esconv_dev.csv")
    names = table["conversation_id"].unique()[:42]
    table = table[table["conversation_id"].isin(names)]
    table = table.assign(half=np.where(table["conversation_id"].isin(names[::2]), "a", "b"))
    table.to_csv(place / "chats.csv", index=False)
    return place / "chats.csv"


@pytest.fixture(scope="module")
def some(chats, place):
    """Six conversations of these."""
    table = pd.read_csv(chats)
    table = table[table["conversation_id"].isin(table["conversation_id"].unique()[3:9])]
    table.to_csv(place / "some.csv", index=False)
    return place / "some.csv"


def command(chats, out, *extra):
    options = ["--role", "supporter", "--by", "half", "--baseline", "a"]
    return ["run", str(chats), "--out", str(out), *options, *extra]


@pytest.fixture(scope="module")
def finished(chats, place):
    cli.main(command(chats, place / "out"))
    return Run(place / "out")


@pytest.fixture
def copy(finished, tmp_path):
    """A copy of the finished run to change."""
    return Path(shutil.copytree(finished.folder.root, tmp_path / "copy"))


@pytest.fixture
def made(monkeypatch):
    """Names of the stages made, in order."""
    names = []
    build = pipeline.engine._build

    def note(run, stages, stage):
        names.append(stage.name)
        build(run, stages, stage)

    monkeypatch.setattr(pipeline.engine, "_build", note)
    return names


def manifests(folder):
    return {stage.name: RunFolder(folder).manifest(stage.name) for stage in pipeline.STAGES}


def test_every_stage_leaves_its_folder_and_its_cost(finished):
    record = json.loads(finished.folder.record.read_text())
    assert list(record["stages"]) == [stage.name for stage in pipeline.STAGES]
    assert record["options"]["sae"]["n_features"] is None
    assert record["versions"]["torch"]
    for name in ("report/report.html", "distribution/distribution.csv", "codes/idioms.csv"):
        assert (finished.folder.root / name).stat().st_size > 0
    assert (finished.folder.root / "distribution" / "comparison.csv").exists()


def test_the_shares_are_those_of_the_codes(finished):
    table = pd.read_csv(finished.folder.stage("distribution") / "distribution.csv")
    coded = finished.codes.units.merge(finished.corpus.table[["unit_id", "message_id"]])
    n = finished.corpus.table["message_id"].nunique()
    for row in table[(table["of"] == "messages") & (table["level"] == "category")].itertuples():
        held = coded.loc[coded["category"] == row.category, "message_id"].nunique()
        assert row.share == pytest.approx(held / n, rel=1e-5)
        assert row.low < row.share < row.high


def test_every_message_of_the_role_is_in_the_codes(finished, chats):
    table = pd.read_csv(chats)
    spoken = table[(table["role"] == "supporter") & table["text"].str.strip().ne("")]
    assert len(finished.codes.messages) == len(spoken)


def test_a_second_run_makes_nothing(finished, chats, made):
    cli.main(command(chats, finished.folder.root))
    assert made == []


def test_another_taxonomy_makes_only_what_follows_it(copy, chats, made):
    cli.main(command(chats, copy, "--taxonomy", "schwartz_values"))
    assert made == ["codebook", "codes", "distribution", "evidence", "report"]
    assert "benevolence" in (copy / "report" / "report.html").read_text().lower()


def test_an_override_wins_and_only_what_follows_is_made(copy, chats, made, tmp_path):
    own = tmp_path / "own.csv"
    own.write_text("feature,sub_category\n0,self-oriented\n")
    cli.main(command(chats, copy, "--overrides", str(own), "--until", "codebook"))
    assert made == ["codebook"]
    row = Run(copy).codebook.table.iloc[0]
    assert (row["sub_category"], row["source"]) == ("self-oriented", "override")


def test_an_edited_codebook_stays_and_counts(copy, made):
    path = copy / "codebook" / "codebook.csv"
    table = pd.read_csv(path, keep_default_na=False, encoding="utf-8-sig")
    before = Run(copy).codes.units
    table.loc[0, ["category", "sub_category"]] = ["Mis-attuned", "self-oriented"]
    table.loc[0, "weight"] = 9.0
    table.to_csv(path, index=False, encoding="utf-8-sig")
    edited = path.read_bytes()
    cli.main(["codes", str(copy)])
    assert made == ["codes"]
    assert path.read_bytes() == edited
    assert not Run(copy).codes.units.equals(before)


def test_an_edited_label_is_shown_and_a_spoilt_file_is_one_sentence(copy, capsys):
    path = copy / "labels" / "labels.csv"
    table = pd.read_csv(path, keep_default_na=False)
    table.loc[0, "label"] = "says it <my> way"
    table.to_csv(path, index=False)
    cli.main(["report", str(copy)])
    assert "says it \\u003cmy\\u003e way" in (copy / "report" / "report.html").read_text()
    sources = Run(copy).features.table["label_source"]
    assert sources[0] == "a person"
    assert (sources[1:] == "offline").all()
    table.drop(columns="label").to_csv(path, index=False)
    with pytest.raises(SystemExit):
        cli.main(["report", str(copy)])
    assert "labels.csv has no column label" in capsys.readouterr().err


def test_a_killed_run_ends_like_one_never_killed(finished, chats, place):
    out = place / "killed"
    arguments = [sys.executable, "-m", "saeidioms", *command(chats, out)]
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (out / "embeddings").exists() and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (out / "report").exists()
    cli.main(command(chats, out))
    assert manifests(out) == manifests(finished.folder.root)


def test_a_stored_run_gives_the_same_text_the_same_codes(finished, some, place):
    root = finished.folder.root
    cli.main(["apply", str(root), str(some), "--out", str(place / "new")])
    new = Run(place / "new").codes
    old = finished.codes.units
    expected = old[old["unit_id"].isin(Run(place / "new").corpus.table["unit_id"])]
    pd.testing.assert_frame_equal(new.units, expected.reset_index(drop=True))
    assert (place / "new" / "report" / "report.html").exists()


def test_applying_again_takes_the_corrected_codebook(copy, some, tmp_path):
    new = tmp_path / "new"
    arguments = ["apply", str(copy), str(some), "--out", str(new), "--seed", "3"]
    cli.main(arguments)
    path = copy / "codebook" / "codebook.csv"
    table = pd.read_csv(path, keep_default_na=False, encoding="utf-8-sig")
    table.loc[0, ["category", "sub_category", "weight"]] = ["Mis-attuned", "self-oriented", 9.0]
    table.to_csv(path, index=False, encoding="utf-8-sig")
    cli.main(arguments)
    assert (new / "codebook" / "codebook.csv").read_bytes() == path.read_bytes()
    assert Run(new).codebook.table["sub_category"][0] == "self-oriented"


def test_without_its_baseline_a_comparison_is_gone(copy, chats):
    cli.main(["run", str(chats), "--out", str(copy), "--role", "supporter", "--by", "half"])
    assert not (copy / "distribution" / "comparison.csv").exists()
    assert "Change against" not in (copy / "report" / "report.html").read_text()


def test_apply_changes_no_dictionary(finished, chats, place, capsys):
    arguments = ["apply", str(finished.folder.root), str(chats), "--out", str(place / "no")]
    with pytest.raises(SystemExit) as caught:
        cli.main([*arguments, "--n-features", "8"])
    assert caught.value.code == 2
    assert "--n-features" in capsys.readouterr().err


def test_the_recipe_of_the_study_runs_on_a_corpus_of_its_shape(place):
    from saeidioms.corpus.demo import demo_frame

    demo_frame(participants=24).to_csv(place / "study.csv", index=False)
    options = ["--out", str(place / "study"), "--config", "lend_an_ear"]
    cli.main(["run", str(place / "study.csv"), *options, "--until", "distribution"])
    run = Run(place / "study")
    assert (run.sae.n_features_, run.sae.k_) == (128, 2)
    changes = pd.read_csv(place / "study" / "distribution" / "comparison.csv")
    assert set(changes["setting"]) == {"personal", "workplace"}


def test_progress_is_silent_where_output_is_no_terminal(finished, chats, capsys):
    cli.main(command(chats, finished.folder.root))
    assert "\r" not in capsys.readouterr().err


def swept(tmp_path, capsys, *arguments):
    """Sweep over four settings, briefly; return what is printed."""
    config = tmp_path / "brief.yaml"
    config.write_text("sae:\n  max_steps: 40\n")
    grid = ["--n-features", "8", "16", "--k", "2", "4", "--config", config]
    cli.main(["sweep", *map(str, [*arguments, *grid])])
    return capsys.readouterr().out


def test_a_sweep_over_a_run_recommends_and_leaves_the_run_as_it_is(copy, tmp_path, capsys):
    before = {path: path.read_bytes() for path in copy.rglob("*.json")}
    printed = swept(tmp_path, capsys, copy, "--out", tmp_path / "sizes")
    table = pd.read_csv(tmp_path / "sizes" / "sweep" / "sweep.csv")
    assert table[["n_features", "k"]].to_numpy().tolist() == [[8, 2], [8, 4], [16, 2], [16, 4]]
    assert (tmp_path / "sizes" / "sweep" / "sweep.html").is_file()
    record = json.loads(before.pop(copy / "run.json"))
    assert json.loads((copy / "run.json").read_text())["options"] == record["options"]
    assert all(path.read_bytes() == content for path, content in before.items())
    assert "Take it: sae: {n_features: " in printed
    assert all(state == "up to date" for _, state in pipeline.states(pipeline.resume(copy)))


def test_a_sweep_over_chats_makes_the_run_that_goes_on_from_there(chats, tmp_path, capsys, made):
    out = tmp_path / "out"
    swept(tmp_path, capsys, chats, "--out", out, "--role", "supporter")
    assert (out / "sweep" / "sweep.csv").is_file()
    made.clear()
    cli.main(["run", str(chats), "--out", str(out), "--role", "supporter", "--until", "embeddings"])
    assert made == []
