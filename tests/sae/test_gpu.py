"""The way that a GPU goes: what of it a CPU can try, and, where there is one, the GPU itself.

The kernels' results are tested in `test_pattern` and `test_network`.
"""

import itertools
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

WAITING = {"_local_scalar_dense", "nonzero", "bincount", "masked_select", "_unique2", "is_nonzero"}
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


def waits(name, args, kwargs):
    """Return whether an operator has the host wait for a GPU, as far as its arguments tell."""
    places = args[1] if name.startswith("index") and isinstance(args[1], (list, tuple)) else ()
    by_mask = any(place is not None and place.dtype == torch.bool for place in places)
    moves = name == "_to_copy" and kwargs.get("device") is not None
    return name in WAITING or by_mask or moves


class Watched(TorchDispatchMode):
    """Names of the operators that are called, and of those that wait."""

    def __init__(self):
        super().__init__()
        self.names, self.waiting = [], []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.overloadpacket.__name__
        self.names.append(name)
        if waits(name, args, kwargs or {}):
            self.waiting.append(name)
        return function(*args, **(kwargs or {}))


class Recorded:
    """Stands for a CUDA graph: it would hold operators alone, and its results stay in place."""

    made = ()

    def __init__(self, function):
        self.function, self.names, self.waiting = function, [], []
        Recorded.made = (*Recorded.made, self)

    def __call__(self, *given):
        with Watched() as watched:
            result = self.function(*given)
        self.names.append(watched.names)
        self.waiting += watched.waiting
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
        assert not one.waiting


@pytest.mark.parametrize(
    "wait",
    [
        lambda x: x[x > 0],
        lambda x: x.index_put_((x > 0,), torch.ones(())),
        lambda x: x.max().item(),
        lambda x: x.unique(),
        lambda x: x.to("meta"),
    ],
)
def test_what_waits_would_be_noticed(wait):
    recorded = Recorded(wait)
    recorded(torch.arange(3.0))
    assert recorded.waiting


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
        expected = scaling.down(planted.rows.copy())
        epoch = itertools.islice(batches.since(0), 5 * 5 + 4)  # 5 pools of 256 rows, and 220
        found = torch.cat([batch.cpu() for batch in epoch]).numpy()
        distances = np.abs(found[:, None] - expected[None]).max(axis=2)
        assert distances.min(axis=1).max() < 1e-5
        assert len(set(distances.argmin(axis=1))) == len(found)  # no row twice

    def test_units_get_the_codes_of_a_cpu(self, planted):
        sae = fit(planted.rows, max_steps=200)
        on_cpu = sae.transform(planted.rows)
        on_gpu = sae.set_params(device="cuda").transform(planted.rows)
        assert abs(on_cpu - on_gpu).max() < 1e-3
