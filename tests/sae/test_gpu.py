"""The way that a GPU goes: what of it a CPU can try, and, where there is one, the GPU itself.

The kernels' results are tested in `test_pattern` and `test_network`.
"""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from saeidioms.sae import training
from saeidioms.sae.autoencoder import SparseAutoencoder
from saeidioms.sae.rows import Batches, Scaling

WAITING = ("item", "_local_scalar_dense", "nonzero", "bincount", "masked_select", "unique")
COMPILE = """
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from saeidioms.sae import kernels

for kernel in (kernels._add_product, kernels._sample):
    for kind in ("fp32", "fp64"):
        places = dict.fromkeys(("pointers", "columns"), "*i64")
        matrices = dict.fromkeys(kernel.arg_names[2:-3], f"*{kind}")
        sizes = {"width": "i32", "WIDTH": "constexpr", "ENTRIES": "constexpr"}
        constants = {"WIDTH": kernels.WIDTH, "ENTRIES": kernels.ENTRIES}
        source = ASTSource(kernel, places | matrices | sizes, constexprs=constants)
        assert triton.compile(source, target=GPUTarget("cuda", 90, 32)).asm["cubin"]
"""


class Watched(TorchDispatchMode):
    """Names of the operators that are called."""

    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.names.append(function.overloadpacket.__name__)
        return function(*args, **(kwargs or {}))


class Recorded:
    """Stands for a CUDA graph: it would hold operators alone, and its results stay in place."""

    made = ()

    def __init__(self, function):
        self.function, self.names = function, []
        Recorded.made = (*Recorded.made, self)

    def __call__(self, *given):
        with Watched() as watched:
            result = self.function(*given)
        self.names.append(watched.names)
        return result


@pytest.fixture
def small(planted):
    return planted.rows[:64, :8].copy()


def fit(rows, **options):
    options = {"n_features": 6, "k": 2, "max_steps": 3, "batch_size": 8, "device": "cpu"} | options
    return SparseAutoencoder(**options).fit(rows)


def test_the_way_of_a_gpu_leads_to_the_same_weights_and_waits_for_nothing(
    small, request, monkeypatch
):
    expected = fit(small)
    request.getfixturevalue("gpu_kernels")
    monkeypatch.setattr(training, "Replayed", Recorded)
    monkeypatch.setattr(Recorded, "made", ())
    found = fit(small)
    np.testing.assert_allclose(found.encoder_, expected.encoder_, atol=1e-5)
    np.testing.assert_allclose(found.components_, expected.components_, atol=1e-5)
    assert sum(len(one.names) for one in Recorded.made) == 2 * 3
    for one in Recorded.made:  # what is recorded must be the same every time
        assert all(names == one.names[0] for names in one.names)
        assert not set(one.names[0]) & set(WAITING)


@pytest.mark.usefixtures("gpu_kernels")
@pytest.mark.parametrize(
    "options",
    [{"sparsity": "batch_topk"}, {"sparsity": "jumprelu"}, {"prefixes": (0.5, 1)}],
    ids=str,
)
def test_nothing_is_recorded_whose_shapes_depend_on_the_rows(small, options, monkeypatch):
    def refuse(function):
        raise AssertionError

    monkeypatch.setattr(training, "Replayed", refuse)
    fit(small, max_steps=1, **options)


def test_kernels_compile_for_a_gpu():
    pytest.importorskip("triton", reason="triton is not installed: it comes with extra 'test'")
    # A process of its own: here the interpreter has taken the compiler's place.
    clean = {"TRITON_INTERPRET": "0", "TRITON_DEFAULT_FP_FUSION": "1"}
    done = subprocess.run(
        [sys.executable, "-c", COMPILE], env=os.environ | clean, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
class TestOnAGpu:
    """What only a GPU can show."""

    @pytest.mark.parametrize("rule", ["topk", "batch_topk", "jumprelu", "relu"])
    def test_a_dictionary_is_as_good_as_one_of_a_cpu(self, planted, rule):
        options = {"n_features": 32, "max_steps": 400, "batch_size": 512, "sparsity": rule}
        found = [
            fit(planted.rows, **options, device=device).metrics_["explained_variance"]
            for device in ("cuda", "cpu")
        ]
        assert found[0] == pytest.approx(found[1], abs=0.02)

    @pytest.mark.parametrize("rule", ["topk", "batch_topk"])
    def test_the_same_seed_gives_the_same_weights(self, planted, rule):
        first, second = (
            fit(planted.rows, max_steps=99, sparsity=rule, device="cuda").components_
            for _ in range(2)
        )
        np.testing.assert_array_equal(first, second)

    def test_recorded_steps_are_those_that_are_launched_one_by_one(self, planted, monkeypatch):
        recorded = fit(planted.rows, max_steps=100, device="cuda").components_
        monkeypatch.setattr(training, "Replayed", lambda function: function)
        launched = fit(planted.rows, max_steps=100, device="cuda").components_
        np.testing.assert_allclose(recorded, launched, atol=1e-5)

    def test_pools_that_are_copied_beside_the_work_hold_the_rows(self, planted, monkeypatch):
        monkeypatch.setattr("saeidioms.sae.rows.BLOCK", 64)
        rows = np.arange(len(planted.rows))
        scaling = Scaling.of(planted.rows, rows)
        batches = Batches(planted.rows, rows, scaling, 50, 0, "cuda")
        monkeypatch.setattr(Batches, "_blocks_per_pool", 4)
        expected = torch.from_numpy(scaling.down(planted.rows.copy())).sum(dim=1)
        epoch = [
            batch.sum(dim=1).cpu() for batch, _ in zip(batches.since(0), range(25), strict=False)
        ]
        found = torch.cat(epoch)
        distances = (found[:, None] - expected[None, :]).abs().min(dim=1).values
        assert distances.max() < 1e-3

    def test_units_get_the_codes_of_a_cpu(self, planted):
        sae = fit(planted.rows, max_steps=200)
        on_cpu = sae.transform(planted.rows)
        on_gpu = sae.set_params(device="cuda").transform(planted.rows)
        assert abs(on_cpu - on_gpu).max() < 1e-3
