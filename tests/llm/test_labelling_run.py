"""A run whose features a language model labels: a real client, a scripted server, real chats."""

import json
import shutil

import pandas as pd
import pytest

from saeidioms import cli
from saeidioms.run import Run

SECRET = "sk-not-to-be-found"
LABEL = {
    "label": "asks what happened",
    "definition": "The speaker asks the partner to tell more.",
    "sub_category": "encouraging elaboration",
}


def says(server):
    """Label everything alike; find every label true; take the first of five for the intruder."""

    def behave(handler, body):
        schema = body["response_format"]["json_schema"]["schema"]
        names = list(schema["properties"])
        if "label" in names:
            answer = LABEL
        else:
            answer = {name: 1 if name == "intruder" else True for name in names}
        server.fine(json.dumps(answer))(handler, body)

    return behave


@pytest.fixture(scope="session")
def unlabelled(once, data_folder):
    """Folder of chats with names in them, and of their run, whose features have no labels yet."""

    def fill(folder):
        write_chats(folder, data_folder)
        cli.main(["run", *arguments(folder, folder / "run"), "--until", "features"])

    return once("unlabelled", fill)


def arguments(folder, out):
    options = ["--role", "supporter", "--n-features", "12", "--k", "2"]
    options += ["--config", str(folder / "names.yaml")]
    return [str(folder / "chats.csv"), "--out", str(out), *options]


def write_chats(folder, data_folder):
    table = pd.read_csv(data_folder / "esconv_dev.csv")
    table = table[table["conversation_id"].isin(table["conversation_id"].unique()[:24])]
    table.loc[table["role"] == "supporter", "text"] += " Write to me@example.org, your Qwendolyn"
    table["helper"] = "qwendolyn"
    table.to_csv(folder / "chats.csv", index=False)
    config = folder / "names.yaml"
    config.write_text("labels: {name_columns: [helper]}\n", encoding="utf-8")


@pytest.fixture
def run(server, unlabelled, tmp_path, monkeypatch):
    """Go on with the run, with labels by the server."""
    out = shutil.copytree(unlabelled / "run", tmp_path / "out")
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    server.default = says(server)

    def make(*extra):
        asked = ["--labeller", "endpoint", "--llm", "tiny", "--base-url", f"{server.url}/v1"]
        cli.main(["run", *arguments(unlabelled, out), *asked, *extra])
        return Run(out)

    return make


def test_a_model_labels_and_judges_and_the_report_says_where_texts_went(run, server):
    done = run("--candidates", "1")
    table = done.features.table
    by_model = table["label_source"] == "tiny"
    assert by_model.sum() == (table["flag"] == "").sum() > 0
    assert set(table.loc[by_model, "label"]) == {LABEL["label"]}
    assert set(table.loc[by_model, "suggestion"]) == {LABEL["sub_category"]}
    assert set(done.fidelity["judge"]) == {"embedding", "tiny"}
    judged = done.fidelity[done.fidelity["judge"] == "tiny"]["detection"].dropna()
    assert (judged == 0.5).all()  # who finds all true knows nothing
    report = (done.folder.stage("report") / "report.html").read_text(encoding="utf-8")
    assert f"were sent to <b>{server.url}</b>" in " ".join(report.split())
    sent = json.dumps(server.requests)
    assert "[EMAIL]" in sent
    assert "example.org" not in sent
    kept = done.folder.answers.read_text(encoding="utf-8")
    assert SECRET not in kept + done.folder.record.read_text(encoding="utf-8")
    n_requests = len(server.requests)
    assert len(kept.splitlines()) == n_requests
    run("--candidates", "1")
    run("--candidates", "1", "--min-strength", "0.3", "--until", "codes")
    assert len(server.requests) == n_requests


def test_a_dry_run_foretells_labels_and_judging_them(run, server, capsys, caplog):
    out = str(run("--candidates", "1", "--until", "features").folder.root)

    def foretold():
        capsys.readouterr()
        cli.main(["labels", out, "--dry-run", "--prices", "1", "2"])
        return int(capsys.readouterr().out.split()[0])

    whole = foretold()
    assert not server.requests
    run("--candidates", "1", "--max-calls", "20", "--until", "fidelity")
    assert len(server.requests) == 20
    left = foretold()
    # By labels that are made up idioms are marked in a few other places.
    assert left + 20 == pytest.approx(whole, rel=0.1)
    run("--candidates", "1", "--until", "fidelity")
    assert len(server.requests) == 20 + left
    assert "HTTP Request" not in caplog.text


def test_a_budget_ends_the_asking_and_what_is_left_keeps_its_offline_label(run, server):
    table = run("--candidates", "1", "--max-calls", "4", "--until", "labels").labelled.table
    assert (table["label_source"] == "tiny").sum() == 4
    assert (table["label_source"] == "offline").sum() == 8
    assert len(server.requests) == 4


def test_a_run_stopped_by_the_server_goes_on_and_asks_nothing_twice(run, server, capsys):
    server.script = [says(server)] * 5 + [server.status(401, "no such key")]
    with pytest.raises(SystemExit):
        run("--candidates", "1", "--until", "fidelity")
    assert "OPENAI_API_KEY" in capsys.readouterr().err
    server.script = []
    run("--candidates", "1", "--until", "fidelity")
    asked = [question for question in server.asked() if "Phrases more frequent" in question]
    refused = len(server.requests) - len(set(map(json.dumps, server.requests)))
    assert len(asked) - len(set(asked)) == refused <= 8  # those under way when it refused


def test_a_model_is_named_where_one_is_asked(run, capsys):
    for extra in (["--labeller", "offline"], ["--llm", ""]):
        with pytest.raises(SystemExit):
            run(*extra)
        assert "--llm" in capsys.readouterr().err
