"""Labels of features: by rules from their idioms, or by whatever else keeps the protocol."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import pandas as pd

from saeidioms.errors import InputError
from saeidioms.idioms.features import FeatureTable
from saeidioms.idioms.words import plain_key, stems

BY_HAND = "a person"
_MOST_WORDS = 8
_TOPICS = 3
_ASKING = 0.6  # share of a feature's examples that end in a question mark, for "asks"
_STRONG = ("top", "middle")
_QUESTION_MARKS = ("?", "？", "؟")


class Labeller(Protocol):
    """What gives features their labels.

    Attributes
    ----------
    name
        What is written to ``label_source``.
    """

    name: str

    def label(self, features: FeatureTable) -> pd.DataFrame:
        """Return ``feature, label``: one row for every feature, no label empty.

        Optional columns: ``label_source``, where it is not `name` for all; ``definition``; and
        ``suggestion``, the sub-category that the label belongs to by the labeller's word.
        """
        ...


class OfflineLabeller:
    """Labels by rules from idioms and examples; the same features always get the same labels.

    - Phrases, and words that open their sentence, are quoted: ``"I'm so sorry" / "oh no"``.
    - Words that only occur within sentences are what these are about: ``about: job, interview``.
    - Where most of the strong examples, and of those that hold the first idiom, end in a question
      mark, ``asks`` stands before.
    - Features without idioms are labelled by their strongest example: ``like: "..."``; dead and
      flagged ones by what is wrong with them.

    No two features get the same label: later idioms, or else the feature's number, tell them apart.

    Examples
    --------
    >>> from saeidioms.idioms.labellers import OfflineLabeller, label
    >>> label(features, OfflineLabeller()).table["label"]  # doctest: +SKIP
    """

    name = "offline"

    def label(self, features: FeatureTable) -> pd.DataFrame:
        """Return ``feature, label``: one row for every feature, all labels different."""
        idioms = features.idioms.groupby("feature")["phrase"].agg(list).to_dict()
        strong = features.examples[features.examples["kind"].isin(_STRONG)]
        texts = strong.groupby("feature")["text"].agg(list).to_dict()
        taken: set[str] = set()
        labels = []
        for feature, flag in zip(
            features.table["feature"].tolist(), features.table["flag"].tolist(), strict=True
        ):
            own = _candidates(flag, idioms.get(feature, []), texts.get(feature, []))
            tried = list(own)
            free = (one for one in tried if one not in taken)
            chosen = next(free, f"{tried[0]} (feature {feature})")
            taken.add(chosen)
            labels.append(chosen)
        return pd.DataFrame({"feature": features.table["feature"], "label": labels})


def label(features: FeatureTable, labeller: Labeller | None = None) -> FeatureTable:
    """Return the features with labels.

    Parameters
    ----------
    features
        F features.
    labeller
        What labels them; by default an `OfflineLabeller`.

    Raises
    ------
    InputError
        If the labeller leaves a feature without a label, or labels one twice.
    """
    labeller = labeller or OfflineLabeller()
    labels = labeller.label(features)
    if "label_source" not in labels:
        labels = labels.assign(label_source=labeller.name)
    if (labels["label"].fillna("").astype("str").str.strip() == "").any():
        raise InputError(f"The labeller {labeller.name} returned an empty label; each needs one.")
    return features.relabelled(labels)


def told_by_hand(labels: pd.DataFrame, given: pd.DataFrame) -> pd.DataFrame:
    """Return edited labels with `BY_HAND` as the source of those that differ from what was given.

    Who writes a label into the file of labels seldom thinks of the column beside it, and a label
    that a person wrote tells more of a feature's meaning than one by rules.

    Parameters
    ----------
    labels, given
        ``feature, label, label_source``, as edited and as the labeller gave them.
    """
    before = labels[["feature"]].merge(given, on="feature", how="left")
    own = labels["label_source"].to_numpy() == before["label_source"].to_numpy()
    edited = own & (labels["label"].to_numpy() != before["label"].to_numpy())
    return labels.assign(label_source=labels["label_source"].mask(edited, BY_HAND))


def _candidates(flag: str, idioms: Sequence[str], texts: Sequence[str]) -> Iterator[str]:
    """Yield labels of one feature, the best first; at least one."""
    if flag == "dead":
        yield "(dead)"
    elif flag == "length":
        yield "(length of the text)"
    elif flag == "one text" or not idioms:
        example = _first_words(texts[0]) if texts else ""
        yield f'{"only" if flag else "like"}: "{example}"'
    else:
        yield from _from_idioms(_without_overlaps(idioms), texts)


def _from_idioms(idioms: Sequence[str], texts: Sequence[str]) -> Iterator[str]:
    asks = _asked(idioms[0], texts)
    quoted = [one for one in idioms if " " in one or _opens(one, texts)]
    topics = [one for one in idioms if one not in quoted]
    if idioms[0] in topics:
        cue = "asks about: " if asks else "about: "
        for skipped in range(max(1, len(topics) - _TOPICS + 1)):
            yield cue + ", ".join([topics[0], *topics[1 + skipped :][: _TOPICS - 1]])
        return
    cue = "asks: " if asks else ""
    room = _MOST_WORDS - len(idioms[0].split())
    for second in quoted[1:]:
        if len(second.split()) <= room:
            yield f'{cue}"{idioms[0]}" / "{second}"'
    for topic in topics[: room // 2]:
        yield f'{cue}"{idioms[0]}", about: {topic}'
    yield f'{cue}"{idioms[0]}"'


def _without_overlaps(idioms: Sequence[str]) -> list[str]:
    """Return the idioms without those that lie within another, or hold an earlier one."""
    kept: list[str] = []
    for idiom in idioms:
        words = stems(idiom)
        if any(stems(one) in words and " " in one for one in kept):
            continue
        inside = [one for one in kept if stems(one) in words]
        if inside:  # a word that a phrase says more about
            kept[kept.index(inside[0])] = idiom
            kept = [one for one in kept if one not in inside]
        elif not any(words in stems(one) for one in kept):
            kept.append(idiom)
    return kept


def _opens(word: str, texts: Sequence[str]) -> bool:
    """Tell whether a word opens at least half of the texts that hold it."""
    holding = [words for words in (plain_key(text).split() for text in texts) if word in words]
    return 2 * sum(words[0] == word for words in holding) >= max(1, len(holding))


def _asked(idiom: str, texts: Sequence[str]) -> bool:
    """Tell whether most texts, and most of those that hold the idiom, end in a question mark."""
    key = f" {plain_key(idiom)} "
    holding = [text for text in texts if key in f" {plain_key(text)} "]
    return min(_share_asking(texts), _share_asking(holding)) >= _ASKING


def _share_asking(texts: Sequence[str]) -> float:
    asking = [text.rstrip().endswith(_QUESTION_MARKS) for text in texts]
    return sum(asking) / max(1, len(asking))


def _first_words(text: str) -> str:
    words = text.split()
    return " ".join(words[:_MOST_WORDS]) + ("…" if len(words) > _MOST_WORDS else "")
