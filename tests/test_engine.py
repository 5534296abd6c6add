"""Stages are made when something changed, and only then."""

import json
from dataclasses import replace

import pytest

from saeidioms.engine import Stage, advance, is_edited, why_stale
from saeidioms.errors import ArtifactError, InputError, ModelError, OptionError
from saeidioms.run import Run

made: list[str] = []


def make(name, *files):
    def fill(run, folder):
        made.append(name)
        for file in files or (f"{name}.txt",):
            (folder / file).write_text(f"{name} {run.record.options}")

    return fill


def options(section):
    return lambda run: {f"{section}.x": run.record.options[section]["x"]}


STAGES = (
    Stage("corpus", make("corpus"), (), options("corpus")),
    Stage("sae", make("sae"), ("corpus",), options("sae")),
    Stage(
        "codebook",
        make("codebook", "codebook.csv"),
        ("sae",),
        options("codebook"),
        edited=("codebook.csv", "proposal.csv"),
        edit_of=("sae",),
    ),
    Stage("codes", make("codes"), ("corpus", "codebook"), lambda run: {}),
)


@pytest.fixture
def run(tmp_path):
    made.clear()
    (tmp_path / "chats.csv").write_text("text\nhello\n")
    settings = {name: {"x": 1} for name in ("corpus", "sae", "codebook")}
    return Run.prepare(tmp_path / "out", tmp_path / "chats.csv", settings)


def names_made(run, until=None):
    made.clear()
    advance(run, STAGES, until)
    return made


def test_the_second_time_nothing_is_made(run):
    assert names_made(run) == ["corpus", "sae", "codebook", "codes"]
    assert names_made(run) == []


def test_until_stops_after_that_stage(run):
    assert names_made(run, until="sae") == ["corpus", "sae"]
    assert names_made(run) == ["codebook", "codes"]


def test_a_changed_option_makes_its_stage_and_what_follows(run):
    names_made(run)
    run.record.options["codebook"]["x"] = 2
    assert why_stale(run, STAGES, STAGES[2]) == "codebook.x: 1 -> 2"
    assert names_made(run) == ["codebook", "codes"]


def test_what_comes_out_the_same_makes_nothing_follow(run):
    names_made(run, until="corpus")
    before = run.folder.manifest("corpus")["files"]
    names_made(run)
    manifest = run.folder.stage("corpus") / "manifest.json"
    content = json.loads(manifest.read_text())
    content["origin"]["version"] = 0
    manifest.write_text(json.dumps(content))
    assert names_made(run) == ["corpus"]
    assert run.folder.manifest("corpus")["files"] == before


def test_a_damaged_file_is_made_again(run):
    names_made(run)
    (run.folder.stage("sae") / "sae.txt").write_text("half")
    assert why_stale(run, STAGES, STAGES[1]) == "sae.txt was changed or damaged"
    assert names_made(run) == ["sae"]


def test_an_edit_is_an_input_to_what_follows(run):
    names_made(run)
    path = run.folder.stage("codebook") / "codebook.csv"
    path.write_text("mine")
    assert is_edited(run, STAGES[2])
    assert names_made(run) == ["codes"]
    assert path.read_text() == "mine"


def test_a_new_proposal_lands_beside_an_edit(run):
    names_made(run)
    path = run.folder.stage("codebook") / "codebook.csv"
    path.write_text("mine")
    run.record.options["codebook"]["x"] = 2
    assert names_made(run) == ["codebook", "codes"]
    assert path.read_text() == "mine"
    assert "'x': 2" in path.with_name("proposal.csv").read_text()
    assert is_edited(run, STAGES[2])
    assert names_made(run) == []
    path.write_text("mine again")
    assert names_made(run) == ["codes"]


def test_an_edit_of_other_features_is_set_aside(run):
    names_made(run)
    path = run.folder.stage("codebook") / "codebook.csv"
    path.write_text("mine")
    run.record.options["sae"]["x"] = 2
    assert names_made(run) == ["sae", "codebook", "codes"]
    assert path.read_text().startswith("codebook")
    assert path.with_name("edited.csv").read_text() == "mine"
    assert names_made(run) == []


def test_an_option_that_is_gone_is_a_change(run):
    wide = (replace(STAGES[0], options=lambda run: {"corpus.x": 1, "compare.by": "arm"}),)
    advance(run, wide)
    narrow = (replace(STAGES[0], options=lambda run: {"corpus.x": 1}),)
    assert why_stale(run, narrow, narrow[0]) == "compare.by: 'arm' -> None"


