"""A training that is killed goes on, and ends as if nothing had happened."""

import logging
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from saeidioms.sae.autoencoder import SparseAutoencoder

SIZES = {"n_features": 48, "k": 3, "max_steps": 600, "device": "cpu"}
TRAIN = """
import sys, json, numpy as np
from saeidioms.sae.autoencoder import SparseAutoencoder
rows, out, options = sys.argv[1:]
SparseAutoencoder(**json.loads(options)).fit(np.load(rows)).save(out)
"""


@pytest.fixture(scope="module")
def rows(planted, tmp_path_factory):
    path = tmp_path_factory.mktemp("rows") / "rows.npy"
    np.save(path, planted.rows)
    return path


def options(folder, **more):
    return SIZES | {"checkpoint": str(folder / "unfinished")} | more


def start(rows, folder, **more):
    import json

    command = [sys.executable, "-c", TRAIN, str(rows), str(folder / "sae")]
    return subprocess.Popen(
        [*command, json.dumps(options(folder, **more))],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def test_a_killed_training_ends_with_the_same_weights(rows, tmp_path):
    more = {"seeds": 2, "sparsity": "jumprelu"}
    random = np.random.default_rng()
    checkpoint, killed = tmp_path / "unfinished", 0
    for _ in range(2):
        process = start(rows, tmp_path, **more)
        seen = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
        while process.poll() is None:
            if checkpoint.exists() and checkpoint.stat().st_mtime_ns != seen:
                time.sleep(random.uniform(0, 0.15))
                process.send_signal(signal.SIGKILL)
                killed += process.wait() == -signal.SIGKILL
                break
            time.sleep(0.005)
    assert killed
    assert start(rows, tmp_path, **more).wait() == 0
    assert not list(tmp_path.glob("unfinished*"))
    straight = tmp_path / "straight"
    straight.mkdir()
    assert start(rows, straight, **more).wait() == 0
    for name in ("model.safetensors", "history.csv"):
        assert (tmp_path / "sae" / name).read_bytes() == (straight / "sae" / name).read_bytes()


@pytest.fixture
def left_over(planted, tmp_path, monkeypatch):
    """A checkpoint of a training that was stopped by its user."""
    from saeidioms.sae import training

    checks = []

    def stop(self, *arguments):
        checks.append(1)
        if len(checks) == 3:
            raise KeyboardInterrupt
        return explain(self, *arguments)

    explain = training._Best.explain
    monkeypatch.setattr(training._Best, "explain", stop)
    with pytest.raises(KeyboardInterrupt):
        SparseAutoencoder(**options(tmp_path)).fit(planted.rows)
    monkeypatch.undo()
    assert (tmp_path / "unfinished").exists()
    return tmp_path / "unfinished"


def test_it_goes_on_where_it_was(planted, left_over, caplog):
    with caplog.at_level(logging.INFO):
        again = SparseAutoencoder(**options(left_over.parent)).fit(planted.rows)
    assert "Going on with the training from step 60." in caplog.text
    assert again.digest == SparseAutoencoder(**SIZES).fit(planted.rows).digest
    assert not left_over.exists()


@pytest.mark.parametrize("change", ["seed", "rows", "truncated", "empty"])
def test_a_checkpoint_that_does_not_fit_is_not_gone_on_with(planted, left_over, caplog, change):
    rows, more = planted.rows, {}
    if change == "seed":
        more = {"seed": 1}
    elif change == "rows":
        rows = planted.rows[::-1].copy()[:1400]
    else:
        whole = left_over.read_bytes()
        left_over.write_bytes(whole[: len(whole) // 2] if change == "truncated" else b"")
    again = SparseAutoencoder(**options(left_over.parent, **more)).fit(rows)
    assert "beginning anew" in caplog.text
    assert again.digest == SparseAutoencoder(**SIZES, **more).fit(rows).digest
