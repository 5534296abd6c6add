"""The command line: what is wrong gets one clear sentence and exit code 2."""

import re

import pandas as pd
import pytest

import saeidioms
from saeidioms import cli, config, options, pipeline
from saeidioms.cli import flags, stages
from saeidioms.run import Run


def fails(capsys, *arguments):
    """Run a command that must fail; return its one sentence."""
    with pytest.raises(SystemExit) as caught:
        cli.main([str(argument) for argument in arguments])
    assert caught.value.code == 2
    lines = [
        line for line in capsys.readouterr().err.splitlines() if re.match("saeidioms.*: ", line)
    ]
    assert len(lines) == 1
    assert lines[0].endswith(".") or lines[0].endswith("?")
    return lines[0]


@pytest.fixture
def chats(tmp_path):
    path = tmp_path / "chats.csv"
    rows = {
        "conversation_id": ["a", "a", "b"],
        "role": ["seeker", "supporter", "supporter"],
        "text": ["I lost my job.", "I'm so sorry to hear that. What happened?", "You can do this!"],
        "arm": ["coach", "coach", "control"],
    }
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def test_a_missing_file(tmp_path, capsys):
    sentence = fails(capsys, "run", tmp_path / "chats.csv", "--out", tmp_path / "out")
    assert "chats.csv does not exist" in sentence


def test_no_text_column(tmp_path, capsys):
    path = tmp_path / "numbers.csv"
    path.write_text("a,b\n1,2\n")
    sentence = fails(capsys, "run", path, "--out", tmp_path / "out")
    assert "--text" in sentence
    assert str(path) in sentence


def test_a_text_column_that_is_not_there(chats, tmp_path, capsys):
    sentence = fails(capsys, "run", chats, "--out", tmp_path / "out", "--text", "txt")
    assert "txt" in sentence
    assert "text" in sentence


def test_a_binary_file(tmp_path, capsys):
    path = tmp_path / "chats.csv"
    path.write_bytes(bytes(range(256)) * 4)
    assert str(path) in fails(capsys, "run", path, "--out", tmp_path / "out")


@pytest.mark.parametrize("content", ["", "text\n", 'text\n""\n" "\n'])
def test_an_empty_corpus(tmp_path, capsys, content):
    path = tmp_path / "chats.csv"
    path.write_text(content)
    assert str(path) in fails(capsys, "run", path, "--out", tmp_path / "out")


def test_a_corpus_of_one_message(tmp_path, capsys):
    path = tmp_path / "chats.csv"
    path.write_text("text\nhello there\n")
    sentence = fails(capsys, "run", path, "--out", tmp_path / "out", "--cache", tmp_path / "cache")
    assert re.search(r"\b(1|one)\b", sentence)


def test_a_corpus_of_missing_texts(tmp_path, capsys):
    path = tmp_path / "chats.parquet"
    pd.DataFrame({"text": [None, float("nan")], "n": [1, 2]}).to_parquet(path)
    assert str(path) in fails(capsys, "run", path, "--out", tmp_path / "out")


def test_an_unknown_role(chats, tmp_path, capsys):
    sentence = fails(capsys, "run", chats, "--out", tmp_path / "out", "--role", "suporter")
    assert "supporter" in sentence
    assert "seeker" in sentence


def test_malformed_yaml(chats, tmp_path, capsys):
    path = tmp_path / "bad.yaml"
    path.write_text("sae:\n  k: [1\n")
    sentence = fails(capsys, "run", chats, "--out", tmp_path / "out", "--config", path)
    assert f"{path}, line" in sentence


def test_an_unknown_option_in_a_configuration(chats, tmp_path, capsys):
    path = tmp_path / "config.yaml"
    path.write_text("sae:\n  n_featuers: 8\n")
    sentence = fails(capsys, "run", chats, "--out", tmp_path / "out", "--config", path)
    assert "did you mean n_features?" in sentence


def test_a_device_that_is_not_there(chats, tmp_path, capsys):
    assert "device='warp'" in fails(
        capsys, "run", chats, "--out", tmp_path / "out", "--device", "warp"
    )


def test_a_baseline_without_a_column(chats, tmp_path, capsys):
    sentence = fails(capsys, "run", chats, "--out", tmp_path / "out", "--baseline", "control")
    assert "--by is missing" in sentence


def test_a_panel_without_a_baseline(chats, tmp_path, capsys):
    sentence = fails(capsys, "run", chats, "--out", tmp_path / "out", "--panel", "arm")
    assert "--baseline is missing" in sentence


