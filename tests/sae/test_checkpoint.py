"""A training that is killed goes on, and ends as if nothing had happened."""

import logging
import signal
import time

import numpy as np
import pandas as pd
import pytest

from saeidioms.sae import checkpoint as checkpoints
from saeidioms.sae import training
from saeidioms.sae.autoencoder import SparseAutoencoder
from saeidioms.sae.size import split_rows

SIZES = {"n_features": 24, "k": 3, "max_steps": 300, "device": "cpu"}
TRAIN = """
import numpy as np
from saeidioms.sae import rows as streaming
from saeidioms.sae.autoencoder import SparseAutoencoder

streaming.BLOCK = 100
streaming.POOL_BYTES = 4 * 32 * 500 if pools else 2**20
SparseAutoencoder(**options).fit(np.load(rows, mmap_mode="r")).save(out)
"""


@pytest.fixture(scope="module")
def rows(planted, tmp_path_factory):
    path = tmp_path_factory.mktemp("rows") / "rows.npy"
    np.save(path, planted.rows)
    return path


def options(folder, **more):
    return SIZES | {"checkpoint": str(folder / "unfinished")} | more


def kill_after_a_checkpoint(process, checkpoint, delay):
    """Return whether the process was killed before it was done."""
    seen = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
    while process.is_alive():
        if checkpoint.exists() and checkpoint.stat().st_mtime_ns != seen:
            time.sleep(delay)
            process.kill()
        time.sleep(0.002)
    return process.exitcode == -signal.SIGKILL


@pytest.mark.parametrize(
    ("more", "pools"),
    [
        ({"sparsity": "jumprelu", "seeds": 2}, False),
        ({"sparsity": "batch_topk", "prefixes": (0.25, 1)}, True),
        ({"sparsity": "topk"}, False),
        ({"sparsity": "relu"}, False),
    ],
    ids=["ensemble", "streamed", "topk", "relu"],
)
def test_a_killed_training_ends_with_the_same_weights(start, rows, tmp_path, more, pools):
    def train(folder):
        names = {"rows": rows, "out": folder / "sae", "options": options(folder, **more)}
        return start(TRAIN, **names, pools=pools)

    checkpoint, random, killed = tmp_path / "unfinished", np.random.default_rng(), 0
    for delay in (0, *random.uniform(0, 0.2, 2)):  # at once after its first, then at any moment
        killed += kill_after_a_checkpoint(train(tmp_path), checkpoint, delay)
    assert killed
    last = train(tmp_path)
    straight = train(tmp_path / "straight")
    for process in (last, straight):
        process.join()
        assert process.exitcode == 0
    assert not list(tmp_path.glob("unfinished*"))
    for name in ("model.safetensors", "history.csv"):
        expected = (tmp_path / "straight" / "sae" / name).read_bytes()
        assert (tmp_path / "sae" / name).read_bytes() == expected


def stop_at(check, sae, rows):
    """Train until the user stops it at a check."""
    checks = []

    def stop(self, *arguments):
        checks.append(1)
        if len(checks) == check:
            raise KeyboardInterrupt
        return explain(self, *arguments)

    explain = training._Best.explain
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training._Best, "explain", stop)
        patch.setattr(checkpoints, "SHARE", 1e9)  # no checkpoint is left out to save time
        with pytest.raises(KeyboardInterrupt):
            sae.fit(rows)


@pytest.fixture
def left_over(planted, tmp_path):
    """A checkpoint of a training that was stopped by its user."""
    stop_at(3, SparseAutoencoder(**options(tmp_path)), planted.rows)
    assert (tmp_path / "unfinished").exists()
    return tmp_path / "unfinished"


@pytest.mark.parametrize("before_the_last", [0, 1, 2, 3, 11])
def test_the_best_weights_are_remembered_and_patience_goes_on(tmp_path, before_the_last):
    noise = np.random.default_rng(0).normal(size=(160, 20)).astype(np.float32)
    sizes = {"n_features": 40, "k": 2, "max_steps": 400, "device": "cpu", "patience": 3}
    straight = SparseAutoencoder(**sizes).fit(noise)
    last = len(straight.history_)
    assert 12 < last < 20  # it got worse, and ended early
    kept = SparseAutoencoder(**sizes, checkpoint=tmp_path / "unfinished")
    stop_at(last - before_the_last, kept, noise)
    kept.fit(noise)
    assert kept.digest == straight.digest
    pd.testing.assert_frame_equal(kept.history_, straight.history_)


def test_it_goes_on_where_it_was(planted, left_over, caplog):
    with caplog.at_level(logging.INFO):
        again = SparseAutoencoder(**options(left_over.parent)).fit(planted.rows)
    assert "Going on with the training from step 30." in caplog.text
    assert again.digest == SparseAutoencoder(**SIZES).fit(planted.rows).digest
    assert not left_over.exists()


@pytest.mark.parametrize("change", ["seed", "rows", "truncated", "empty"])
def test_a_checkpoint_that_does_not_fit_is_not_gone_on_with(planted, left_over, caplog, change):
    rows, more = planted.rows, {}
    if change == "seed":
        more = {"seed": 1}
    elif change == "rows":
        rows = planted.rows[::-1].copy()
    else:
        whole = left_over.read_bytes()
        left_over.write_bytes(whole[: len(whole) // 2] if change == "truncated" else b"")
    again = SparseAutoencoder(**options(left_over.parent, **more)).fit(rows)
    assert "beginning anew" in caplog.text
    assert again.digest == SparseAutoencoder(**SIZES, **more).fit(rows).digest
    assert not left_over.exists()


def test_a_checkpoint_of_other_held_out_rows_is_not_gone_on_with(planted, left_over, caplog):
    other = planted.rows.copy()
    other[split_rows(len(other), None, seed=0)[1]] += 5
    SparseAutoencoder(**options(left_over.parent)).fit(other)
    assert "beginning anew" in caplog.text


def test_a_checkpoint_of_another_version_is_not_gone_on_with(
    planted, left_over, caplog, monkeypatch
):
    monkeypatch.setattr(checkpoints, "FORMAT", checkpoints.FORMAT + 1)
    SparseAutoencoder(**options(left_over.parent)).fit(planted.rows)
    assert "beginning anew" in caplog.text


def test_nothing_is_kept_of_a_training_that_was_not_to_be_kept(planted, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    SparseAutoencoder(**SIZES | {"max_steps": 20}).fit(planted.rows)
    assert not list(tmp_path.iterdir())
