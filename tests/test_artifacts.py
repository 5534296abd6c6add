"""What is on disk is whole or not there."""

import json

import pytest

from saeidioms.artifacts import RunFolder, atomic_path, digest_bytes, digest_json, read_json
from saeidioms.errors import ArtifactError


def test_digests_keep_the_borders_between_parts():
    assert digest_bytes(b"ab", b"c") != digest_bytes(b"a", b"bc")


def test_the_order_of_keys_changes_no_digest():
    assert digest_json({"a": 1, "b": [2]}) == digest_json({"b": [2], "a": 1})


def test_a_stage_that_fails_leaves_the_earlier_one(tmp_path):
    run = RunFolder(tmp_path)
    with run.write("corpus", {"n": 1}) as folder:
        (folder / "a.txt").write_text("first")
    with pytest.raises(ZeroDivisionError), run.write("corpus", {"n": 2}) as folder:
        (folder / "a.txt").write_text("second")
        1 / 0  # noqa: B018
    assert (run.stage("corpus") / "a.txt").read_text() == "first"
    assert run.manifest("corpus")["n"] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["corpus"]


def test_a_stage_replaces_the_earlier_one_as_a_whole(tmp_path):
    run = RunFolder(tmp_path)
    for name in ("a", "b"):
        with run.write("corpus", {}) as folder:
            (folder / name).write_text(name)
    assert set(run.manifest("corpus")["files"]) == {"b"}
    assert not (run.stage("corpus") / "a").exists()


def test_what_a_killed_run_left_behind_is_not_mistaken_for_a_stage(tmp_path):
    run = RunFolder(tmp_path)
    (tmp_path / ".corpus.partial").mkdir()
    (tmp_path / ".corpus.partial" / "half.bin").write_text("half")
    assert run.manifest("corpus") is None
    with run.write("corpus", {}) as folder:
        (folder / "a").write_text("a")
    assert set(run.manifest("corpus")["files"]) == {"a"}


def test_a_file_is_replaced_only_when_it_is_complete(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), atomic_path(path) as temporary:
        temporary.write_text("new")
        1 / 0  # noqa: B018
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(ArtifactError, match="cannot be written"),
        RunFolder(tmp_path / "file").write("corpus", {}),
    ):
        pass


@pytest.mark.parametrize("content", ["{", "[1]", "\x00"])
def test_damaged_json_names_the_file(tmp_path, content):
    path = tmp_path / "run.json"
    path.write_text(content)
    with pytest.raises(ArtifactError, match=r"run\.json"):
        read_json(path)


def test_a_manifest_lists_files_in_subfolders(tmp_path):
    run = RunFolder(tmp_path)
    with run.write("report", {}) as folder:
        (folder / "figures").mkdir()
        (folder / "figures" / "a.svg").write_text("<svg/>")
    manifest = json.loads((tmp_path / "report" / "manifest.json").read_text())
    assert list(manifest["files"]) == ["figures/a.svg"]
