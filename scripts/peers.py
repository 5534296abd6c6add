"""Adapters to the packages that saeidioms is measured against.

Each trains on a plain (N, D) float32 matrix and returns a `Learnt`. Nothing is installed with
saeidioms; what is missing is left out, and `PEERS` says what to install.

- **HypotheSAEs**: `train_sae` with its defaults.
- **dictionary_learning**: its trainers with what serves a corpus of this size best: learning rate
  4e-3, 900 steps of 512 rows, warm-up over 90, linear decay from step 720, inputs scaled to norm
  sqrt(D). Thresholds of BatchTopK are estimated while the rate decays; JumpReLU has a wider kernel
  and a stronger penalty than by default, without which it stays far above the L0 asked for.
- **SAELens**: its trainer on plain vectors, with the same schedule and scale, the mean as first
  decoder bias, and features held for dead after 20 steps: its 1,000 are more than there are here.
- **scikit-learn**: PCA and ICA have signed scores, so every component becomes two features, one a
  sign (at most 2 D of them); NMF takes the positive and the negative part of each column side by
  side. None of them is sparse: the k strongest features of a row are kept, for the same L0 as the
  others. k-means has one active feature a row, whatever k is.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

Matrix = npt.NDArray[np.float32]

STEPS, BATCH, RATE, WARM_UP, DECAY_FROM = 900, 512, 4e-3, 90, 720
PREFIXES = (1 / 16, 1 / 4, 1)
BLOCK = 4096


@dataclass(frozen=True, eq=False)
class Learnt:
    """A dictionary, whoever learnt it: codes (N, F) at least 0, and a linear decoder.

    Attributes
    ----------
    encode
        From (N, D) rows to their (N, F) CSR codes.
    decoder
        (F, D).
    offset
        (D,): what a row without any active feature is decoded to.
    """

    encode: Callable[[Matrix], sparse.csr_matrix]
    decoder: Matrix
    offset: Matrix

    def reconstruct(self, codes: sparse.csr_matrix) -> Matrix:
        """Return the (N, D) rows that the codes stand for."""
        return np.asarray(codes @ self.decoder + self.offset, dtype=np.float32)


@dataclass(frozen=True)
class Peer:
    """How to train one peer.

    Attributes
    ----------
    module
        What it needs, imported before the clock starts.
    install
        How to get it.
    train
        ``train(matrix, n_features, k, seed) -> Learnt``.
    """

    module: str
    install: str
    train: Callable[[Matrix, int, int, int], Learnt]

    def missing(self) -> bool:
        """Return whether its package is not installed."""
        return importlib.util.find_spec(self.module.split(".")[0]) is None

    def load(self) -> None:
        """Import it, without its warnings."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import_module(self.module)


def hypothesaes(matrix: Matrix, n_features: int, k: int, seed: int, **options: Any) -> Learnt:
    import torch
    from hypothesaes.quickstart import train_sae

    torch.manual_seed(seed)
    if options.pop("matryoshka", False):
        options["matryoshka_prefix_lengths"] = [round(part * n_features) for part in PREFIXES]
    sae = train_sae(embeddings=matrix, M=n_features, K=k, show_progress=False, **options)
    return Learnt(
        _by_blocks(lambda rows: sae.get_activations(rows, show_progress=False)),
        _array(sae.decoder.weight.T),
        _array(sae.input_bias),
    )


def dictionary_learning(
    matrix: Matrix,
    n_features: int,
    k: int,
    seed: int,
    *,
    trainer: str,
    module: str,
    sparsity: str = "k",
    **options: Any,
) -> Learnt:
    import torch

    make = getattr(import_module(f"dictionary_learning.trainers.{module}"), trainer)
    torch.manual_seed(seed)
    scale = matrix.shape[1] ** 0.5
    training = make(
        steps=STEPS,
        activation_dim=matrix.shape[1],
        dict_size=n_features,
        lr=RATE,
        warmup_steps=WARM_UP,
        decay_start=DECAY_FROM,
        seed=seed,
        device="cpu",
        layer=0,
        lm_name="",
        **{sparsity: k},
        **options,
    )
    for step, rows in zip(range(STEPS), _batches(matrix, seed), strict=False):
        training.update(step, torch.from_numpy(rows * scale))
    sae = training.ae

    def encode(rows: Matrix) -> npt.NDArray:
        return _array(sae.encode(torch.from_numpy(rows * scale))) / scale

    decoder = sae.decoder.weight.T if hasattr(sae, "decoder") else sae.W_dec
    return Learnt(_by_blocks(encode), _array(decoder), _array(sae.b_dec) / scale)