def test_a_negative_seed(chats, tmp_path, capsys):
    assert "seed" in fails(capsys, "run", chats, "--out", tmp_path / "out", "--seed", "-1")


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (["--unit", "word"], "--unit is 'word', a text; it must be 'sentence' or 'message'"),
        (["--min-strength", "2"], "--min-strength is 2"),
        (["--level=7"], "--level is 7"),
    ],
)
def test_an_option_is_named_as_it_was_typed(chats, tmp_path, capsys, typed, sentence):
    assert sentence in fails(capsys, "run", chats, "--out", tmp_path / "out", *typed)


def test_overrides_that_are_not_there(chats, tmp_path, capsys):
    sentence = fails(capsys, "run", chats, "--out", tmp_path / "out", "--overrides", "own.csv")
    assert "own.csv is no file" in sentence


def test_a_mistake_does_not_lock_the_demo_out(tmp_path, capsys):
    fails(capsys, "demo", "--out", tmp_path / "demo", "--taxonomy", "empaty")
    cli_options = ["demo", "--out", str(tmp_path / "demo"), "--taxonomy", "schwartz_valeus"]
    assert "schwartz_values" in fails(capsys, *cli_options)


def test_an_output_that_cannot_be_written(chats, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    sentence = fails(capsys, "run", chats, "--out", tmp_path / "file" / "out")
    assert "cannot be written" in sentence


def test_the_run_folder_of_another_corpus(chats, tmp_path, capsys):
    out = tmp_path / "out"
    cli.main(["run", str(chats), "--out", str(out), "--until", "corpus"])
    other = tmp_path / "other.csv"
    other.write_text("text\nsomething else\n")
    sentence = fails(capsys, "run", other, "--out", out)
    assert "another corpus" in sentence


def test_a_source_that_could_not_be_read_does_not_take_the_run_folder(chats, tmp_path, capsys):
    out, wrong = tmp_path / "out", tmp_path / "wrong.csv"
    wrong.write_text("text\n")
    assert "no rows" in fails(capsys, "run", wrong, "--out", out)
    cli.main(["run", str(chats), "--out", str(out), "--until", "corpus"])
    assert len(Run(out).corpus) == 4


def test_a_misspelt_group_is_refused_before_anything_expensive(chats, tmp_path, capsys):
    out = tmp_path / "out"
    sentence = fails(capsys, "run", chats, "--out", out, "--by", "arn")
    assert "arm" in sentence
    assert not (out / "embeddings").exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--by", "arm", "--baseline", "controll"], "baseline is 'controll'"),
        (["--by", "strategy"], "strategy varies within conversations"),
        (["--cluster", "persn"], "there is no column persn"),
    ],
)
def test_mistaken_groups_are_refused_at_once_and_not_recorded(
    tmp_path, capsys, chats, options, sentence
):
    table = pd.read_csv(chats).assign(strategy=["x", "y", "x"])
    table.to_csv(chats, index=False)
    out = tmp_path / "out"
    assert sentence in fails(capsys, "run", chats, "--out", out, *options)
    assert not (out / "embeddings").exists()
    cli.main(["run", str(chats), "--out", str(out), "--until", "corpus"])
    assert sentence in fails(capsys, "corpus", out, *options)
    cli.main(["corpus", str(out)])


def test_an_unknown_taxonomy_is_refused_before_anything_expensive(chats, tmp_path, capsys):
    out = tmp_path / "out"
    sentence = fails(capsys, "run", chats, "--out", out, "--taxonomy", "empaty")
    assert "empathy" in sentence
    assert not (out / "embeddings").exists()


def test_a_folder_that_is_no_run(tmp_path, capsys):
    assert "holds no run" in fails(capsys, "status", tmp_path)


def test_status_names_the_option_that_changed(chats, tmp_path, capsys):
    out = tmp_path / "out"
    cli.main(["run", str(chats), "--out", str(out), "--until", "corpus"])
    cli.main(["status", str(out)])
    assert re.search(r"corpus +up to date", capsys.readouterr().out)
    record = out / "run.json"
    record.write_text(record.read_text().replace('"unit": "sentence"', '"unit": "message"'))
    cli.main(["status", str(out)])
    assert "units.unit: 'sentence' -> 'message'" in capsys.readouterr().out


