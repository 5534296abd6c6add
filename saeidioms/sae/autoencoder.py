"""The sparse autoencoder as a scikit-learn transformer; torch is imported to train and to code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from saeidioms.errors import InputError
from saeidioms.machine import choose_device, current_device
from saeidioms.sae.activations import SHARD_ROWS, SparseActivations, write_activations
from saeidioms.sae.journal import Journal
from saeidioms.sae.portrait import Portrait
from saeidioms.sae.size import split_rows
from saeidioms.sae.storage import (
    DECISIVE,
    Tensors,
    check_shapes,
    digest_model,
    read_model,
    write_model,
)

if TYPE_CHECKING:
    from saeidioms.embedding.embeddings import Embeddings
    from saeidioms.sae.coder import Coder
    from saeidioms.sae.recipe import Recipe
    from saeidioms.sae.rows import Matrix
    from saeidioms.sae.training import Trained

Rule = Literal["topk", "batch_topk", "jumprelu", "relu"]
Array = npt.NDArray[np.float32]

FEWEST_ROWS = 4


class SparseAutoencoder(Portrait, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Dictionary of features of which only k describe any one row.

    Sparse autoencoder with the auxiliary loss of Gao et al. 2024, *Scaling and evaluating sparse
    autoencoders* (arXiv 2406.04093); `saeidioms.sae.sparsity` has the sources of the rules.
    Inputs are centred and brought to one scale internally; the stored weights work on raw inputs.

    Parameters
    ----------
    n_features
        Size F of the dictionary; None: chosen from the number of rows, see `choose_size`.
    k
        Features active in a row: at most for ``"topk"``, on average for the other rules; None:
        chosen with `n_features`.
    sparsity
        How activations are made sparse: ``"topk"``, ``"batch_topk"``, ``"jumprelu"``, ``"relu"``.
    prefixes
        Shares of the dictionary that must each reconstruct the rows by themselves, such as
        ``(1 / 16, 1 / 4, 1)``, so that general features come first (Matryoshka SAE, Bussmann et
        al. 2025, arXiv 2503.17547); None: the whole alone.
    max_steps
        Steps of the optimiser; None: twelve passes over the data, at least 1,000 steps.
    batch_size
        Rows in a step; less for fewer than 20 such batches of data, where smaller steps learn more.
    learning_rate
        Adam's after the warm-up, in units of a dictionary row: how far a step moves it at most.
    aux_coefficient
        Weight of the auxiliary loss that revives dead features.
    patience
        Checks (twenty a training) without a better held-out explained variance until a training
        by TopK ends; by the other rules L0 differs from check to check, and all steps are taken.
    seeds
        Dictionaries that are trained, with independent initialisations, and made into one, see
        `saeidioms.sae.ensemble`; with several, the stability of every feature is known.
    seed
        Of split, start and order; the same seed gives the same weights, bit for bit, on a CPU
        with the same number of threads.
    device
        Where to compute, such as ``"cpu"`` or ``"cuda:1"``; None: CUDA where there is one.
    checkpoint
        File that keeps an unfinished training, so that `fit` goes on where it was killed and ends
        with the same weights; removed at the end. None: nothing is kept.
    log_dir
        Folder for TensorBoard events, written while it trains; None: none.

    Attributes
    ----------
    encoder_ : numpy.ndarray
        (F, D) float32; pre-activations are ``(x - mean_) @ encoder_.T + encoder_bias_``.
    encoder_bias_ : numpy.ndarray
        (F,) float32.
    components_ : numpy.ndarray
        (F, D) float32, the dictionary, rows of unit length.
    mean_ : numpy.ndarray
        (D,) float32: what a row without any active feature is decoded to.
    threshold_ : numpy.ndarray
        (F,) float32: a feature fires where its pre-activation is above; zeros for ``"topk"`` and
        ``"relu"``. For ``"topk"`` only the k largest of a row fire besides.
    stability_ : numpy.ndarray
        (F,) float32, mean cosine of each feature with its one-to-one partners in the dictionaries
        of the single seeds; NaN where there was one seed.
    density_ : numpy.ndarray
        (F,) float32, share of the held-out rows on which each feature fires.
    metrics_ : dict
        On held-out rows: ``explained_variance`` (see `saeidioms.sae.metrics`), ``l0`` (mean number
        of active features), ``silent_share`` (features that fire on no held-out row); further
        ``dead_share`` (features that fire neither there nor on 200,000 training rows), ``n_train``,
        ``n_validation``.
    history_ : pandas.DataFrame
        One row a check: step, loss, explained_variance, dead_share, learning_rate.
    n_features_, k_, sparsity_ : int, int, str
        Sizes and rule used.
    digest_ : str
        Of weights and sparsity rule.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.random.default_rng(0).normal(size=(200, 16))
    >>> sae = SparseAutoencoder(n_features=8, k=2, max_steps=20).fit(rows)
    >>> sae.transform(rows).shape
    (200, 8)
    """

    def __init__(
        self,
        n_features: int | None = None,
        k: int | None = None,
        *,
        sparsity: Rule = "topk",
        prefixes: Sequence[float] | None = None,
        max_steps: int | None = None,
        batch_size: int = 512,
        learning_rate: float = 0.25,
        aux_coefficient: float = 1 / 32,
        patience: int = 4,
        seeds: int = 1,
        seed: int = 0,
        device: str | None = None,
        checkpoint: str | Path | None = None,
        log_dir: str | Path | None = None,
    ) -> None:
        self.n_features = n_features
        self.k = k
        self.sparsity = sparsity
        self.prefixes = prefixes
        self.max_steps = max_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.aux_coefficient = aux_coefficient
        self.patience = patience
        self.seeds = seeds
        self.seed = seed
        self.device = device
        self.checkpoint = checkpoint
        self.log_dir = log_dir

    def fit(
        self, X: npt.ArrayLike | Embeddings, y: None = None, groups: npt.ArrayLike | None = None
    ) -> SparseAutoencoder:
        """Learn the dictionary.

        Parameters
        ----------
        X
            (N, D) rows, at least 4.
        y
            Ignored.
        groups
            (N,) labels, such as conversations: a tenth of the rows is held out in whole groups.
            None: single rows are held out.

        Returns
        -------
        SparseAutoencoder
            Itself.

        Raises
        ------
        OptionError
            If an option is out of its range.
        InputError
            If the rows cannot be used: too few, not finite, all the same.
        """
        from saeidioms.sae.checkpoint import Checkpoint
        from saeidioms.sae.data import Data
        from saeidioms.sae.ensemble import train_ensemble
        from saeidioms.sae.metrics import measure
        from saeidioms.sae.recipe import settle

        matrix = self._matrix(X, reset=True)
        n_rows = matrix.shape[0]
        if n_rows < FEWEST_ROWS:
            raise InputError(
                f"n_samples = {n_rows} rows were given, but a sparse autoencoder needs at "
                f"least {FEWEST_ROWS} (and does well from some hundreds on): give more texts."
            )
        recipe = settle(self.get_params(), n_rows, matrix.shape[1])
        train, held_out = split_rows(n_rows, groups, self.seed)
        data = Data.of(matrix, train, held_out, recipe)
        journal = Journal(None if self.log_dir is None else Path(self.log_dir))
        path = None if self.checkpoint is None else Path(self.checkpoint)
        checkpoint = Checkpoint(path, recipe.key | data.key | {"seeds": self.seeds})
        with current_device(recipe.device):
            trained, self.stability_ = train_ensemble(data, recipe, self.seeds, checkpoint, journal)
        self._keep(trained, recipe)
        rows = (matrix, train, held_out, trained.scaling.mean)
        self.metrics_, self.density_ = measure(self._coder(), self.components_, *rows)
        return self

    def transform(self, X: npt.ArrayLike | Embeddings) -> sparse.csr_matrix:
        """Return the (N, F) float32 activations of (N, D) rows."""
        check_is_fitted(self)
        return self._coder().encode(self._matrix(X, reset=False))

    def inverse_transform(self, X: npt.ArrayLike | sparse.sparray | sparse.spmatrix) -> Array:
        """Return the (N, D) float32 rows that (N, F) activations stand for."""
        check_is_fitted(self)
        activations = check_array(X, accept_sparse="csr", dtype=np.float32)
        if activations.shape[1] != self.n_features_:
            raise InputError(
                f"activations of {activations.shape[1]} features were given, but the dictionary "
                f"has {self.n_features_}; give what its transform returned."
            )
        return np.asarray(activations @ self.components_ + self.mean_, dtype=np.float32)

    def encode(self, embeddings: Embeddings) -> SparseActivations:
        """Return the activations of embedded units; a text that occurs often is coded once."""
        check_is_fitted(self)
        width = embeddings.vectors.shape[1]
        if width != self.n_features_in_:
            raise InputError(
                f"the embeddings are {width} wide, but the dictionary was trained on width "
                f"{self.n_features_in_}; embed with the model it was trained with."
            )
        distinct = self._coder().encode(embeddings.vectors, "coding units")
        return SparseActivations(distinct[embeddings.index], embeddings.ids, self.digest_)

    def encode_to(self, X: npt.ArrayLike | Embeddings, folder: str | Path) -> None:
        """Write the activations of any number of rows to `folder`, with little memory.

        `SparseActivations.load` reads them; the ids are those of embedded units, or row numbers.
        """
        check_is_fitted(self)
        matrix, coder = self._matrix(X, reset=False), self._coder()
        parts = coder.parts(matrix, SHARD_ROWS)
        write_activations(folder, parts, self.n_features_, self.digest_)

    def save(self, folder: str | Path) -> None:
        """Write ``config.json``, ``model.safetensors`` and ``history.csv`` to `folder`."""
        check_is_fitted(self)
        config = {
            "digest": self.digest_,
            "n_features": self.n_features_,
            "width": self.n_features_in_,
            "sparsity": self._rule(),
            "options": self.get_params() | {"checkpoint": None, "log_dir": None},
            "metrics": self.metrics_,
        }
        figures = {"density": self.density_, "stability": self.stability_}
        write_model(Path(folder), self._tensors() | figures, config, self.history_)

    @classmethod
    def load(cls, folder: str | Path) -> SparseAutoencoder:
        """Read what `save` wrote.

        Raises
        ------
        ArtifactError
            If a file is missing, damaged or of another dictionary; the sentence names the tensor.
        """
        tensors, config, history = read_model(Path(folder))
        self = cls(**config["options"])
        self.n_features_in_ = config["width"]
        self.n_features_ = config["n_features"]
        self.sparsity_, self.k_ = config["sparsity"]["rule"], config["sparsity"]["k"]
        for name, array in tensors.items():
            setattr(self, f"{name}_", array)
        self.metrics_ = config["metrics"]
        self.history_ = history
        self.digest_ = config["digest"]
        return self

    @classmethod
    def from_weights(
        cls,
        encoder: npt.ArrayLike,
        encoder_bias: npt.ArrayLike,
        components: npt.ArrayLike,
        mean: npt.ArrayLike,
        *,
        sparsity: str = "topk",
        k: int | None = None,
        threshold: npt.ArrayLike | None = None,
    ) -> SparseAutoencoder:
        """Return a dictionary with the weights of another program; see the class for their shapes.

        Rows of `components` may have any length. It has no metrics and no history.

        Raises
        ------
        InputError
            If the shapes do not fit.
        OptionError
            If there is no such rule, or `k` is missing for ``"topk"``.
        """
        from saeidioms.sae.recipe import check_rule

        weights = (
            np.array(array, np.float32) for array in (encoder, encoder_bias, components, mean)
        )
        self = cls(sparsity=sparsity)  # type: ignore[arg-type]  # checked below
        self.encoder_, self.encoder_bias_, self.components_, self.mean_ = weights
        above = np.zeros(len(self.encoder_)) if threshold is None else threshold
        self.threshold_ = np.array(above, np.float32)
        check_shapes(self._tensors())
        self.n_features_, self.n_features_in_ = self.encoder_.shape
        check_rule(sparsity, k, self.n_features_)
        self.sparsity_, self.k_ = sparsity, k or 0
        self.density_, self.stability_ = np.full((2, self.n_features_), np.nan, np.float32)
        self.metrics_, self.history_ = {}, pd.DataFrame({"step": []})
        self.digest_ = digest_model(self._tensors(), self._rule())
        return self

    @property
    def digest(self) -> str:
        """Digest of weights and sparsity rule."""
        check_is_fitted(self)
        return self.digest_

    @property
    def _n_features_out(self) -> int:
        return self.n_features_

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def _matrix(self, X: Any, *, reset: bool) -> Matrix:
        """Return `X` as a float32 matrix of the right width, memory-mapped ones as they are."""
        from saeidioms.sae.rows import streams

        if streams(X):
            if reset:
                self.n_features_in_ = X.shape[1]
            if X.shape[1] == self.n_features_in_:
                return X
        try:
            with np.errstate(over="ignore"):  # what is too large for float32 is named on reading
                return validate_data(
                    self, X, reset=reset, dtype=np.float32, ensure_all_finite=False, order="C"
                )
        except ValueError as error:
            raise InputError(str(error)) from error

    def _keep(self, trained: Trained, recipe: Recipe) -> None:
        self.n_features_, self.k_, self.sparsity_ = recipe.n_features, recipe.k, recipe.rule
        for name, weights in trained.on_raw_rows().items():
            setattr(self, f"{name}_", weights)
        self.history_ = pd.DataFrame(trained.history)
        self.digest_ = digest_model(self._tensors(), self._rule())

    def _coder(self) -> Coder:
        from saeidioms.sae.coder import Coder
        from saeidioms.sae.sparsity import RULES

        limit = self.k_ if RULES[self.sparsity_].exact else None
        weights = (self.encoder_, self.encoder_bias_, self.mean_, self.threshold_)
        return Coder(*weights, limit, choose_device(self.device))

    def _rule(self) -> dict[str, Any]:
        return {"rule": self.sparsity_, "k": self.k_}

    def _tensors(self) -> Tensors:
        return {name: getattr(self, f"{name}_") for name in DECISIVE}


def train(
    matrix: npt.ArrayLike | Embeddings,
    n_features: int | None = None,
    k: int | None = None,
    seed: int = 0,
    groups: npt.ArrayLike | None = None,
    **options: Any,
) -> SparseAutoencoder:
    """Train a dictionary on a plain matrix; see `SparseAutoencoder` for the arguments.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.random.default_rng(0).normal(size=(200, 16))
    >>> train(rows, n_features=8, k=2, max_steps=20).components_.shape
    (8, 16)
    """
    return SparseAutoencoder(n_features, k, seed=seed, **options).fit(matrix, groups=groups)
