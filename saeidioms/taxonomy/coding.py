"""What each unit and each message expresses, read off its active features."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import softmax

from saeidioms.artifacts import atomic_path
from saeidioms.corpus.corpus import Corpus
from saeidioms.display import Display, Shown, Table
from saeidioms.errors import ArtifactError, InputError, OptionError
from saeidioms.sae.activations import SparseActivations
from saeidioms.taxonomy.codebook import Codebook
from saeidioms.taxonomy.cues import find_cues

_UNITS_FILE = "codes.parquet"
_MESSAGES_FILE = "messages.parquet"
_CODED = ("category", "sub_category", "confidence")
_BLOCK = 65_536  # rows whose dense (rows, G) log-odds are held at once


@dataclass(frozen=True, eq=False, repr=False)
class Codes(Shown):
    """Codes of units (several each, or none) and of messages (one primary, or none).

    Attributes
    ----------
    units
        Long: ``unit_id, category, sub_category, strength`` (probability, 0 to 1), only coded
        ones, in the order of the corpus, a unit's strongest first.
    messages
        One row for every message of the corpus: ``message_id, conversation_id, turn, role,
        text``, metadata, then ``category`` and ``sub_category`` (null where none) and
        ``confidence`` (share of the message's units that the category makes up, weighed by
        their probabilities; 0 where none). A column of the input that has one of these three
        names has ``_input`` behind it.
    """

    units: pd.DataFrame
    messages: pd.DataFrame

    def _display(self) -> Display:
        first = self.messages["sub_category"].value_counts()
        mean = self.units.groupby("sub_category")["strength"].mean()
        counts = self.units["sub_category"].value_counts()
        category = dict(zip(self.units["sub_category"], self.units["category"], strict=True))
        rows = [
            (category[name], name, int(count), float(mean[name]), int(first.get(name, 0)))
            for name, count in zip(counts.index.tolist(), counts, strict=True)
        ]
        columns = ("category", "sub-category", "units", "mean strength", "messages, primarily")
        return Display(
            f"Codes of {len(self.messages):,} messages",
            {
                "coded units": int(self.units["unit_id"].nunique()),
                "messages without a primary code": int(self.messages["sub_category"].isna().sum()),
            },
            tables=(Table("", columns, rows),),
        )

    def save(self, folder: Path) -> None:
        """Write ``codes.parquet`` and ``messages.parquet`` to `folder`."""
        folder = Path(folder)
        for table, name in ((self.units, _UNITS_FILE), (self.messages, _MESSAGES_FILE)):
            with atomic_path(folder / name) as path:
                table.to_parquet(path, index=False)

    @classmethod
    def load(cls, folder: Path) -> Codes:
        """Read codes that `save` wrote.

        Raises
        ------
        ArtifactError
            If a file is missing or damaged.
        """
        folder = Path(folder)
        return cls(_read(folder / _UNITS_FILE), _read(folder / _MESSAGES_FILE))


def code(
    corpus: Corpus,
    activations: SparseActivations,
    codebook: Codebook,
    *,
    min_strength: float = 0.15,
) -> Codes:
    """Code the units of a corpus from features and form, and its messages from their units.

    Parameters
    ----------
    corpus
        N units.
    activations
        Their features; joined by unit id.
    codebook
        The features' places.
    min_strength
        A unit has every sub-category whose probability is at least this; 0 to 1.

    Returns
    -------
    Codes
        A unit in which no assigned feature fires has no code, nor has one without any letter or
        digit: what an encoder makes of an emoji or a dash alone says nothing. A message has the
        category that its units' probabilities sum to most, unless those of the outside groups sum
        to more, and in it the strongest sub-category that one of its units has.

    Raises
    ------
    InputError
        If a unit has no activations, or the codebook is of another number of features.
    OptionError
        If `min_strength` is not within 0 to 1.
    """
    if not 0 <= min_strength <= 1:
        raise OptionError(f"min_strength is {min_strength}; it must lie between 0 and 1.")
    if activations.matrix.shape[1] != len(codebook.table):
        raise InputError(
            f"The activations have {activations.matrix.shape[1]} features and the codebook "
            f"{len(codebook.table)}; give those of one run."
        )
    rows = _rows_of(corpus, activations)
    messages = corpus.messages()
    owner = pd.Index(messages["message_id"]).get_indexer(corpus.table["message_id"])
    n_sub = len(codebook.taxonomy.names)
    mass = np.zeros((len(messages), len(codebook.groups)))
    coded = np.zeros((len(messages), n_sub), dtype=bool)
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for start, probabilities in _probabilities(corpus, activations, rows, codebook):
        stop = start + len(probabilities)
        np.add.at(mass, owner[start:stop], probabilities)
        inside = probabilities[:, :n_sub]
        unit, sub = np.nonzero((inside >= min_strength) & (inside > 0))
        coded[owner[start + unit], sub] = True
        strength = inside[unit, sub]
        order = np.lexsort((-strength, unit))
        parts.append((start + unit[order], sub[order], strength[order]))
    units = _unit_codes(corpus, codebook, parts)
    primary = _message_codes(mass, coded, np.bincount(owner, minlength=len(messages)), codebook)
    messages = messages.rename(columns={name: f"{name}_input" for name in _CODED})
    return Codes(units, messages.reset_index(drop=True).assign(**primary))


def _rows_of(corpus: Corpus, activations: SparseActivations) -> np.ndarray:
    """Return the activations' row of each unit."""
    if np.array_equal(corpus.ids, activations.ids):
        return np.arange(len(corpus))
    rows = pd.Index(activations.ids).get_indexer(corpus.ids)
    if (rows < 0).any():
        missing = corpus.ids[rows < 0][0]
        raise InputError(
            f"{int((rows < 0).sum())} units of the corpus have no activations, the first is "
            f"{missing}; encode the same corpus."
        )
    return rows