def saelens(matrix: Matrix, n_features: int, k: int, seed: int) -> Learnt:
    import torch
    from sae_lens import TopKTrainingSAE, TopKTrainingSAEConfig
    from sae_lens.config import SAETrainerConfig
    from sae_lens.training.sae_trainer import SAETrainer

    torch.manual_seed(seed)
    scale = matrix.shape[1] ** 0.5
    config = TopKTrainingSAEConfig(d_in=matrix.shape[1], d_sae=n_features, k=k, device="cpu")
    sae = TopKTrainingSAE(config)
    sae.b_dec.data = torch.from_numpy(matrix.mean(axis=0) * scale)
    options = SAETrainerConfig(
        total_training_samples=STEPS * BATCH,
        train_batch_size_samples=BATCH,
        lr=RATE,
        lr_end=RATE,
        lr_warm_up_steps=WARM_UP,
        lr_decay_steps=STEPS - DECAY_FROM,
        dead_feature_window=20,
    )
    rows = (torch.from_numpy(batch * scale) for batch in _batches(matrix, seed))
    SAETrainer(cfg=options, sae=sae, data_provider=rows).fit()

    def encode(batch: Matrix) -> npt.NDArray:
        codes = sae.encode(torch.from_numpy(batch * scale))
        return _array(codes.to_dense()) / scale

    # codes come multiplied by the decoder's norms, which its decode divides by again
    decoder = sae.W_dec / sae.W_dec.norm(dim=1, keepdim=True)
    return Learnt(_by_blocks(encode), _array(decoder), _array(sae.b_dec) / scale)


