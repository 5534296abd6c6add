"""The sparse autoencoder as a scikit-learn transformer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from saeidioms.errors import InputError
from saeidioms.machine import choose_device
from saeidioms.sae.activations import SparseActivations
from saeidioms.sae.coder import Coder
from saeidioms.sae.metrics import dead_share, densities, explained_variance, l0, sum_of_squares
from saeidioms.sae.recipe import Recipe, settle
from saeidioms.sae.size import split_rows
from saeidioms.sae.sparsity import TopK
from saeidioms.sae.storage import Tensors, digest_model, read_model, write_model
from saeidioms.sae.training import Trained, train_network

if TYPE_CHECKING:
    from saeidioms.embedding.embeddings import Embeddings

Matrix = npt.NDArray[np.float32]

FEWEST_ROWS = 4


class SparseAutoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Dictionary of features of which only k describe any one row.

    Top-k sparse autoencoder with auxiliary loss, after Gao et al. 2024, *Scaling and evaluating
    sparse autoencoders* (arXiv 2406.04093). Inputs are centred and brought to one scale
    internally; the stored weights work on raw inputs.

    Parameters
    ----------
    n_features
        Size F of the dictionary; None: chosen from the number of rows, see `choose_size`.
    k
        Features active in a row, at most; None: chosen with `n_features`.
    max_steps
        Most steps of the optimiser; None: eight passes over the data, at least 600 steps.
    batch_size
        Rows in a step; less for fewer than 20 such batches of data, where smaller steps learn more.
    learning_rate
        Adam's, after the warm-up.
    aux_coefficient
        Weight of the auxiliary loss that revives dead features.
    patience
        Checks (twenty a training) without a better held-out explained variance until the learning
        rate decays and the training ends.
    seed
        Of split, start and order; the same seed gives the same weights, bit for bit, on a CPU
        with the same number of threads.
    device
        Where to compute, such as ``"cpu"`` or ``"cuda:1"``; None: CUDA where there is one.

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
    density_ : numpy.ndarray
        (F,) float32, share of the held-out rows on which each feature fires.
    metrics_ : dict
        On held-out rows: ``explained_variance`` (see `saeidioms.sae.metrics`), ``l0`` (mean number
        of active features), ``silent_share`` (features that fire on no held-out row); further
        ``dead_share`` (features that fire on no row at all), ``n_train``, ``n_validation``.
    history_ : pandas.DataFrame
        One row a check: step, loss, explained_variance, dead_share, learning_rate.
    n_features_, k_ : int
        The sizes used.
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
        max_steps: int | None = None,
        batch_size: int = 512,
        learning_rate: float = 4e-3,
        aux_coefficient: float = 1 / 32,
        patience: int = 4,
        seed: int = 0,
        device: str | None = None,
    ) -> None:
        self.n_features = n_features
        self.k = k
        self.max_steps = max_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.aux_coefficient = aux_coefficient
        self.patience = patience
        self.seed = seed
        self.device = device

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
        matrix = self._matrix(X, reset=True)
        if len(matrix) < FEWEST_ROWS:
            raise InputError(
                f"n_samples = {len(matrix)} rows were given, but a sparse autoencoder needs at "
                f"least {FEWEST_ROWS} (and does well from some hundreds on): give more texts."
            )
        recipe = settle(self.get_params(), *matrix.shape)
        labels = None if groups is None else np.asarray(groups)
        train, held_out = split_rows(len(matrix), labels, self.seed)
        trained = train_network(matrix[train], matrix[held_out], recipe)
        self._keep(trained, recipe)
        self._measure(matrix, train, held_out)
        return self

    def transform(self, X: npt.ArrayLike | Embeddings) -> sparse.csr_matrix:
        """Return the (N, F) float32 activations of (N, D) rows."""
        check_is_fitted(self)
        return self._coder().encode(self._matrix(X, reset=False))

    def inverse_transform(self, X: npt.ArrayLike | sparse.sparray | sparse.spmatrix) -> Matrix:
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

    def save(self, folder: str | Path) -> None:
        """Write ``config.json``, ``model.safetensors`` and ``history.csv`` to `folder`."""
        check_is_fitted(self)
        config = {
            "digest": self.digest_,
            "n_features": self.n_features_,
            "width": self.n_features_in_,
            "sparsity": self._rule(),
            "options": self.get_params(),
            "metrics": self.metrics_,
        }
        write_model(
            Path(folder), self._tensors() | {"density": self.density_}, config, self.history_
        )

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
        self.k_ = config["sparsity"]["k"]
        for name, array in tensors.items():
            setattr(self, f"{name}_", array)
        self.metrics_ = config["metrics"]
        self.history_ = history
        self.digest_ = config["digest"]
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
        """Return `X` as a finite float32 matrix of the right width."""
        try:
            with np.errstate(over="ignore"):  # what is too large for float32 is named below
                matrix = validate_data(
                    self, X, reset=reset, dtype=np.float32, ensure_all_finite=False, order="C"
                )
        except ValueError as error:
            raise InputError(str(error)) from error
        for start in range(0, len(matrix), 8192):
            finite = np.isfinite(matrix[start : start + 8192])
            if not finite.all():
                row, column = np.argwhere(~finite)[0]
                raise InputError(
                    f"row {start + row}, column {column} of the matrix is NaN or infinite (as "
                    "float32); give finite numbers only, or embed that text again."
                )
        return matrix

    def _keep(self, trained: Trained, recipe: Recipe) -> None:
        """Fold the scaling into the weights, so that they work on raw inputs."""
        scale = trained.scaling.scale
        center = trained.scaling.mean.cpu().numpy()
        learned = trained.network.state_dict()
        weights = {name: tensor.cpu().numpy() for name, tensor in learned.items()}
        self.center_ = center
        self.n_features_ = recipe.n_features
        self.k_ = recipe.sparsity.k
        self.encoder_ = weights["encoder"]
        self.components_ = weights["decoder"]
        self.mean_ = center + scale * weights["decoder_bias"]
        moved = self.encoder_ @ (scale * weights["decoder_bias"])
        self.encoder_bias_ = scale * weights["encoder_bias"] + moved
        self.history_ = pd.DataFrame(trained.history)
        self.digest_ = digest_model(self._tensors(), self._rule())

    def _measure(
        self, matrix: Matrix, train: npt.NDArray[np.int64], held_out: npt.NDArray[np.int64]
    ) -> None:
        """Fill `metrics_` and `density_`; see the class for what the numbers mean."""
        coder = self._coder()
        residuals, firing = 0.0, []
        for start, block in coder.blocks(matrix[held_out]):
            rows = matrix[held_out[start : start + block.shape[0]]]
            residuals += float(
                np.square(rows - self.inverse_transform(block), dtype=np.float64).sum()
            )
            firing.append(block)
        activations = sparse.vstack(firing, format="csr")
        density = densities(activations)
        total = sum_of_squares(matrix[held_out], self.center_)
        self.metrics_ = {
            "explained_variance": explained_variance(residuals, total),
            "l0": l0(activations),
            "silent_share": dead_share(density),
            "dead_share": dead_share(density, densities(coder.encode(matrix[train]))),
            "n_train": len(train),
            "n_validation": len(held_out),
        }
        self.density_ = density.astype(np.float32)

    def _coder(self) -> Coder:
        device = choose_device(self.device)
        return Coder(self.encoder_, self.encoder_bias_, self.mean_, TopK(self.k_), device)

    def _rule(self) -> dict[str, Any]:
        return {"rule": "topk", "k": self.k_}

    def _tensors(self) -> Tensors:
        names = ("encoder", "encoder_bias", "components", "mean")
        return {name: getattr(self, f"{name}_") for name in names}


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