def _probabilities(
    corpus: Corpus, activations: SparseActivations, rows: np.ndarray, codebook: Codebook
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (first row, probabilities (n, G)) block by block; zeros where nothing speaks."""
    form_evidence = np.array(list(codebook.cues.values())).reshape(-1, len(codebook.groups))
    for start in range(0, len(rows), _BLOCK):
        part = slice(start, start + _BLOCK)
        evidence = np.asarray(activations.matrix[rows[part]] @ codebook.evidence)
        form = find_cues(corpus.texts[part].tolist(), list(codebook.cues)) @ form_evidence
        probabilities = softmax(evidence + form + codebook.base, axis=1)
        speaks = (evidence > 0).any(axis=1) & _holds_words(corpus.texts[part].tolist())
        yield start, np.where(speaks[:, None], probabilities, 0.0)


def _holds_words(texts: Sequence[str]) -> np.ndarray:
    """Return (N,) bool: whether a text has a letter or a digit of any script."""
    return np.array([any(map(str.isalnum, text)) for text in texts], dtype=bool)


def _unit_codes(
    corpus: Corpus, codebook: Codebook, parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]]
) -> pd.DataFrame:
    unit, sub, strength = (np.concatenate(column) for column in zip(*parts, strict=True))
    names = np.array(codebook.taxonomy.names, dtype=object)
    categories = np.array([codebook.taxonomy.category_of(name) for name in names], dtype=object)
    columns = {
        "unit_id": corpus.ids[unit],
        "category": categories[sub],
        "sub_category": names[sub],
        "strength": strength,
    }
    text = dict.fromkeys(("unit_id", "category", "sub_category"), str)
    return pd.DataFrame(columns).astype(text)


def _message_codes(
    mass: np.ndarray, coded: np.ndarray, n_units: np.ndarray, codebook: Codebook
) -> dict[str, object]:
    """Return the columns category, sub_category and confidence of the messages."""
    taxonomy = codebook.taxonomy
    names = [category.name for category in taxonomy.categories]
    of_sub = np.array([names.index(sub.category) for sub in taxonomy.sub_categories])
    n_sub = len(of_sub)
    by_category = mass[:, :n_sub] @ np.eye(len(names))[of_sub]
    best = by_category.argmax(axis=1)
    rows = np.arange(len(mass))
    candidates = np.where(coded & (of_sub == best[:, None]), mass[:, :n_sub], 0.0)
    sub = candidates.argmax(axis=1)
    amount = by_category[rows, best]
    has = (amount > mass[:, n_sub:].sum(axis=1)) & (candidates[rows, sub] > 0)
    pairs = list(zip(has.tolist(), best.tolist(), sub.tolist(), strict=True))
    return {
        "category": [names[i] if known else None for known, i, _ in pairs],
        "sub_category": [taxonomy.names[j] if known else None for known, _, j in pairs],
        "confidence": np.where(has, amount / np.maximum(n_units, 1), 0.0),
    }


def _read(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except FileNotFoundError as error:
        raise ArtifactError(f"{path} is missing; run the codes stage again.") from error
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{path} is damaged; run the codes stage again.") from error