def pca(matrix: Matrix, n_features: int, k: int, seed: int) -> Learnt:
    from sklearn.decomposition import PCA

    model = PCA(min(n_features // 2, matrix.shape[1]), random_state=seed).fit(matrix)
    return _signed(model.transform, model.components_, model.mean_, k)


def ica(matrix: Matrix, n_features: int, k: int, seed: int) -> Learnt:
    from sklearn.decomposition import FastICA
    from sklearn.exceptions import ConvergenceWarning

    rank = np.linalg.matrix_rank(matrix - matrix.mean(axis=0))  # beyond it, whitening fails
    components = min(n_features // 2, int(rank))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = FastICA(components, random_state=seed, whiten="unit-variance").fit(matrix)
    lengths = np.linalg.norm(model.mixing_, axis=0)
    return _signed(
        lambda rows: model.transform(rows) * lengths,
        (model.mixing_ / lengths).T.astype(np.float32),
        model.mean_,
        k,
    )


def nmf(matrix: Matrix, n_features: int, k: int, seed: int) -> Learnt:
    from sklearn.decomposition import MiniBatchNMF
    from sklearn.exceptions import ConvergenceWarning

    model = MiniBatchNMF(n_features, init="random", batch_size=1024, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(_split_signs(matrix))
    positive, negative = np.split(model.components_.astype(np.float32), 2, axis=1)
    lengths = np.maximum(np.linalg.norm(model.components_, axis=1), 1e-12)

    def encode(rows: Matrix) -> npt.NDArray:
        # with directions of one length, the largest codes are the strongest
        return _strongest(model.transform(_split_signs(rows)) * lengths, k)

    decoder = (positive - negative) / lengths[:, None].astype(np.float32)
    return Learnt(_by_blocks(encode), decoder, np.zeros(matrix.shape[1], np.float32))


def kmeans(matrix: Matrix, n_features: int, k: int, seed: int) -> Learnt:
    from sklearn.cluster import KMeans

    model = KMeans(n_features, n_init=1, random_state=seed).fit(matrix)
    mean = matrix.mean(axis=0)

    def encode(rows: Matrix) -> sparse.csr_matrix:
        nearest = model.predict(rows)
        ones = np.ones(len(rows), np.float32)
        return sparse.csr_matrix(
            (ones, nearest, np.arange(len(rows) + 1)), shape=(len(rows), n_features)
        )

    return Learnt(encode, model.cluster_centers_ - mean, mean)


def _signed(
    scores: Callable[[Matrix], npt.NDArray], directions: Matrix, mean: Matrix, k: int
) -> Learnt:
    """Make of every signed component two features, and keep the k strongest of a row."""

    def encode(rows: Matrix) -> npt.NDArray:
        found = scores(rows)
        return _strongest(np.concatenate([found, -found], axis=1), k)

    return Learnt(_by_blocks(encode), np.concatenate([directions, -directions]), mean)


def _split_signs(matrix: Matrix) -> Matrix:
    return np.concatenate([np.maximum(matrix, 0), np.maximum(-matrix, 0)], axis=1)


def _strongest(codes: npt.NDArray, k: int) -> npt.NDArray:
    """Return the codes with all but the k largest of each row set to 0."""
    places = np.argpartition(-codes, k - 1, axis=1)[:, :k]
    kept = np.zeros_like(codes)
    np.put_along_axis(kept, places, np.take_along_axis(codes, places, axis=1), axis=1)
    return kept


def _batches(matrix: Matrix, seed: int) -> Iterator[Matrix]:
    random = np.random.default_rng(seed)
    while True:
        order = random.permutation(len(matrix))
        for start in range(0, len(order) - BATCH + 1, BATCH):
            yield matrix[order[start : start + BATCH]]


def _by_blocks(
    encode: Callable[[Matrix], npt.NDArray],
) -> Callable[[Matrix], sparse.csr_matrix]:
    """Encode block by block, so that the dense codes never lie in memory all at once."""

    def whole(rows: Matrix) -> sparse.csr_matrix:
        blocks = (encode(rows[start : start + BLOCK]) for start in range(0, len(rows), BLOCK))
        parts = [sparse.csr_matrix(np.maximum(block, 0, dtype=np.float32)) for block in blocks]
        return sparse.vstack(parts, format="csr")

    return whole


def _array(tensor: Any) -> Matrix:
    return np.ascontiguousarray(tensor.detach().cpu().numpy(), dtype=np.float32)


def _dictionary_learning(trainer: str, module: str, **options: Any) -> Peer:
    train = partial(dictionary_learning, trainer=trainer, module=module, **options)
    return Peer("dictionary_learning.trainers", "pip install dictionary-learning", train)


_THRESHOLDED = {"threshold_start_step": DECAY_FROM, "threshold_beta": 0.99}
_GROUPS = np.diff(PREFIXES, prepend=0).tolist()

PEERS = {
    "hypothesaes": Peer("hypothesaes.quickstart", "pip install hypothesaes", hypothesaes),
    "hypothesaes-matryoshka": Peer(
        "hypothesaes.quickstart",
        "pip install hypothesaes",
        partial(hypothesaes, matryoshka=True),
    ),
    "dictionary_learning-topk": _dictionary_learning("TopKTrainer", "top_k"),
    "dictionary_learning-batch_topk": _dictionary_learning(
        "BatchTopKTrainer", "batch_top_k", **_THRESHOLDED
    ),
    "dictionary_learning-matryoshka": _dictionary_learning(
        "MatryoshkaBatchTopKTrainer",
        "matryoshka_batch_top_k",
        group_fractions=_GROUPS,
        **_THRESHOLDED,
    ),
    "dictionary_learning-jumprelu": _dictionary_learning(
        "JumpReluTrainer",
        "jumprelu",
        sparsity="target_l0",
        sparsity_warmup_steps=WARM_UP,
        sparsity_penalty=1000.0,
        bandwidth=0.5,
    ),
    "saelens-topk": Peer("sae_lens", "pip install sae-lens", saelens),
    "pca": Peer("sklearn.decomposition", "pip install scikit-learn", pca),
    "ica": Peer("sklearn.decomposition", "pip install scikit-learn", ica),
    "nmf": Peer("sklearn.decomposition", "pip install scikit-learn", nmf),
    "kmeans": Peer("sklearn.cluster", "pip install scikit-learn", kmeans),
}
