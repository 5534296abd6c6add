"""Several processes train the dictionary that one process would."""

import socket
import sys

import numpy as np
import pytest
import torch

from saeidioms.sae import __main__ as command_line
from saeidioms.sae.activations import SparseActivations
from saeidioms.sae.autoencoder import SparseAutoencoder
from saeidioms.sae.team import Team

RULES = ["topk", "batch_topk", "jumprelu", "relu"]
OPTIONS = {"n_features": 32, "k": 2, "max_steps": 60, "prefixes": (0.25, 1), "device": "cpu"}
JOIN = """
import os
from torch import distributed

os.environ.update(env)
distributed.init_process_group("gloo")
"""
TRAIN = (
    JOIN
    + """
import numpy as np
from saeidioms.sae.autoencoder import SparseAutoencoder

for rule in rules:
    sae = SparseAutoencoder(**options, sparsity=rule).fit(np.load(rows, mmap_mode="r"))
    sae.save(out / rule / env["RANK"])
distributed.destroy_process_group()
"""
)
LARGEST = (
    JOIN
    + """
import torch
from saeidioms.sae.team import Team

team, values = Team.current(), torch.tensor([[9.0, 1.0, 4.0], [7.0]][int(env["RANK"])])
found = [team.largest(values, n).item() for n in (1, 2, 3, 4, 9)]
sum_ = team.sum_(values[:1].clone()).item()
(out / env["RANK"]).write_text(repr((found, sum_, team.share(torch.arange(5)).tolist())))
distributed.destroy_process_group()
"""
)


@pytest.fixture(scope="module")
def rows(planted, tmp_path_factory):
    path = tmp_path_factory.mktemp("rows") / "rows.npy"
    np.save(path, planted.rows)
    return path


@pytest.fixture(scope="module")
def in_two(start):
    """Return a function that runs code in two processes that know of each other."""

    def run(code, **names):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        common = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": "2"}
        processes = [start(code, **names, env=common | {"RANK": str(rank)}) for rank in range(2)]
        for process in processes:
            process.join()
        assert [process.exitcode for process in processes] == [0, 0]

    return run


@pytest.fixture(scope="module")
def together(in_two, rows, tmp_path_factory):
    """Return where both of two processes wrote a dictionary a rule."""
    out = tmp_path_factory.mktemp("two")
    in_two(TRAIN, rows=rows, out=out, options=OPTIONS, rules=RULES)
    return out


@pytest.mark.parametrize("rule", RULES)
def test_two_processes_have_the_loss_of_one(rows, together, rule):
    one = SparseAutoencoder(**OPTIONS, sparsity=rule).fit(np.load(rows))
    two = SparseAutoencoder.load(together / rule / "0")
    assert len(one.history_) == 20
    for column in ("loss", "explained_variance", "dead_share"):
        np.testing.assert_allclose(two.history_[column], one.history_[column], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(two.components_, one.components_, atol=2e-3)


@pytest.mark.parametrize("rule", RULES)
def test_both_processes_end_with_the_same_dictionary(together, rule):
    for name in ("model.safetensors", "history.csv", "config.json"):
        first, second = ((together / rule / rank / name).read_bytes() for rank in "01")
        assert first == second


def test_a_team_shares_rows_and_knows_the_largest_of_all_values(in_two, tmp_path):
    in_two(LARGEST, out=tmp_path)
    found = [9.0, 7.0, 4.0, 1.0, 1.0]
    assert (tmp_path / "0").read_text() == repr((found, 16.0, [0, 2, 4]))
    assert (tmp_path / "1").read_text() == repr((found, 16.0, [1, 3]))


def test_alone_a_team_is_one():
    values = torch.tensor([3.0, 8.0, 5.0])
    team = Team.current()
    assert team == Team(rank=0, size=1)
    assert [team.largest(values, n).item() for n in (1, 2, 3, 7)] == [8, 5, 3, 3]
    assert torch.equal(team.share(values), values)
    assert torch.equal(team.sum_(values.clone()), values)


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
