"""How far codes made offline agree with people's: data set x method x agreement.

Nothing but seed expressions is learnt from, save by the ceiling (a logistic regression on
people's codes, cross-validated over whole conversations). The dictionary is trained on ESConv's
supporters and applied to the other sets as it stands.

    python scripts/benchmark_agreement.py [--data ../shared/data] [--seed 0] [--packages FOLDER]
                                          [--llm MODEL [--base-url URL] [--answers FILE]
                                           [--max-calls N]]

With `--llm` the same features are also placed by what that model says of them: one question for
each of some 256, of 1,700 tokens, at most N of them. The model is what `LocalModel` loads (a
folder, a GGUF file or a name on the hub) or, with `--base-url`, what an OpenAI-compatible server
has: that of llama.cpp reads what questions share once, and is several times faster on processors.
Answers are kept in FILE, so that a stopped run goes on.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from peers import PEERS
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import cohen_kappa_score, f1_score, roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict

from saeidioms.corpus.corpus import Corpus
from saeidioms.corpus.readers import read_corpus
from saeidioms.embedding.embed import embed
from saeidioms.embedding.embeddings import Embeddings
from saeidioms.idioms.features import FeatureTable
from saeidioms.idioms.find import find_idioms
from saeidioms.idioms.labellers import label
from saeidioms.idioms.labelling import choose_labelling
from saeidioms.sae.activations import SparseActivations
from saeidioms.sae.autoencoder import SparseAutoencoder
from saeidioms.taxonomy.codebook import Codebook
from saeidioms.taxonomy.coding import code
from saeidioms.taxonomy.cues import CUES, find_cues
from saeidioms.taxonomy.reading import SeedReading
from saeidioms.taxonomy.taxonomy import Taxonomy

NONE, EITHER = "none", "Affective or Cognitive"
STRATEGIES = {
    "Questions": "Cognitive",
    "Restatement or Paraphrasing": "Cognitive",
    "Reflection of feelings": EITHER,
    "Affirmation and Reassurance": "Motivational",
    "Providing Suggestions": "Mis-attuned",
    "Information": "Mis-attuned",
    "Self-disclosure": "Mis-attuned",
    "Other": NONE,
}
INTENTS = {
    **dict.fromkeys(["sympathizing", "consoling", "acknowledging"], "Affective"),
    "questioning": "Cognitive",
    **dict.fromkeys(["encouraging", "wishing", "expressing_care_concern"], "Motivational"),
    **dict.fromkeys(["suggesting", "advising", "sharing_experience"], "Mis-attuned"),
    **dict.fromkeys(["sharing_opinions", "disapproving"], "Mis-attuned"),
}
TACTICS = {
    "expressing sympathy": ["emotional_expression"],
    "validating emotions": ["validation"],
    "demonstrating availability": ["assistance"],
    "demonstrating understanding": ["paraphrasing"],
    "encouraging elaboration": ["questioning"],
    "affirming": ["empowerment"],
    "providing reassurance": ["reappraisal"],
    "advice-giving": ["advice", "information"],
    "self-oriented": ["self_disclosure"],
}
FEWEST_POSITIVES = 20
CODED = 0.15  # strength of a code, the default of `saeidioms.taxonomy.coding.code`

Encode = Callable[[Embeddings], SparseActivations]


@dataclass(frozen=True)
class Coder:
    """The methods to compare, all learnt from the seeds of one taxonomy.

    ``books`` holds for each dictionary its name, how it encodes, and its features' places.
    """

    taxonomy: Taxonomy
    books: dict[str, tuple[Encode, Codebook]]

    def nearest_seed(self, vectors: Embeddings) -> np.ndarray:
        """Return (n, G): 1 for the place of the most similar seed expression."""
        holders = [sub.expressions for sub in self.taxonomy.sub_categories]
        holders += [group.seeds for group in self.taxonomy.outside]
        seeds = np.asarray(embed([seed for seeds in holders for seed in seeds]))
        owner = np.repeat(np.arange(len(holders)), [len(seeds) for seeds in holders])
        nearest = owner[(np.asarray(vectors) @ seeds.T).argmax(axis=1)]
        return np.eye(len(holders))[nearest]

    def seed_classifier(self, corpus: Corpus, vectors: Embeddings, *, cues: bool) -> np.ndarray:
        """Return (n, G): probabilities of the places, read off the embeddings themselves."""
        encode = lambda texts: np.asarray(embed(texts))  # noqa: E731
        reading = SeedReading.learn(self.taxonomy, encode, cues=cues)
        form = find_cues(corpus.texts.tolist(), reading.cues)
        return np.exp(reading.log_probabilities(np.asarray(vectors), form))

    def primary(self, corpus: Corpus, weights: np.ndarray) -> np.ndarray:
        """Return each message's category by the sum over its units, or none."""
        owner = pd.Index(corpus.messages()["message_id"]).get_indexer(corpus.table["message_id"])
        names = [*(category.name for category in self.taxonomy.categories), NONE]
        column = [names.index(sub.category) for sub in self.taxonomy.sub_categories]
        column += [len(names) - 1] * len(self.taxonomy.outside)
        mass = np.zeros((owner.max() + 1, len(names)))
        np.add.at(mass, owner, weights @ np.eye(len(names))[column])
        return np.array(names, dtype=object)[mass.argmax(axis=1)]

    def roll_up(self, corpus: Corpus, vectors: Embeddings, name: str) -> np.ndarray:
        """Return each message's category by the features of its units, or none."""
        encode, book = self.books[name]
        category = code(corpus, encode(vectors), book).messages["category"].astype(object)
        return category.where(category.notna(), NONE).to_numpy(object)

    def strengths(self, corpus: Corpus, vectors: Embeddings, name: str) -> pd.DataFrame:
        """Return the roll-up's strength of every sub-category for every unit."""
        encode, book = self.books[name]
        units = code(corpus, encode(vectors), book, min_strength=0).units
        wide = units.pivot(index="unit_id", columns="sub_category", values="strength")
        return wide.reindex(corpus.ids).fillna(0.0)