def test_a_deleted_editable_file_is_made_again(run):
    names_made(run)
    (run.folder.stage("codebook") / "codebook.csv").unlink()
    assert why_stale(run, STAGES, STAGES[2]) == "codebook.csv is missing"
    assert why_stale(run, STAGES, STAGES[3]) == "codebook changed"
    assert names_made(run) == ["codebook"]


def test_an_interrupted_run_ends_like_one_never_interrupted(run, tmp_path):
    def fail(run, folder):
        (folder / "half.txt").write_text("half")
        raise KeyboardInterrupt

    broken = (*STAGES[:1], Stage("sae", fail, ("corpus",), options("sae")), *STAGES[2:])
    with pytest.raises(KeyboardInterrupt):
        advance(run, broken)
    assert names_made(run) == ["sae", "codebook", "codes"]
    other = Run.prepare(tmp_path / "other", tmp_path / "chats.csv", run.record.options)
    advance(other, STAGES)
    for stage in STAGES:
        assert run.folder.manifest(stage.name) == other.folder.manifest(stage.name)


def test_the_record_tells_seconds_and_memory_of_each_stage(run):
    names_made(run)
    stages = json.loads(run.folder.record.read_text())["stages"]
    assert list(stages) == ["corpus", "sae", "codebook", "codes"]
    assert all(cost["peak_memory_mb"] > 0 and cost["seconds"] >= 0 for cost in stages.values())


def test_the_run_of_another_corpus_is_refused(run, tmp_path):
    names_made(run)
    (tmp_path / "others.csv").write_text("text\nbye\n")
    with pytest.raises(OptionError, match="holds a run of another corpus"):
        Run.prepare(tmp_path / "out", tmp_path / "others.csv", {})


def test_a_folder_of_other_files_is_refused(tmp_path):
    (tmp_path / "chats.csv").write_text("text\nhello\n")
    with pytest.raises(OptionError, match="not empty and holds no run"):
        Run.prepare(tmp_path, tmp_path / "chats.csv", {})


def test_missing_chats_are_one_sentence(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        Run.prepare(tmp_path / "out", tmp_path / "chats.csv", {})
    assert not (tmp_path / "out").exists()


def test_a_folder_without_a_record_is_no_run(tmp_path):
    with pytest.raises(ArtifactError, match="holds no run"):
        Run(tmp_path)


def test_a_refused_option_leaves_a_finished_run_as_it_was(run):
    def refuse(run, folder):
        if run.record.options["sae"]["x"] == 99:
            raise OptionError("x is 99; give less.")
        make("sae")(run, folder)

    picky = (STAGES[0], replace(STAGES[1], make=refuse), *STAGES[2:])
    advance(run, picky)
    settings = run.record.options | {"sae": {"x": 99}}
    slip = Run.prepare(run.folder.root, run.record.source, settings)
    assert slip.record.options["sae"]["x"] == 99
    with pytest.raises(OptionError, match="x is 99"):
        advance(slip, picky)
    made.clear()
    advance(Run(run.folder.root), picky)
    assert made == []


def test_what_stopped_for_another_reason_goes_on_with_its_options(run):
    def fail(run, folder):
        raise ModelError("the server is away.")

    advance(run, STAGES)
    run.record.options["sae"]["x"] = 2
    with pytest.raises(ModelError):
        advance(run, (STAGES[0], replace(STAGES[1], make=fail), *STAGES[2:]))
    assert Run(run.folder.root).record.options["sae"]["x"] == 2


def test_a_first_run_counts_its_steps_and_a_later_one_says_why(run, caplog):
    caplog.set_level("INFO")
    advance(run, STAGES)
    assert caplog.messages[:2] == ["corpus       step 1 of 4", "sae          step 2 of 4"]
    caplog.clear()
    run.record.options["codebook"]["x"] = 2
    advance(run, STAGES)
    assert caplog.messages[0] == "codebook     step 3 of 4, again: codebook.x: 1 -> 2"


def test_inputs_that_come_and_go_are_called_so(run):
    def reading(*names):
        return (replace(STAGES[0], inputs=lambda run: dict.fromkeys(names, "as it is")),)

    advance(run, reading("source"))
    assert why_stale(run, reading("source", "note"), reading("source", "note")[0]) == "note is new"
    assert why_stale(run, reading(), reading()[0]) == "source is gone"