def test_a_comparison_is_made_only_where_a_baseline_is_given(chats, tmp_path):
    out = tmp_path / "out"
    cli.main(["run", str(chats), "--out", str(out), "--until", "corpus"])
    cli.main(["corpus", str(out), "--by", "arm", "--level", "0.9"])
    bound = Run(out).record.options
    assert bound["distribution"]["by"] == "arm"
    assert "compare" not in bound
    cli.main(["corpus", str(out), "--by", "arm", "--baseline", "control"])
    bound = Run(out).record.options
    assert (bound["compare"]["by"], bound["compare"]["baseline"]) == ("arm", "control")
    assert bound["distribution"]["level"] == 0.9


def test_a_stage_refuses_what_a_run_refuses(chats, tmp_path, capsys):
    out = tmp_path / "out"
    cli.main(["run", str(chats), "--out", str(out), "--until", "corpus"])
    config = tmp_path / "config.yaml"
    config.write_text("units:\n  unit: word\n")
    assert "units.unit" in fails(capsys, "corpus", out, "--config", config)


def test_a_sweep_over_chats_needs_a_folder(chats, capsys):
    assert "--out is missing" in fails(capsys, "sweep", chats)


def test_a_sweep_leaves_the_vectors_of_a_run_as_they_are(chats, tmp_path, capsys):
    out = tmp_path / "out"
    cli.main(["run", str(chats), "--out", str(out), "--until", "corpus"])
    assert "sweep takes --role from" in fails(capsys, "sweep", out, "--role", "supporter")


def test_every_flag_sets_an_option_of_its_sections():
    for flag in (flag for group in flags.GROUPS.values() for flag in group):
        for name in flag.sections:
            section = options.SECTIONS[name]
            assert flag.name in config.parameters(section.function, section.given)


def test_every_stage_is_a_verb():
    assert list(stages.STAGES) == [stage.name for stage in pipeline.STAGES]


@pytest.mark.parametrize("verb", ["run", "demo", "apply", "status", "sweep", *stages.STAGES])
def test_every_verb_has_help(verb, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main([verb, "--help"])
    assert caught.value.code == 0
    assert verb in capsys.readouterr().out


def test_a_misspelt_flag_is_offered_the_nearest_of_its_verb(chats, tmp_path, capsys):
    sentence = fails(capsys, "run", chats, "--out", tmp_path / "out", "--nfeatures", "64")
    assert "--nfeatures 64" in sentence
    assert sentence.endswith("did you mean --n-features?")
    assert not (tmp_path / "out").exists()


def test_shares_of_one_conversation_have_no_interval_and_say_why(tmp_path, capsys):
    path = tmp_path / "chats.csv"
    said = ("I'm so sorry.", "You can do this!", "What happened?", "Have you tried talking to her?")
    rows = {"conversation_id": "a", "role": "supporter", "text": said}
    pd.DataFrame(rows).to_csv(path, index=False)
    cli.main(["run", str(path), "--out", str(tmp_path / "out")])
    printed = capsys.readouterr().out
    assert "nan" not in printed
    assert "No interval can be told" in printed


def test_shipped_configurations_fit_their_callables():
    names = sorted(path.stem for path in config.find_config("default").parent.glob("*.yaml"))
    assert {"default", "demo", "large_gpu", "lend_an_ear"} <= set(names)
    for name in names:
        options.bind_options(config.read_config(name))


@pytest.mark.parametrize(
    ("typed", "meant"),
    [(["raport", "out"], "report"), (["compare", "out", "--of", "message"], "messages")],
)
def test_what_is_misspelt_is_answered_by_what_was_meant(typed, meant, capsys):
    with pytest.raises(SystemExit):
        cli.main(typed)
    assert f"did you mean {meant}?" in capsys.readouterr().err


def test_where_nothing_is_near_all_verbs_are_listed(capsys):
    with pytest.raises(SystemExit):
        cli.main(["xyzzy"])
    assert "choose from run, demo, apply" in capsys.readouterr().err


def test_a_misuse_is_one_line_that_names_the_help(capsys):
    for arguments in ([], ["run", "chats.csv"], ["search", "out"]):
        with pytest.raises(SystemExit) as caught:
            cli.main(arguments)
        said = capsys.readouterr().err
        assert caught.value.code == 2
        assert said.count("\n") == 1
        assert said.endswith(f"; see {' '.join(['saeidioms', *arguments[:1]])} --help.\n")


def test_the_version_is_told(capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"saeidioms {saeidioms.__version__}\n"
