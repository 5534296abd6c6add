"""Several processes train the dictionary that one process would."""

import json
import os
import socket
import subprocess
import sys

import numpy as np
import pytest

from saeidioms.sae import __main__ as command_line
from saeidioms.sae.activations import SparseActivations
from saeidioms.sae.autoencoder import SparseAutoencoder

RULES = ["topk", "batch_topk", "jumprelu"]
OPTIONS = {"n_features": 32, "k": 2, "max_steps": 60, "prefixes": [0.25, 1], "device": "cpu"}
TRAIN = """
import json, sys, numpy as np
from pathlib import Path
from saeidioms.sae import __main__ as command
rows, out, options, rules = sys.argv[1:]
command._join("cpu")
for rule in json.loads(rules):
    place = Path(out) / rule
    command._train(
        np.load(rows), place, json.loads(options) | {"sparsity": rule}, encode=False
    )
command.distributed.destroy_process_group()
"""


@pytest.fixture(scope="module")
def rows(planted, tmp_path_factory):
    path = tmp_path_factory.mktemp("rows") / "rows.npy"
    np.save(path, planted.rows)
    return path


@pytest.fixture(scope="module")
def together(rows, tmp_path_factory):
    """Return where two processes, as `torchrun` starts them, wrote a dictionary a rule."""
    out = tmp_path_factory.mktemp("two")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    arguments = [str(rows), str(out), json.dumps(OPTIONS), json.dumps(RULES)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", TRAIN, *arguments],
            env=os.environ | common | {"RANK": str(rank), "WORLD_SIZE": "2"},
        )
        for rank in range(2)
    ]
    assert [process.wait() for process in processes] == [0, 0]
    return out


@pytest.mark.parametrize("rule", RULES)
def test_two_processes_have_the_loss_of_one(rows, together, rule):
    one = SparseAutoencoder(**OPTIONS, sparsity=rule).fit(np.load(rows))
    two = SparseAutoencoder.load(together / rule)
    assert len(one.history_) == 20
    for column in ("loss", "explained_variance"):
        np.testing.assert_allclose(two.history_[column], one.history_[column], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(two.components_, one.components_, atol=0.02)


def test_what_the_command_encodes_can_be_read_again(rows, tmp_path, capsys):
    command = ["--out", str(tmp_path), "--n-features", "32", "--k", "2", "--max-steps", "60"]
    main(str(rows), *command, "--device", "cpu", "--encode")
    coded = SparseActivations.load(tmp_path / "activations")
    sae = SparseAutoencoder.load(tmp_path)
    assert (coded.matrix != sae.transform(np.load(rows))).nnz == 0
    assert coded.ids[:2].tolist() == ["0", "1"]
    assert coded.sae_digest == sae.digest
    assert list((tmp_path / "tensorboard" / "seed-0").glob("events*"))
    assert "explained_variance 0." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (np.zeros((3, 4, 5), np.float32), "holds float32 of shape (3, 4, 5)"),
        (np.zeros((30, 4), np.int64), "holds int64 of shape (30, 4)"),
        (np.zeros((30, 4), np.float32), "are the same vector"),
    ],
)
def test_a_file_that_is_no_matrix_is_refused_in_a_sentence(tmp_path, content, sentence, capsys):
    np.save(tmp_path / "rows.npy", content)
    with pytest.raises(SystemExit) as stopped:
        main(str(tmp_path / "rows.npy"), "--out", str(tmp_path / "out"))
    assert stopped.value.code == 2
    assert sentence in capsys.readouterr().err


def main(*arguments):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["saeidioms.sae", *arguments])
        command_line.main()
