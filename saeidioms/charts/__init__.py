"""Shares -> pictures: one function, one plotly figure.

Each function takes the table that it draws, and its figure carries the rows that are drawn:
`data` returns them.
"""

from saeidioms.charts.agreement import expert_agreement
from saeidioms.charts.carried import data
from saeidioms.charts.comparison import change, over_turns
from saeidioms.charts.distribution import by_group, distribution
from saeidioms.charts.effects import effects
from saeidioms.charts.export import ONE_COLUMN, TWO_COLUMNS, Template, save
from saeidioms.charts.features import feature_map
from saeidioms.charts.forest import dumbbell, forest, reliable_change
from saeidioms.charts.idiom_bars import idiom_bars
from saeidioms.charts.power import power_curve
from saeidioms.charts.sequences import cooccurrence, sankey, templates, transition_map
from saeidioms.charts.sweep import frontier
from saeidioms.charts.template_use import template_use
from saeidioms.charts.trajectory import lines, stacked_area
from saeidioms.charts.treemap import treemap

__all__ = [
    "ONE_COLUMN",
    "TWO_COLUMNS",
    "Template",
    "by_group",
    "change",
    "cooccurrence",
    "data",
    "distribution",
    "dumbbell",
    "effects",
    "expert_agreement",
    "feature_map",
    "forest",
    "frontier",
    "idiom_bars",
    "lines",
    "over_turns",
    "power_curve",
    "reliable_change",
    "sankey",
    "save",
    "stacked_area",
    "template_use",
    "templates",
    "transition_map",
    "treemap",
]
