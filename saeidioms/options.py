"""The sections of a configuration, and the public callables that they configure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Any

from saeidioms.config import bind, check_sections
from saeidioms.errors import OptionError
from saeidioms.run import Sections
from saeidioms.sae.size import check_sizes
from saeidioms.taxonomy.distribution import check_draws

Given = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Section:
    """A section of the configuration: the callable that it configures.

    Attributes
    ----------
    name
        ``"module:name"`` of the callable, in this package; its keyword arguments are the options.
    given
        Arguments that the pipeline passes itself.
    neutral
        Options that change no result, so that changing them makes nothing again.
    """

    name: str
    given: tuple[str, ...] = ()
    neutral: tuple[str, ...] = ()

    @property
    def function(self) -> Callable[..., Any]:
        """The callable, imported now: what binds no options need not pay for torch."""
        callable_: Callable[..., Any] = resolve_name(f"saeidioms.{self.name}")
        return callable_


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
    "corpus": Section("corpus.readers:read_corpus", given=("source",)),
    "units": Section("corpus.select:select_units", given=("corpus",)),
    "embed": Section(
        "embedding.embed:embed", given=("corpus", "known"), neutral=("cache", "device")
    ),
    "sae": Section(
        "sae.autoencoder:SparseAutoencoder", given=("checkpoint",), neutral=("device", "log_dir")
    ),
    "idioms": Section(
        "idioms.find:find_idioms", given=("corpus", "activations", "embeddings", "stability")
    ),
    "labels": Section(
        "idioms.labelling:choose_labelling",
        given=("answers", "sub_categories", "corpus", "rehearsed"),
    ),
    "fidelity": Section(
        "idioms.fidelity:measure_fidelity",
        given=("features", "corpus", "activations", "embeddings", "judge", "unseen"),
    ),
    "codebook": Section("taxonomy.codebook:Codebook.propose", given=("features", "sae", "encode")),
    "codes": Section("taxonomy.coding:code", given=("corpus", "activations", "codebook")),
    "distribution": Section("taxonomy.distribution:Distribution.shares"),
    "compare": Section("taxonomy.comparison:compare", given=("distribution",)),
    "report": Section("report.build:build_report", given=REPORT_GIVEN),
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
    check_sizes(options["sae"]["n_features"], options["sae"]["k"])
    for section in ("distribution", "compare"):
        if section in options:
            check_draws(options[section]["level"], options[section]["n_boot"])