def agreement(truth: np.ndarray, said: np.ndarray) -> dict[str, float]:
    """Return kappa, macro F1 and the distance of the distributions; either counts where it may."""
    if EITHER in truth:
        named = np.isin(said, ["Affective", "Cognitive"])
        truth_shares = np.where(truth == EITHER, "Affective", truth)
        truth = np.where(truth == EITHER, np.where(named, said, "Affective"), truth)
    else:
        truth_shares = truth
    kinds = np.unique(np.concatenate([truth_shares, said]).astype(str))
    shares = [[np.mean(codes == kind) for kind in kinds] for codes in (truth_shares, said)]
    return {
        "kappa": cohen_kappa_score(truth, said),
        "macro F1": f1_score(truth, said, average="macro"),
        "distance": 0.5 * np.abs(np.subtract(*shares)).sum(),
    }


def ceiling(corpus: Corpus, truth: np.ndarray, *more: np.ndarray) -> np.ndarray:
    """Return people's codes as a logistic regression predicts them for unseen conversations.

    Learnt from the messages' embeddings and cues of form, and from `more` columns.
    """
    messages = corpus.units("message")
    form = find_cues(messages.texts.tolist(), list(CUES))
    labels = np.where(truth == EITHER, "Affective", truth).astype(str)
    columns = np.hstack([np.asarray(embed(messages)), form, *more])
    model = LogisticRegression(max_iter=2000)
    return cross_val_predict(
        model, columns, labels, cv=GroupKFold(5), groups=messages.conversations
    ).astype(object)


def what_was_said_before(whole: Corpus, corpus: Corpus) -> np.ndarray:
    """Return for each message the embedding and cues of the one before it, whoever wrote it."""
    messages = whole.messages()
    before = messages.groupby("conversation_id", sort=False)["text"].shift().fillna("")
    texts = before.set_axis(messages["message_id"]).loc[corpus.messages()["message_id"]].tolist()
    return np.hstack([np.asarray(embed(texts)), find_cues(texts, list(CUES))])


def compare_messages(
    name: str, corpus: Corpus, truth: np.ndarray, coder: Coder, whole: Corpus | None = None
) -> pd.DataFrame:
    """Return a row a method; with the `whole` conversations also what context could add."""
    vectors = embed(corpus)
    form, plain = (coder.seed_classifier(corpus, vectors, cues=cues) for cues in (True, False))
    said = {
        "nearest seed": coder.primary(corpus, coder.nearest_seed(vectors)),
        "seed classifier": coder.primary(corpus, plain),
        "seed classifier, cues": coder.primary(corpus, form),
    }
    said |= {book: coder.roll_up(corpus, vectors, book) for book in coder.books}
    said["ceiling (learnt from codes)"] = ceiling(corpus, truth)
    if whole is not None:
        before = what_was_said_before(whole, corpus)
        said["ceiling, message before"] = ceiling(corpus, truth, before)
    rows = {method: agreement(truth, codes) for method, codes in said.items()}
    table = pd.DataFrame(rows).T.rename_axis("method").reset_index()
    table.insert(0, "data", name)
    return table


def compare_tactics(frame: pd.DataFrame, coder: Coder) -> pd.DataFrame:
    """Return for each dictionary the area under the curve and F1 of every sub-category."""
    corpus = read_corpus(
        frame.rename(columns={"sentence": "text", "response": "reply"}), text="text"
    )
    vectors = embed(corpus)
    rows = []
    for name in coder.books:
        strengths = coder.strengths(corpus, vectors, name)
        for sub_category, tactics in TACTICS.items():
            coded = corpus.table[tactics].astype(int).max(axis=1).to_numpy()
            if coded.sum() < FEWEST_POSITIVES:
                continue
            area = roc_auc_score(coded, strengths[sub_category])
            f1 = f1_score(coded, strengths[sub_category] >= CODED)
            row = {"method": name, "sub-category": sub_category, "positives": coded.sum()}
            rows.append(row | {"AUC": area, "F1": f1})
    return pd.DataFrame(rows)


