import logging
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from saeidioms.corpus.readers import read_corpus
from saeidioms.embedding.embed import embed
from saeidioms.embedding.encoders import load_encoder
from saeidioms.errors import InputError, OptionError
from saeidioms.idioms.features import FeatureTable
from saeidioms.idioms.find import find_idioms
from saeidioms.idioms.labellers import label
from saeidioms.sae.autoencoder import SparseAutoencoder
from saeidioms.taxonomy.codebook import Codebook
from saeidioms.taxonomy.growth import Growth, Proposal, grown_taxonomy, propose_growth
from saeidioms.taxonomy.taxonomy import Taxonomy

SMALL = """
name: small
title: Small
categories:
  - name: Kind
    definition: Kind words.
    hue: green
    sub_categories:
      - name: sympathy
        definition: Says sorry.
        seeds:
          - I'm so sorry to hear that.
          - My condolences.
          - Sorry for your loss.
          - I am sorry this happened to you.
      - name: advice
        definition: Says what to do.
        seeds:
          - You should talk to your boss.
          - Have you tried yoga?
          - Maybe see a doctor about it.
          - Why not write down your thoughts?
      - name: praise
        definition: Says something good of the partner.
        seeds:
          - You are so strong.
          - Well done, that was brave.
          - You're a wonderful person.
          - I am proud of you.
outside:
  - name: greetings
    definition: Opens the chat.
    seeds:
      - Hello there!
      - Hi, how are you?
      - Good morning.
      - Hey, nice to meet you.
"""
PLANTED = {  # what each feature fires on, by what they are about
    "weather": [
        ["It rains all day.", "It rains again here."],
        ["The storm brought rain and hail.", "Heavy rain fell in the night."],
        ["The sky is grey and wet today.", "It is cold and it rains outside."],
    ],
    "football": [
        ["We won the football match.", "The football match ended in a draw."],
        ["Our goalkeeper saved two goals.", "He scored a goal in the football match."],
        ["The team lost its striker.", "The football team plays on Sunday."],
    ],
    "sympathy": [
        ["I'm so sorry to hear about that.", "I am very sorry this happened."],
        ["Sorry for your loss, truly.", "My deepest condolences to you."],
    ],
    "advice": [
        ["You should talk to your manager.", "Maybe you should see a doctor."],
        ["Have you tried talking to them?", "Why not try some yoga?"],
    ],
    "greetings": [["Hello, how are you?", "Hi there!"], ["Good morning!", "Hey, nice to see you."]],
}
KINDS = [kind for kind, features in PLANTED.items() for _ in features]
SAID = [texts for features in PLANTED.values() for texts in features]
PHRASE = {"weather": "it rains", "football": "football match"}


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    """Keep vectors of this module's texts out of the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAEIDIOMS_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def encoder():
    return load_encoder("all-MiniLM-L6-v2", precision="float32")


@pytest.fixture(scope="module")
def taxonomy(tmp_path_factory):
    path = tmp_path_factory.mktemp("taxonomy") / "small.yaml"
    path.write_text(SMALL, encoding="utf-8")
    return Taxonomy.read(path)


@pytest.fixture(scope="module")
def features(encoder):
    n = len(SAID)
    means = np.array([encoder.encode(texts).mean(axis=0) for texts in SAID])
    table = pd.DataFrame(
        {
            "feature": np.arange(n),
            "density": np.linspace(0.02, 0.08, n),
            "n_units": np.linspace(200, 800, n).astype(int),
            "n_texts": 100,
            "mean_activation": 0.5,
            "max_activation": 0.9,
            "flag": "",
            "label": "",
            "label_source": "",
            "definition": "",
            "suggestion": "",
        }
    )
    idioms = [(row, PHRASE[kind], 40, 30, 10.0) for row, kind in enumerate(KINDS) if kind in PHRASE]
    idioms = pd.DataFrame(idioms, columns=["feature", "phrase", "count", "conversations", "z"])
    examples = pd.DataFrame(
        [
            (row, "top", rank, f"u{row}-{rank}", text, 0.9)
            for row, texts in enumerate(SAID)
            for rank, text in enumerate(texts)
        ],
        columns=["feature", "kind", "rank", "unit_id", "text", "activation"],
    )
    centroids = (means / np.linalg.norm(means, axis=1, keepdims=True)).astype(np.float32)
    return FeatureTable(table, idioms, examples, centroids, encoder.spec)


@pytest.fixture(scope="module")
def codebook(features, taxonomy, encoder):
    return Codebook.propose(features, taxonomy, encode=encoder.encode, min_confidence=0.5)


@pytest.fixture(scope="module")
def growth(features, codebook, encoder):
    return propose_growth(features, codebook, encode=encoder.encode)


def numbers(kind):
    return {row for row, own in enumerate(KINDS) if own == kind}


def test_planted_clusters_outside_of_the_taxonomy_are_found_and_named(growth):
    assert [one.name for one in growth.proposals] == ["football match", "it rains"]
    assert [set(one.features) for one in growth.proposals] == [
        numbers("football"),
        numbers("weather"),
    ]
    assert growth.n_candidates == 6


def test_the_taxonomy_s_own_features_are_not_proposed(growth):
    own = numbers("sympathy") | numbers("advice") | numbers("greetings")
    assert not own & {feature for one in growth.proposals for feature in one.features}


def test_a_proposal_tells_what_a_person_must_know_to_judge_it(growth, features, taxonomy):
    rain = growth.proposals[1]
    density = features.table["density"]
    assert rain.definition.startswith("To be written: ")
    assert '"it rains"' in rain.definition
    assert set(rain.examples) == {text for row in numbers("weather") for text in SAID[row]}
    assert rain.share == pytest.approx(
        1 - np.prod([1 - density[row] for row in rain.features]), 0.01
    )
    assert rain.features == tuple(sorted(numbers("weather"), key=lambda row: -density[row]))
    assert rain.nearest in [*taxonomy.names, "greetings"]
    assert 0.6 < rain.distance <= 2


def test_the_share_of_firings_that_is_covered_is_told_and_logged(
    features, codebook, encoder, caplog
):
    with caplog.at_level(logging.INFO, logger="saeidioms.taxonomy.growth"):
        growth = propose_growth(features, codebook, encode=encoder.encode)
    units = features.table["n_units"]
    assert growth.coverage == pytest.approx(units[:6].sum() / units.sum())
    assert "6 of them, 33.6% of all firings, ask for 2 new sub-categories" in caplog.text


def test_the_same_features_always_give_the_same_growth(features, codebook, encoder, growth):
    assert propose_growth(features, codebook, encode=encoder.encode) == growth


def test_what_spreads_less_than_features_with_a_place_is_a_topic(features, codebook, encoder):
    spread = np.full(len(KINDS), 0.9)
    spread[list(numbers("football"))] = 0.6
    error = np.full(len(KINDS), 0.05)
    growth = propose_growth(features, codebook, spread=(spread, error), encode=encoder.encode)
    assert [one.name for one in growth.proposals] == ["it rains"]
    assert growth.n_candidates == 3


def test_where_all_spread_alike_nothing_is_a_topic(features, codebook, encoder, growth):
    spread = np.linspace(0.96, 1.04, len(KINDS))  # conversations of two messages, say
    for one in ((spread, np.zeros(len(KINDS))), (spread - 0.5, np.full(len(KINDS), 0.4))):
        assert propose_growth(features, codebook, spread=one, encode=encoder.encode) == growth


def test_without_an_encoder_that_of_the_corpus_is_loaded(features, codebook, growth):
    again = propose_growth(features, codebook)
    assert [one.features for one in again.proposals] == [one.features for one in growth.proposals]


def test_without_idioms_a_proposal_is_named_by_its_first_example(features, codebook, encoder):
    bare = replace(features, idioms=features.idioms.iloc[:0])
    growth = propose_growth(bare, codebook, encode=encoder.encode)
    for one in growth.proposals:
        assert one.examples[0].startswith(one.name)


def test_rare_and_unreadable_features_are_not_considered(features, codebook, encoder):
    rare = propose_growth(features, codebook, encode=encoder.encode, least_density=0.035)
    assert [set(one.features) for one in rare.proposals] == [numbers("football")]
    flags = ["one text" if kind == "football" else "" for kind in KINDS]
    flagged = replace(features, table=features.table.assign(flag=flags))
    readable = propose_growth(flagged, codebook, encode=encoder.encode)
    assert [set(one.features) for one in readable.proposals] == [numbers("weather")]


def test_what_a_person_placed_is_not_proposed(features, codebook, encoder):
    source = ["override" if kind == "weather" else "offline" for kind in KINDS]
    edited = replace(codebook, table=codebook.table.assign(source=source))
    growth = propose_growth(features, edited, encode=encoder.encode)
    assert [one.name for one in growth.proposals] == ["football match"]


def test_features_near_to_a_place_are_that_place_however_doubtful(features, codebook, encoder):
    nowhere = codebook.table.assign(sub_category="", outside="", confidence=0.1)
    growth = propose_growth(features, replace(codebook, table=nowhere), encode=encoder.encode)
    assert growth.n_candidates == len(KINDS)
    assert [one.name for one in growth.proposals] == ["football match", "it rains"]


def test_features_that_are_unlike_each_other_are_no_cluster(features, codebook, encoder):
    lonely = [row not in (0, 3) and row < 6 for row in range(len(KINDS))]
    flagged = replace(features, table=features.table.assign(flag=np.where(lonely, "one text", "")))
    growth = propose_growth(flagged, codebook, encode=encoder.encode)
    assert (growth.proposals, growth.n_candidates, growth.coverage) == ((), 2, 0.0)


def test_where_every_feature_has_its_place_nothing_is_proposed_and_that_is_said(
    features, codebook, taxonomy, encoder, caplog
):
    sure = replace(
        codebook, table=codebook.table.assign(sub_category="advice", outside="", confidence=0.9)
    )
    with caplog.at_level(logging.INFO, logger="saeidioms.taxonomy.growth"):
        growth = propose_growth(features, sure, encode=encoder.encode)
    assert growth == Growth((), 0, 0.0)
    assert "0 features on 0.5% of the units or more have no good place" in caplog.text
    with pytest.raises(InputError, match="no feature asks for a sub-category beyond the taxonomy"):
        grown_taxonomy(taxonomy, growth)


def test_the_grown_taxonomy_is_the_old_one_with_a_category_in_grey(taxonomy, growth):
    grown = grown_taxonomy(taxonomy, growth)
    assert grown.names == (*taxonomy.names, "football match", "it rains")
    assert grown.category_of("it rains") == "Proposed"
    assert (grown.categories[-1].name, grown.categories[-1].hue) == ("Proposed", "grey")
    assert grown.sub_categories[: len(taxonomy.names)] == taxonomy.sub_categories
    assert grown.outside == taxonomy.outside


def test_the_grown_taxonomy_is_read_as_it_was_saved(taxonomy, growth, tmp_path):
    grown = grown_taxonomy(taxonomy, growth)
    grown.save(tmp_path / "grown.yaml")
    assert Taxonomy.read(tmp_path / "grown.yaml") == grown


def test_a_new_codebook_takes_the_features_up(features, taxonomy, growth, encoder):
    grown = grown_taxonomy(taxonomy, growth)
    table = Codebook.propose(features, grown, encode=encoder.encode).table
    assert set(table["feature"][table["sub_category"] == "it rains"]) == numbers("weather")
    assert set(table["feature"][table["sub_category"] == "football match"]) == numbers("football")


def proposal(name, *examples):
    return Proposal(name, "To be written: all.", examples, (0, 1), 0.1, "advice", 0.9)


def test_names_and_seeds_that_are_taken_stay_with_whom_they_are(taxonomy, tmp_path):
    growth = Growth(
        (
            proposal("Advice", "Have you TRIED yoga?", "Take the bus.", "take the bus."),
            proposal(
                "advice", "hello there!", "TAKE THE BUS.", "yes", "- no: # what?", "ünï 😀 :)"
            ),
            proposal("hello", "My condolences."),
            proposal("GREETINGS", "Good grief."),
        ),
        8,
        0.5,
    )
    grown = grown_taxonomy(taxonomy, growth)
    added = {sub.name: sub.seeds for sub in grown.sub_categories[len(taxonomy.names) :]}
    assert added == {
        "Advice 2": ("Take the bus.",),
        "advice 3": ("yes", "- no: # what?", "ünï 😀 :)"),
        "GREETINGS 2": ("Good grief.",),
    }
    grown.save(tmp_path / "grown.yaml")
    assert Taxonomy.read(tmp_path / "grown.yaml") == grown


def test_a_grown_taxonomy_can_grow_again(taxonomy, growth, tmp_path):
    twice = grown_taxonomy(
        grown_taxonomy(taxonomy, growth),
        Growth((proposal("it rains", "Snow is falling."),), 2, 0.1),
    )
    assert [category.name for category in twice.categories][1:] == ["Proposed", "Proposed 2"]
    assert twice.names[-1] == "it rains 2"
    twice.save(tmp_path / "twice.yaml")
    assert Taxonomy.read(tmp_path / "twice.yaml") == twice


def test_what_does_not_fit_is_refused(features, codebook):
    with pytest.raises(OptionError, match="least_density is 0; it must lie between 0 and 1"):
        propose_growth(features, codebook, least_density=0)
    shorter = replace(codebook, table=codebook.table.iloc[:-1])
    with pytest.raises(InputError, match="12 features and the codebook is of 11"):
        propose_growth(features, shorter)


def test_real_supporters_ask_for_sub_categories_that_one_can_read(data_folder, tmp_path):
    chats = read_corpus(data_folder / "esconv_dev.csv")
    names = pd.unique(chats.conversations)[:30]
    kept = chats.table[chats.table["conversation_id"].isin(names)]
    corpus = read_corpus(kept).where(role="supporter").units("sentence")
    vectors = embed(corpus)
    sae = SparseAutoencoder(48, 4, max_steps=300).fit(vectors)
    features = label(find_idioms(corpus, sae.encode(vectors), vectors))
    codebook = Codebook.propose(features, "empathy", sae=sae)
    growth = propose_growth(features, codebook)
    grown = grown_taxonomy(codebook.taxonomy, growth)
    grown.save(tmp_path / "grown.yaml")
    assert Taxonomy.read(tmp_path / "grown.yaml") == grown
    said = {" ".join(text.split()) for text in corpus.texts}
    for one in growth.proposals:
        assert len(one.features) >= 2
        assert 1 <= len(one.examples) <= 10
        assert set(one.examples) <= said
        assert 0 < one.share < 1
