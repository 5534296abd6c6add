"""Labels of features: by rules from their idioms, or by whatever else keeps the protocol."""

from __future__ import annotations

from typing import Protocol

import pandas as pd

from saeidioms.idioms.features import FeatureTable


class Labeller(Protocol):
    """What gives features their labels."""

    name: str

    def label(self, features: FeatureTable) -> pd.DataFrame:
        """Return ``feature, label``: one row for every feature."""
        ...


class OfflineLabeller:
    """Labels by rules alone: the same features always get the same labels."""

    name = "offline"

    def label(self, features: FeatureTable) -> pd.DataFrame:
        """Return ``feature, label``: one row for every feature."""
        idioms = features.idioms.groupby("feature")["phrase"].agg(list).to_dict()
        labels = []
        for feature, flag in zip(features.table["feature"], features.table["flag"], strict=True):
            own = " / ".join(f'"{phrase}"' for phrase in idioms.get(feature, [])[:2])
            labels.append(own or flag or f"feature {feature}")
        return pd.DataFrame({"feature": features.table["feature"], "label": labels})


def label(features: FeatureTable, labeller: Labeller | None = None) -> FeatureTable:
    """Return the features with the labels of a labeller, by default the offline one."""
    labeller = labeller or OfflineLabeller()
    return features.relabelled(labeller.label(features).assign(label_source=labeller.name))
