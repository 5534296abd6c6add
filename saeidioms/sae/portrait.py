"""How a sparse autoencoder shows itself: its sizes, and how well it fits."""

from __future__ import annotations

from typing import Any

from sklearn.base import BaseEstimator

from saeidioms.display import Cell, Display, Shown, Table

_MEASURES = {
    "explained_variance": "explained variance",
    "l0": "features active in a row (L0)",
    "dead_share": "dead features",
    "n_train": "rows trained on",
    "n_validation": "rows held out",
}


class Portrait(Shown, BaseEstimator):
    """What an estimator shows in place of scikit-learn's diagram once it has measured itself."""

    def _display(self) -> Display:
        own: dict[str, Any] = dict(vars(self))
        if "metrics_" not in own:
            return Display("SparseAutoencoder, not fitted", dict(self._changed()))
        rows: list[tuple[Cell, ...]] = [
            (name, float(own["metrics_"][key]) if key[0] != "n" else int(own["metrics_"][key]))
            for key, name in _MEASURES.items()
            if key in own["metrics_"]
        ]
        facts: dict[str, Cell] = {"features": int(own["n_features_"]), "k": int(own["k_"])}
        facts |= {"sparsity": str(own["sparsity_"]), "seeds": int(self.seeds), "seed": self.seed}
        return Display("SparseAutoencoder", facts, tables=(Table("", ("measure", ""), rows),))

    def _changed(self) -> dict[str, Cell]:
        return {name: str(value) for name, value in self.get_params().items() if value is not None}

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/html": self._repr_html_(), "text/plain": repr(self)}

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:  # as scikit-learn prints estimators
        text: str = BaseEstimator.__repr__(self, N_CHAR_MAX=N_CHAR_MAX)
        return text
