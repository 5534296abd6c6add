"""Shares -> pictures: one function, one plotly figure."""

from saeidioms.charts.agreement import expert_agreement
from saeidioms.charts.comparison import change, over_turns
from saeidioms.charts.distribution import by_group, distribution
from saeidioms.charts.export import save
from saeidioms.charts.features import feature_map
from saeidioms.charts.forest import dumbbell, forest
from saeidioms.charts.sweep import frontier

__all__ = [
    "by_group",
    "change",
    "distribution",
    "dumbbell",
    "expert_agreement",
    "feature_map",
    "forest",
    "frontier",
    "over_turns",
    "save",
]
