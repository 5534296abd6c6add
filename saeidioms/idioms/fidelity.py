"""How well labels say where their features fire, measured on units that they were not made from.

After delphi (Paulo, Mallen, Juang & Belrose 2024, Automatically Interpreting Millions of Features
in Large Language Models, arXiv 2410.13928; intruders: Paulo & Belrose 2025, arXiv 2507.08473).
"""

from __future__ import annotations

import logging

import numpy as np
import numpy.typing as npt
import pandas as pd

from saeidioms.corpus.corpus import Corpus
from saeidioms.embedding.embeddings import Embeddings
from saeidioms.errors import InputError, OptionError
from saeidioms.idioms.feature import WEAK
from saeidioms.idioms.features import FeatureTable
from saeidioms.idioms.judges import GROUP, MARKS, Asked, Judge
from saeidioms.idioms.trials import FEWEST, Trials, draw_trials
from saeidioms.sae.activations import SparseActivations
from saeidioms.seeds import generator
from saeidioms.stats.clustered import design_effect

logger = logging.getLogger(__name__)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

COLUMNS = (
    *("feature", "judge", "detection", "detection_low", "detection_high"),
    *("f1", "f1_low", "f1_high", "fuzzing", "intruder", "n", "note"),
)
_DRAWS = 4000
_AROUND = 200  # characters shown on either side of a mark
_ROUND = str.maketrans("<>‹›", "()()")
_TAILS = (0.025, 0.975)


def measure_fidelity(
    features: FeatureTable,
    corpus: Corpus,
    activations: SparseActivations,
    embeddings: Embeddings,
    judge: Judge,
    *,
    unseen: npt.NDArray[np.bool_],
    n_units: int = 50,
    seed: int = 0,
) -> pd.DataFrame:
    """Measure how well a judge tells, by its label alone, where each feature fires.

    - Detection: firing units, drawn over the range of activation, are told from as many others,
      of which half are near misses and half random (`saeidioms.idioms.trials.draw_trials`).
      Balanced accuracy (0.5 is chance) and F1.
    - Fuzzing: in firing units, an idiom that the label does not quote is marked, or as many other
      words; is what is marked what the label means? Balanced accuracy.
    - Intruder: one of five units, on which the feature does not fire, is told from four on which
      it does. Accuracy; 0.2 is chance.

    Every judge with the same seed is asked about the same units, so that judges can be compared;
    what they say is never put together.

    Parameters
    ----------
    features
        F features with labels.
    corpus, activations, embeddings
        N units that the features were found in.
    judge
        `saeidioms.idioms.judges.EmbeddingJudge`, or `LLMJudge`.
    unseen
        (N,) bool, the units that `find_idioms` did not choose from:
        ``split_conversations(corpus, seed, held_out)`` with its seed and share. Where there is
        none, all texts that are no examples are taken.
    n_units
        The most firing units of a feature, with as many others.
    seed
        Of all choices.

    Returns
    -------
    pandas.DataFrame
        F rows of ``feature, judge, detection, detection_low, detection_high, f1, f1_low, f1_high,
        fuzzing, intruder, n, note``. ``n`` is the number of units that the judge told apart;
        with fewer than 5 that fire, or 5 that do not, all figures are NaN and the note says
        "too few". Fuzzing is NaN too where fewer than 5 units hold such an idiom.

    Raises
    ------
    InputError
        If a feature has no label, or `unseen` does not fit corpus and features.
    OptionError
        If `n_units` is below 5.

    Notes
    -----
    The 95% intervals: right and wrong answers to firing and to other units have Jeffreys
    posteriors, of which 4,000 draws give those of balanced accuracy (Brodersen et al. 2010,
    doi:10.1109/ICPR.2010.764) and F1 (Goutte & Gaussier 2005, doi:10.1007/978-3-540-31865-1_25).
    Units of a conversation are alike, so answers count for less, by their design effect over all
    labels (`saeidioms.stats.clustered.design_effect`). They say nothing of other corpora or judges.
    The dictionary itself was trained on all units: it is the label that is tested, not the feature.
    """
    if n_units < FEWEST:
        raise OptionError(f"n_units is {n_units}; give at least {FEWEST}.")
    if len(unseen) != len(corpus):
        raise InputError(f"unseen has {len(unseen)} entries for {len(corpus)} units.")
    labels = features.table["label"].tolist()
    if "" in labels:
        raise InputError(f"feature {labels.index('')} has no label; label the features first.")
    trials = draw_trials(
        features, corpus, activations, embeddings, unseen, n_units=n_units, seed=seed
    )
    table = _detection(trials, labels, corpus, embeddings, judge, seed)
    table["fuzzing"] = _fuzzing(trials, labels, corpus, judge)
    table["intruder"] = _intruder(trials, labels, corpus, embeddings, judge)
    table.loc[table["note"] != "", ["fuzzing", "intruder"]] = np.nan
    measured = table["detection"].dropna()
    logger.info(
        "Fidelity of labels by %s: %d of %d measured, median detection %.2f, %d weak (below %g).",
        *(judge.name, len(measured), len(table), measured.median(), (measured < WEAK).sum(), WEAK),
    )
    return table[list(COLUMNS)]


