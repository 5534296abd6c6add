"""The sections of a configuration, and the public callables that they configure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from saeidioms.config import bind, check_sections
from saeidioms.corpus.readers import read_corpus
from saeidioms.corpus.select import select_units
from saeidioms.embedding.embed import embed
from saeidioms.errors import OptionError
from saeidioms.idioms.fidelity import measure_fidelity
from saeidioms.idioms.find import find_idioms
from saeidioms.idioms.labelling import choose_labelling
from saeidioms.report.build import build_report
from saeidioms.run import Sections
from saeidioms.sae.autoencoder import SparseAutoencoder
from saeidioms.taxonomy.codebook import Codebook
from saeidioms.taxonomy.coding import code
from saeidioms.taxonomy.comparison import compare
from saeidioms.taxonomy.distribution import Distribution, check_draws

Given = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Section:
    """A section of the configuration: the callable that it configures.

    Attributes
    ----------
    function
        Its keyword arguments are the options.
    given
        Arguments that the pipeline passes itself.
    neutral
        Options that change no result, so that changing them makes nothing again.
    """

    function: Callable[..., Any]
    given: tuple[str, ...] = ()
    neutral: tuple[str, ...] = ()


SHARED = {"cluster", "level", "n_boot", "seed"}  # that flags set for all statistics alike
# Of a run that is applied.
FIXED = ("units", "embed", "sae", "idioms", "labels", "codebook", "codes")
REPORT_GIVEN = (
    *("folder", "corpus", "sae", "features", "codebook", "codes", "distribution", "lexicon"),
    *("shares", "compared", "level", "figures", "examples", "fidelity", "labelling"),
    *("options", "versions"),
)

_SHARES = (("codes", "min_strength"), ("codebook", "min_confidence"))

SECTIONS = {
    "corpus": Section(read_corpus, given=("source",)),
    "units": Section(select_units, given=("corpus",)),
    "embed": Section(embed, given=("corpus", "known"), neutral=("cache", "device")),
    "sae": Section(SparseAutoencoder, given=("checkpoint",), neutral=("device", "log_dir")),
    "idioms": Section(find_idioms, given=("corpus", "activations", "embeddings", "stability")),
    "labels": Section(choose_labelling, given=("answers", "sub_categories", "corpus")),
    "fidelity": Section(
        measure_fidelity,
        given=("features", "corpus", "activations", "embeddings", "judge", "unseen"),
    ),
    "codebook": Section(Codebook.propose, given=("features", "sae", "encode")),
    "codes": Section(code, given=("corpus", "activations", "codebook")),
    "distribution": Section(Distribution.shares),
    "compare": Section(compare, given=("distribution",)),
    "report": Section(build_report, given=REPORT_GIVEN),
}


def bind_options(given: Given) -> Sections:
    """Check all sections of a configuration and fill in the defaults.

    ``compare`` is bound only where it names a baseline.

    Raises
    ------
    OptionError
        For an unknown section or option, or a value of the wrong type.
    """
    check_sections(given, SECTIONS)
    versus = set(given.get("compare", {}))
    if "baseline" not in versus and versus - SHARED:
        raise OptionError(
            f"compare.baseline is missing beside {', '.join(sorted(versus))}; give it."
        )
    wanted = [name for name in SECTIONS if name != "compare" or "baseline" in given.get(name, {})]
    options = {
        name: bind(name, SECTIONS[name].function, given.get(name, {}), SECTIONS[name].given)
        for name in wanted
    }
    _check_ranges(options)
    return options


def _check_ranges(options: Sections) -> None:
    """Refuse at the door what a late stage would refuse after an hour of work."""
    for section, name in _SHARES:
        value = options[section][name]
        if not 0 <= value <= 1:
            raise OptionError(f"{name} is {value}; it must lie between 0 and 1.")
    for section in ("distribution", "compare"):
        if section in options:
            check_draws(options[section]["level"], options[section]["n_boot"])
