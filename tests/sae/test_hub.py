import os
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import create_autospec

import huggingface_hub
import numpy as np
import pytest
from huggingface_hub.errors import HfHubHTTPError, HFValidationError

from saeidioms.errors import ArtifactError, OptionError
from saeidioms.sae import hub
from saeidioms.sae.autoencoder import SparseAutoencoder

FILES = ["README.md", "config.json", "history.csv", "model.safetensors"]


@pytest.fixture(scope="module")
def sae():
    random = np.random.default_rng(0)
    shapes = (12, 6), (12,), (12, 6), (6,)
    weights = (random.normal(size=shape).astype(np.float32) for shape in shapes)
    return SparseAutoencoder.from_weights(*weights, k=2)


@pytest.fixture
def remote(monkeypatch, tmp_path):
    """A Hub of one repository, which is a folder; calls must fit the real signatures."""
    store = tmp_path / "remote"

    def create(repo_id, *, private, exist_ok):
        store.mkdir(exist_ok=exist_ok)
        return SimpleNamespace(repo_id=f"someone/{repo_id}")

    def upload(*, repo_id, folder_path, commit_message, allow_patterns):
        for path in Path(folder_path).iterdir():
            assert path.name in allow_patterns
            (store / path.name).write_bytes(path.read_bytes())
        return SimpleNamespace(commit_url=f"https://huggingface.co/{repo_id}/commit/abc")

    api = create_autospec(huggingface_hub.HfApi, instance=True)
    api.create_repo.side_effect = create
    api.upload_folder.side_effect = upload
    api.file_exists.side_effect = lambda repo_id, name: (store / name).exists()
    open_api = create_autospec(huggingface_hub.HfApi, return_value=api)
    download = create_autospec(huggingface_hub.snapshot_download, return_value=os.fspath(store))
    monkeypatch.setattr(hub, "HfApi", open_api)
    monkeypatch.setattr(hub, "snapshot_download", download)
    return SimpleNamespace(store=store, open=open_api, api=api, download=download)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("kind", [str, Path])
def test_a_folder_is_pushed_to_and_pulled_from(sae, tmp_path, kind):
    folder = tmp_path / "dictionary"
    assert hub.push(sae, kind(folder)) == os.fspath(folder)
    assert names(folder) == FILES
    assert hub.pull(kind(folder)).digest_ == sae.digest_


def test_a_relative_folder_is_told_from_a_repository(sae, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    hub.push(sae, "./dictionary")
    assert hub.pull("./dictionary").digest_ == hub.pull(Path("dictionary")).digest_


def test_a_repository_is_pushed_to_and_pulled_from(sae, remote):
    assert hub.push(sae, "name", token="secret").endswith("someone/name/commit/abc")
    assert names(remote.store) == FILES
    assert hub.pull("someone/name", "abc").digest_ == sae.digest_
    assert remote.open.call_args.kwargs["token"] == "secret"
    assert remote.api.create_repo.call_args.kwargs["private"] is True
    assert remote.download.call_args.kwargs["revision"] == "abc"
    assert sorted(remote.download.call_args.kwargs["allow_patterns"]) == FILES[1:]


def test_the_card_has_front_matter_and_no_path_of_this_machine(sae, tmp_path):
    hub.push(sae, tmp_path / "dictionary")
    card = (tmp_path / "dictionary" / "README.md").read_text(encoding="utf-8")
    assert card.startswith("---\nlibrary_name: saeidioms\ntags:\n")
    assert 'pull("./dictionary")' in card
    assert os.fspath(tmp_path) not in card


def test_a_card_that_is_there_stays(sae, remote, tmp_path):
    for target, folder in ((tmp_path / "local", tmp_path / "local"), ("name", remote.store)):
        folder.mkdir()
        (folder / "README.md").write_text("mine", encoding="utf-8")
        hub.push(sae, target)
        assert (folder / "README.md").read_text(encoding="utf-8") == "mine"


def test_a_card_that_is_given_takes_the_place_of_any_other(sae, remote, tmp_path):
    own = tmp_path / "model_card.md"
    own.write_text("told by a run", encoding="utf-8")
    for target, folder in ((tmp_path / "local", tmp_path / "local"), ("name", remote.store)):
        folder.mkdir()
        (folder / "README.md").write_text("mine", encoding="utf-8")
        hub.push(sae, target, card=own)
        assert (folder / "README.md").read_text(encoding="utf-8") == "told by a run"


def test_a_revision_of_a_folder_is_refused(sae, tmp_path):
    hub.push(sae, tmp_path)
    with pytest.raises(OptionError, match="revision = 'main' was given with the folder"):
        hub.pull(tmp_path, "main")


def test_a_repository_without_a_dictionary_is_refused(remote):
    remote.store.mkdir()
    with pytest.raises(ArtifactError, match=r"someone/other lacks config.json; give what"):
        hub.pull("someone/other")


@pytest.mark.parametrize(
    "error",
    [
        HFValidationError("bad\nname"),
        HfHubHTTPError.__new__(HfHubHTTPError, "401"),
        hub.errors.HTTPError("no connection"),
        FileNotFoundError("not cached"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_the_hub_does_not_do_is_one_sentence(sae, monkeypatch, error):
    def fail(*args, **options):
        raise error

    monkeypatch.setattr(hub, "snapshot_download", fail)
    monkeypatch.setattr(hub, "HfApi", lambda **options: SimpleNamespace(create_repo=fail))
    with pytest.raises(
        ArtifactError, match=r"^a/b on the Hugging Face Hub could not be read \("
    ) as e:
        hub.pull("a/b")
    assert "\n" not in str(e.value)
    with pytest.raises(ArtifactError, match=r"could not be written \(.*token"):
        hub.push(sae, "a/b", token="secret")


def test_without_the_hub_a_pull_says_so():
    with pytest.raises(ArtifactError, match="check name, revision, token and connection"):
        hub.pull("someone/that-is-not-in-any-cache")