def labelled_by(
    asked: dict[str, Any], answers: Path, features: FeatureTable, taxonomy: Taxonomy
) -> FeatureTable:
    """Return the features with a label, definition and sub-category by a model on this machine."""
    definitions = {sub.name: sub.definition for sub in taxonomy.sub_categories}
    asked = {"labeller": "endpoint" if asked["base_url"] else "local", "candidates": 1} | asked
    labelled = label(features, choose_labelling(answers, definitions, None, **asked).labeller)
    given = labelled.table["label_source"] != "offline"
    print(f"{given.sum()} of {len(given)} features are labelled by {asked['llm']}; suggestions:")
    print(labelled.table.loc[given, "suggestion"].value_counts().to_string(), end="\n\n")
    return labelled


def coder_of(corpus: Corpus, seed: int, asked: dict[str, Any], answers: Path) -> Coder:
    """Train the dictionaries on a corpus and place their features."""
    taxonomy = Taxonomy.read("empathy")
    vectors = embed(corpus)
    sae = SparseAutoencoder(seed=seed).fit(vectors, groups=corpus.conversations)
    features = find_idioms(corpus, sae.encode(vectors), vectors)
    books = {
        "SAE roll-up": (sae.encode, Codebook.propose(features, taxonomy, sae=sae)),
        "SAE roll-up, no cues": (
            sae.encode,
            Codebook.propose(features, taxonomy, sae=sae, cues=False),
        ),
    }
    if asked["llm"] is not None:
        labelled = labelled_by(asked, answers, features, taxonomy)
        books["SAE roll-up, LLM"] = (
            sae.encode,
            Codebook.propose(labelled, taxonomy, sae=sae),
        )
    peer = PEERS["hypothesaes"]
    if peer.missing():
        print(f"HypotheSAEs is left out: {peer.install}")
        return Coder(taxonomy, books)
    peer.load()
    learnt = peer.train(np.asarray(vectors)[:], sae.n_features_, sae.k_, seed)

    def encode(embeddings: Embeddings) -> SparseActivations:
        return SparseActivations(learnt.encode(np.asarray(embeddings)), embeddings.ids, "peer")

    features = find_idioms(corpus, encode(vectors), vectors)
    theirs = SimpleNamespace(components_=learnt.decoder, mean_=learnt.offset)
    book = Codebook.propose(features, taxonomy, sae=theirs)
    return Coder(taxonomy, books | {"HypotheSAEs' features": (encode, book)})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    parser.add_argument("--data", type=Path, default=default, help="folder of coded conversations")
    parser.add_argument("--seed", type=int, default=0, help="seed of the dictionary")
    packages = "where HypotheSAEs was installed with pip --target; looked in last"
    parser.add_argument("--packages", type=Path, nargs="+", default=[], help=packages)
    parser.add_argument("--llm", metavar="MODEL", help="also place features by what this one says")
    url = "of the server that has it; default: it is loaded here"
    parser.add_argument("--base-url", metavar="URL", help=url)
    answers = "where its answers are kept; default: %(default)s"
    parser.add_argument("--answers", type=Path, default=Path("answers.jsonl"), help=answers)
    most = "the most that it is asked; features left over keep what rules say"
    parser.add_argument("--max-calls", type=int, metavar="N", help=most)
    options = parser.parse_args()
    sys.path += [str(folder.resolve()) for folder in options.packages]
    logging.basicConfig(level=logging.WARNING)
    whole = read_corpus(options.data / "esconv_dev.csv")
    esconv = whole.where(role="supporter").units("sentence")
    asked = {"llm": options.llm, "base_url": options.base_url, "max_calls": options.max_calls}
    coder = coder_of(esconv, options.seed, asked, options.answers)
    strategies = esconv.messages()["strategy"].map(STRATEGIES).to_numpy(object)
    coded = pd.read_csv(options.data / "empathetic_intents_manual.csv")
    coded = coded[coded["intent"].isin(INTENTS)]
    intents = read_corpus(coded).units("sentence")
    truth = intents.messages()["intent"].map(INTENTS).to_numpy(object)
    tables = [
        compare_messages("ESConv dev", esconv, strategies, coder, whole),
        compare_messages("EmpatheticIntents", intents, truth, coder),
    ]
    print(pd.concat(tables).to_string(index=False, float_format="{:.3f}".format))
    tactics = compare_tactics(pd.read_csv(options.data / "empathy_tactics_val.csv"), coder)
    print("\nEmpathy tactics, strength of the roll-up against people's codes")
    print(tactics.to_string(index=False, float_format="{:.3f}".format))
    means = tactics.groupby("method", sort=False)[["AUC", "F1"]].mean()
    print(means.to_string(float_format="{:.3f}".format))


if __name__ == "__main__":
    main()
