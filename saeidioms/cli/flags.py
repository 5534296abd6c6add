"""The flags that set options of the stages, and the options that they set."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from saeidioms.run import Sections


@dataclass(frozen=True)
class Flag:
    """A flag that sets one option of the same name in the sections given."""

    name: str
    sections: tuple[str, ...]
    help: str
    kind: type = str

    @property
    def option(self) -> str:
        """The flag as typed."""
        return "--" + self.name.replace("_", "-")


GROUPS: dict[str, tuple[Flag, ...]] = {
    "reading": (
        Flag("format", ("corpus",), "csv, tsv, json, jsonl, parquet, ...; detected"),
        Flag("text", ("corpus",), "column of the message text; detected"),
        Flag("speaker", ("corpus",), "column of who speaks; detected"),
        Flag("conversation", ("corpus",), "column of the conversation's id; detected"),
        Flag("turn", ("corpus",), "column of the message's position; detected"),
        Flag("max_chars", ("corpus",), "longer messages are dropped and counted", int),
        Flag("role", ("units",), "whose messages to analyse, such as supporter; default all"),
        Flag("unit", ("units",), "sentence (default) or message"),
    ),
    "embedding": (
        Flag("model", ("embed",), "sentence-transformers name or folder; default all-MiniLM-L6-v2"),
        Flag("prompt", ("embed",), "text put before every unit, for models that want one"),
        Flag("dimensions", ("embed",), "keep the first so many (Matryoshka models)", int),
        Flag("precision", ("embed",), "auto (default), float32 or bfloat16"),
        Flag("trust_remote_code", ("embed",), "run code that comes with the model", bool),
        Flag("cache", ("embed",), "folder where vectors are kept over runs"),
    ),
    "dictionary": (
        Flag("n_features", ("sae",), "dictionary size; chosen from the corpus size", int),
        Flag("k", ("sae",), "active features per unit; chosen from the corpus size", int),
        Flag("sparsity", ("sae",), "topk (default), batch_topk, jumprelu or relu"),
        Flag("seeds", ("sae",), "trainings that are made into one stable dictionary", int),
    ),
    "labels": (
        Flag("labeller", ("labels",), "offline (default), endpoint or local"),
        Flag("llm", ("labels",), "language model: a name, or for local a folder or GGUF file"),
        Flag("base_url", ("labels",), "of an OpenAI-compatible server; the key is OPENAI_API_KEY"),
        Flag("candidates", ("labels",), "labels asked for a feature; default 3", int),
        Flag("max_calls", ("labels",), "stop asking after so many prompts", int),
    ),
    "coding": (
        Flag("taxonomy", ("codebook",), "a shipped name (empathy, schwartz_values) or a YAML file"),
        Flag("overrides", ("codebook",), "CSV with your own feature,sub_category; it wins"),
        Flag("min_confidence", ("codebook",), "features below it stay unassigned", float),
        Flag("min_strength", ("codes",), "units below it stay uncoded", float),
    ),
    "statistics": (
        Flag("by", ("distribution", "compare"), "column whose groups are shown, such as arm"),
        Flag("baseline", ("compare",), "group that the others are compared with, such as control"),
        Flag("panel", ("compare",), "column with a panel for each value, such as setting"),
        Flag(
            "cluster", ("distribution", "compare"), "column resampled as a whole, such as a person"
        ),
        Flag("level", ("distribution", "compare"), "level of the intervals; default 0.95", float),
    ),
    "everything": (
        Flag(
            "seed",
            ("sae", "idioms", "labels", "fidelity", "distribution", "compare"),
            "seed of every random choice",
            int,
        ),
        Flag("device", ("embed", "sae"), "cpu, cuda or mps; chosen"),
    ),
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add all flags that set options to a verb."""
    parser.add_argument("--config", metavar="FILE", help="YAML file or shipped name; flags win")
    for title, flags in GROUPS.items():
        group = parser.add_argument_group(title)
        for flag in flags:
            if flag.kind is bool:
                group.add_argument(flag.option, action="store_true", default=None, help=flag.help)
            else:
                metavar = {int: "N", float: "X"}.get(flag.kind, "NAME")
                group.add_argument(flag.option, type=flag.kind, metavar=metavar, help=flag.help)


def options_of(parsed: argparse.Namespace, start: Sections | None = None) -> Sections:
    """Options of the configuration file over those of `start`, and flags over both.

    ``--by`` says what is compared only where ``--baseline`` says with what.
    """
    from saeidioms.config import read_config

    options: Sections = {name: dict(section) for name, section in (start or {}).items()}
    if parsed.config:
        for name, section in read_config(parsed.config).items():
            options.setdefault(name, {}).update(section)
    for flag in (flag for flags in GROUPS.values() for flag in flags):
        value = getattr(parsed, flag.name)
        for name in flag.sections if value is not None else ():
            if (name, flag.name) != ("compare", "by") or parsed.baseline is not None:
                options.setdefault(name, {})[flag.name] = value
    return options


def as_typed(message: str, arguments: Sequence[str]) -> str:
    """Return an error in which options bear the names of the flags that were typed.

    ``units.unit is 'word'`` and ``n_features is 0`` are `--unit` and `--n-features` there, unless
    the option may stand in a configuration file, where it has the name in the error.
    """
    typed = {one.partition("=")[0] for one in arguments if one.startswith("--")}
    all_flags = [flag for flags in GROUPS.values() for flag in flags]

    def in_section(found: re.Match[str]) -> str:
        flags = (flag for flag in all_flags if found[1] in flag.sections and flag.name == found[2])
        option = next((flag.option for flag in flags), "")
        known = option and found[0] not in arguments  # which may be a file of such a name
        return option if known and (option in typed or "--config" not in typed) else found[0]

    def alone(found: re.Match[str]) -> str:
        option = "--" + found[0].replace("_", "-")
        return option if option in typed else found[0]

    message = re.sub(r"\b([a-z]+)\.([a-z_]+)", in_section, message)
    head = re.match(r"[a-z_]+( and [a-z_]+)?(?= (is|are|go|names|holds)\b)", message)
    end = head.end() if head else 0
    return re.sub(r"[a-z_]+", alone, message[:end]) + message[end:]