def count_answers(of: Ints, said: Floats, truth: npt.NDArray[np.bool_], n_labels: int) -> Ints:
    """Return int64 (4, n_labels): true positives, false negatives, false positives, true negatives.

    Parameters
    ----------
    of
        (n,) label that each answer is about.
    said
        (n,) 1, 0, or NaN where there is no answer, which is not counted.
    truth
        (n,).
    """
    kinds = [truth & (said == 1), truth & (said == 0), ~truth & (said == 1), ~truth & (said == 0)]
    return np.array([np.bincount(of[kind], minlength=n_labels) for kind in kinds], dtype=np.int64)


def balanced_accuracy(counts: Ints, fewest: int = 1) -> Floats:
    """Return (L,) mean of the shares right among firing and other units.

    Parameters
    ----------
    counts
        (4, L), see `count_answers`.
    fewest
        NaN with fewer answers of either kind.
    """
    hits, missed, wrong, passed = counts
    firing, other = hits + missed, wrong + passed
    shares = hits / np.maximum(firing, 1) + passed / np.maximum(other, 1)
    return np.where(np.minimum(firing, other) >= fewest, shares / 2, np.nan)


def _detection(
    trials: Trials,
    labels: list[str],
    corpus: Corpus,
    embeddings: Embeddings,
    judge: Judge,
    seed: int,
) -> pd.DataFrame:
    of = trials.units["feature"].to_numpy(np.int64)
    rows = trials.units["row"].to_numpy(np.int64)
    fires = trials.units["fires"].to_numpy(bool)
    said = judge.detect(_asked(labels, of, rows, corpus, embeddings))
    counts = count_answers(of, said, fires, len(labels))
    detection = balanced_accuracy(counts, FEWEST)
    hits, missed, wrong, passed = counts
    f1 = np.where(np.isnan(detection), np.nan, 2 * hits / np.maximum(2 * hits + missed + wrong, 1))
    rng = generator(seed, "intervals of fidelity")
    told = np.isfinite(said)
    conversations = pd.factorize(corpus.conversations[rows])[0].astype(np.int64)
    alike = design_effect((said == fires)[told], (2 * of + fires)[told], conversations[told])
    shape = (_DRAWS, len(labels))
    share = rng.beta(hits / alike + 0.5, missed / alike + 0.5, size=shape)
    false = rng.beta(wrong / alike + 0.5, passed / alike + 0.5, size=shape)
    firing, other = hits + missed, wrong + passed
    drawn = 2 * firing * share / np.maximum(firing * (1 + share) + other * false, 1e-9)
    table = pd.DataFrame({"feature": np.arange(len(labels)), "judge": judge.name})
    for name, value, draws in (
        ("detection", detection, (share + 1 - false) / 2),
        ("f1", f1, drawn),
    ):
        low, high = np.quantile(draws, _TAILS, axis=0)
        # All right, or all wrong: the interval reaches to the end, as Clopper and Pearson's does.
        table[name] = value
        table[f"{name}_low"] = np.minimum(low, value)
        table[f"{name}_high"] = np.maximum(high, value)
    return table.assign(n=counts.sum(axis=0), note=np.where(np.isnan(detection), "too few", ""))


def _fuzzing(trials: Trials, labels: list[str], corpus: Corpus, judge: Judge) -> Floats:
    marks = trials.marks
    texts = corpus.texts[marks["row"].to_numpy()]
    spans = list(zip(texts, marks["start"].tolist(), marks["end"].tolist(), strict=True))
    marked = [marked_text(text, start, end) for text, start, end in spans]
    of = marks["feature"].to_numpy(np.int64)
    said = judge.fuzz(Asked(labels, of, marked), [text[start:end] for text, start, end in spans])
    counts = count_answers(of, said, marks["right"].to_numpy(bool), len(labels))
    return balanced_accuracy(counts, FEWEST)


def marked_text(text: str, start: int, end: int) -> str:
    """Return a text with the characters from `start` to `end` marked, ``I'm ‹‹so sorry››``.

    Angle brackets of its own become round ones, so that there is one mark and no other; what is
    over 200 characters away from the mark is left out, so that fences never cut the mark off.
    """
    before, after = MARKS
    left, inside, right = (
        part.translate(_ROUND) for part in (text[:start], text[start:end], text[end:])
    )
    if len(left) > _AROUND:
        left = "…" + left[-_AROUND:]
    if len(right) > _AROUND:
        right = right[:_AROUND] + "…"
    return f"{left}{before}{inside}{after}{right}"


def _intruder(
    trials: Trials, labels: list[str], corpus: Corpus, embeddings: Embeddings, judge: Judge
) -> Floats:
    of = trials.groups["feature"].to_numpy(np.int64)
    rows = trials.rows.ravel()
    said = judge.intrude(_asked(labels, np.repeat(of, GROUP), rows, corpus, embeddings))
    told = np.isfinite(said)
    right = np.bincount(of, weights=said == trials.groups["odd"], minlength=len(labels))
    number = np.bincount(of[told], minlength=len(labels))
    return np.where(number >= FEWEST, right / np.maximum(number, 1), np.nan)


def _asked(
    labels: list[str], of: Ints, rows: Ints, corpus: Corpus, embeddings: Embeddings
) -> Asked:
    at = pd.Index(embeddings.ids).get_indexer(corpus.ids[rows])
    ids, index = embeddings.ids[at], embeddings.index[at]
    vectors = Embeddings(embeddings.vectors, index, ids, embeddings.keys, embeddings.encoder)
    return Asked(labels, of, corpus.texts[rows].tolist(), vectors)
