"""Code new text on the spot, and show why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from saeidioms.corpus.readers import read_corpus
from saeidioms.display import Display, Marked, Share, Shown, Table
from saeidioms.errors import InputError
from saeidioms.sae.activations import SparseActivations
from saeidioms.taxonomy.codebook import Codebook
from saeidioms.taxonomy.coding import code
from saeidioms.taxonomy.cues import find_cues
from saeidioms.taxonomy.evidence import Transformer, carrying_words
from saeidioms.taxonomy.placing import Encode

_FEATURES = 3  # that speak for a code, shown
_LONGEST = 20_000  # characters of a message


@dataclass(frozen=True, eq=False, repr=False)
class Explanation(Shown):
    """What a text is coded as, sentence by sentence, and why.

    Attributes
    ----------
    text
        What was coded.
    units
        A row for each code of each unit, in order, or one without a code: ``unit`` (from 0),
        ``text, category, sub_category`` ("" where it has none), ``strength`` (probability, 0 to
        1), ``words`` (list of `saeidioms.display.Span`: what carries the code).
    reasons
        What speaks for each code or against it, the weightiest first: ``unit, sub_category,
        feature`` (-1 for a cue of form), ``reason`` (label or cue), ``activation``, ``evidence``
        (log-odds that it adds).
    """

    text: str
    units: pd.DataFrame
    reasons: pd.DataFrame

    def _display(self) -> Display:
        coded = self.units[self.units["sub_category"] != ""]
        names = dict.fromkeys(coded["sub_category"])
        title = ", ".join(names) if names else "no code"
        return Display(
            title,
            tables=(
                Table(
                    "",
                    ("text", "sub-category", "strength", "because of"),
                    [
                        (
                            Marked(row["text"], tuple(row["words"])),
                            row["sub_category"] or "–",
                            Share(float(row["strength"])) if row["sub_category"] else "",
                            self._because(int(row["unit"]), row["sub_category"]),
                        )
                        for row in self.units.to_dict("records")
                    ],
                ),
            ),
        )

    def _because(self, unit: int, sub_category: str) -> str:
        mine = self.reasons["unit"] == unit
        mine &= self.reasons["sub_category"] == sub_category
        rows = self.reasons[mine & (self.reasons["evidence"] > 0)].head(_FEATURES)
        return "; ".join(
            f"{row['reason']} ({'cue' if row['feature'] < 0 else row['feature']}, "
            f"{row['evidence']:+.1f})"
            for row in rows.to_dict("records")
        )


def explain(
    text: str,
    codebook: Codebook,
    sae: Transformer,
    encode: Encode,
    *,
    unit: str = "sentence",
    min_strength: float = 0.15,
) -> Explanation:
    """Code a text as a corpus would be coded, and say which words, features and cues decide.

    Parameters
    ----------
    text
        A message.
    codebook
        The places of the F features.
    sae
        What turns embeddings into activations of these features.
    encode
        Texts to (n, D) embeddings, by the encoder of the corpus.
    unit
        ``"sentence"`` or ``"message"``, as the corpus was read.
    min_strength
        See `saeidioms.code`.

    Raises
    ------
    InputError
        If the text is empty.
    """
    if not isinstance(text, str) or not text.strip():
        raise InputError("there is no text; give one message, as text.")
    if len(text) > _LONGEST:
        raise InputError(
            f"the text has {len(text):,} characters; a message of at most {_LONGEST:,} can be "
            "explained."
        )
    text = text.encode("utf-8", "replace").decode()  # half a surrogate, say
    message = pd.DataFrame({"conversation_id": ["new"], "role": ["new"], "text": [text]})
    corpus = read_corpus(message).units(unit)
    texts = corpus.texts.tolist()
    matrix = sparse.csr_matrix(sae.transform(np.asarray(encode(texts), np.float32)))
    activations = SparseActivations(matrix, corpus.ids, "explained")
    codes = code(corpus, activations, codebook, min_strength=min_strength).units
    number = pd.Index(corpus.ids).get_indexer(codes["unit_id"]).tolist()
    places = codes["sub_category"].tolist()
    words = carrying_words([texts[unit] for unit in number], places, codebook, sae, encode)
    rows = [
        (unit, texts[unit], category, place, strength, spans)
        for unit, category, place, strength, spans in zip(
            number, codes["category"], places, codes["strength"], words, strict=True
        )
    ]
    uncoded = sorted(set(range(len(texts))) - set(number))
    rows += [(unit, texts[unit], "", "", 0.0, []) for unit in uncoded]
    columns = ["unit", "text", "category", "sub_category", "strength", "words"]
    units = pd.DataFrame(rows, columns=columns).sort_values(
        "unit", kind="stable", ignore_index=True
    )
    return Explanation(text, units, _reasons(texts, matrix, codebook, units))


def _reasons(
    texts: Sequence[str], matrix: sparse.csr_matrix, codebook: Codebook, units: pd.DataFrame
) -> pd.DataFrame:
    """Return what each firing feature and each cue adds to the codes of its unit."""
    labels = codebook.table["label"].to_numpy(object)
    held = find_cues(list(texts), list(codebook.cues))
    rows = []
    for unit, name in units.loc[units["sub_category"] != "", ["unit", "sub_category"]].itertuples(
        index=False, name=None
    ):
        column = codebook.groups.index(name)
        own = matrix[[unit]].tocoo()
        for feature, activation in zip(own.col.tolist(), own.data.tolist(), strict=True):
            added = activation * codebook.evidence[feature, column]
            rows.append((unit, name, feature, labels[feature], activation, added))
        for number, (cue, weights) in enumerate(codebook.cues.items()):
            if held[unit, number]:
                rows.append((unit, name, -1, cue, float(held[unit, number]), weights[column]))
    columns = ["unit", "sub_category", "feature", "reason", "activation", "evidence"]
    table = pd.DataFrame(rows, columns=columns)
    table = table[table["evidence"] != 0]
    return table.sort_values(
        ["unit", "sub_category", "evidence"], ascending=[True, True, False], ignore_index=True
    )
