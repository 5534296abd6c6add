"""Data with a known dictionary, so that what is learnt can be compared with what was planted."""

import multiprocessing
from dataclasses import dataclass
from multiprocessing import forkserver

import numpy as np
import pytest
import torch

from saeidioms.sae import pattern
from saeidioms.sae.autoencoder import SparseAutoencoder


@dataclass(frozen=True)
class Planted:
    rows: np.ndarray
    directions: np.ndarray
    conversations: np.ndarray


@pytest.fixture(scope="session")
def planted():
    """1,500 rows, each the sum of 2 of 24 orthogonal directions of 32, and some noise."""
    random = np.random.default_rng(7)
    directions = np.linalg.qr(random.standard_normal((32, 32)))[0][:24]
    active = np.argsort(random.random((1500, 24)), axis=1)[:, :2]
    strengths = np.zeros((1500, 24))
    np.put_along_axis(strengths, active, random.uniform(1, 2, (1500, 2)), axis=1)
    noise = 0.02 * random.standard_normal((1500, 32))
    rows = (strengths @ directions + noise + 0.3).astype(np.float32)
    return Planted(rows, directions, np.repeat(np.arange(150), 10))


@pytest.fixture(scope="session")
def fitted(planted):
    sae = SparseAutoencoder(n_features=32, k=2, max_steps=1000, seed=0, device="cpu")
    return sae.fit(planted.rows, groups=planted.conversations)


@pytest.fixture(scope="session")
def start():
    """Return a function that runs code in a process of its own.

    The processes are forks of one that has imported everything and computed nothing, which saves
    five seconds each.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["saeidioms.sae.__main__"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        forkserver.ensure_running()

    def run(code, **names):
        process = context.Process(target=exec, args=(code, names))
        process.start()
        return process

    return run


@pytest.fixture
def gpu_kernels(monkeypatch):
    """Take the way of a GPU on the CPU: the kernels are run by Triton's interpreter."""
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU, where the kernels run as they are")
    pytest.importorskip("triton", reason="triton is not installed: it comes with extra 'test'")
    monkeypatch.setattr(pattern, "_on_gpu", lambda tensor: True)
