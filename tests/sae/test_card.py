"""The card of a dictionary by itself, before a run has more to tell."""

import numpy as np
import pytest
from huggingface_hub import ModelCard

from saeidioms.embedding.spec import EncoderSpec
from saeidioms.errors import OptionError
from saeidioms.sae.autoencoder import SparseAutoencoder
from saeidioms.sae.card import Section, model_card


@pytest.fixture(scope="module")
def rows():
    return np.random.default_rng(0).normal(size=(200, 6)).astype(np.float32)


@pytest.fixture(scope="module")
def trained(rows):
    return SparseAutoencoder(8, 2, max_steps=20, seeds=2, seed=5).fit(rows)


def test_the_card_of_a_trained_dictionary_tells_its_options_and_measures(trained):
    card = model_card(trained, "me/mine")
    assert ModelCard(card).data.library_name == "saeidioms"
    assert "`max_steps` 20" in card
    assert "`seed` 5" in card
    assert "common part of 2 trainings" in card
    explained = trained.metrics_["explained_variance"]
    assert f"| Explained variance of held-out rows | {explained:.3f} |" in card
    assert f"(cosine) | {np.median(trained.stability_):.3f} |" in card
    assert "device" not in card


def test_weights_of_another_program_get_an_honest_card(trained):
    weights = (trained.encoder_, trained.encoder_bias_, trained.components_, trained.mean_)
    card = model_card(SparseAutoencoder.from_weights(*weights, k=2), "me/mine")
    assert "knows nothing of their training" in card
    assert "Nothing was measured." in card


def test_a_folder_of_an_encoder_is_told_by_its_last_part_alone(trained):
    encoder = EncoderSpec("/home/someone/models/minilm", "abc", "query: ", 6, "float32")
    card = model_card(trained, "me/mine", encoder=encoder)
    assert "someone" not in card
    assert "si.embed(texts, model='minilm', prompt='query: ', dimensions=6)" in card


@pytest.mark.parametrize("license", ["mit\ntags: [x]", "My License", ""])
def test_a_license_that_is_no_identifier_is_refused(trained, license):
    with pytest.raises(OptionError, match=r"such as cc-by-4\.0"):
        model_card(trained, "me/mine", license=license)


def test_further_sections_stand_before_the_limits(trained):
    card = model_card(trained, "me/mine", license="mit", sections=[Section("Own", "Told.")])
    assert card.index("## Own\n\nTold.") < card.index("## Intended use and limits")
    assert card.endswith("## License\n\n`mit`\n")
