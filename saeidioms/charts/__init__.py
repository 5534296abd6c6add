"""Shares -> pictures: one function, one plotly figure."""

from saeidioms.charts.agreement import expert_agreement
from saeidioms.charts.comparison import change, over_turns
from saeidioms.charts.distribution import by_group, distribution
from saeidioms.charts.export import save
from saeidioms.charts.features import feature_map
from saeidioms.charts.forest import dumbbell, forest
from saeidioms.charts.sequences import cooccurrence, sankey, templates, transition_map
from saeidioms.charts.sweep import frontier
from saeidioms.charts.trajectory import lines, stacked_area

__all__ = [
    "by_group",
    "change",
    "cooccurrence",
    "distribution",
    "dumbbell",
    "expert_agreement",
    "feature_map",
    "forest",
    "frontier",
    "lines",
    "over_turns",
    "sankey",
    "save",
    "stacked_area",
    "templates",
    "transition_map",
]
