"""People's words follow a feature into the next dictionary, by what it is and not by its number."""

import numpy as np
import pandas as pd
import pytest

from saeidioms.errors import InputError, OptionError
from saeidioms.taxonomy.inheritance import inherit

WIDTH = 32


def rng(seed=0):
    return np.random.default_rng(seed)


def dictionary(n=20, seed=0):
    return rng(seed).normal(size=(n, WIDTH)).astype(np.float32)


def again(old, order, noise=0.1):
    """Return the dictionary as another training might find it: in another order, with noise."""
    return old[order] + noise * rng(1).normal(size=(len(order), WIDTH)).astype(np.float32)


SAID = pd.DataFrame(
    {
        "feature": [17, 3, 8],
        "sub_category": ["affirming", "", "greetings"],
        "label": ["praise", "numbers", "hello"],
        "note": ["ann: affirming", "", "ben: greetings"],
    }
)


def test_words_follow_their_feature_to_its_new_number():
    old = dictionary()
    order = rng(2).permutation(20)
    found = inherit(SAID, old, again(old, order))
    assert order[found["feature"]].tolist() == SAID["feature"].tolist()
    assert found["old_feature"].tolist() == [17, 3, 8]
    assert (found["cosine"] > 0.95).all()
    kept = ["sub_category", "label"]
    pd.testing.assert_frame_equal(found[kept], SAID[kept])


def test_the_note_says_from_where_and_what_was_said_there():
    old = dictionary()
    found = inherit(SAID, old, old[::-1].copy())
    assert found["note"].tolist() == [
        "inherited from feature 17 (cosine 1.00); ann: affirming",
        "inherited from feature 3 (cosine 1.00)",
        "inherited from feature 8 (cosine 1.00); ben: greetings",
    ]


def test_what_finds_no_heir_is_listed_with_the_reason(caplog):
    old = dictionary()
    new = old.copy()
    new[3] = dictionary(1, seed=9)
    found = inherit(SAID, old, new)
    assert found["feature"].isna().tolist() == [False, True, False]
    assert found["note"][1].startswith("no heir of feature 3: the nearest has a cosine of ")
    assert "1 of 3 overrides find no heir: 3" in caplog.text


def test_least_says_how_alike_is_the_same():
    old = dictionary()
    new = again(old, np.arange(20), noise=0.7)
    cosine = inherit(SAID, old, new)["cosine"].to_numpy()
    between = float(np.sort(cosine)[:2].mean())
    found = inherit(SAID, old, new, least=between)
    assert found["feature"].notna().tolist() == (cosine >= between).tolist()
    assert found["feature"].notna().sum() == 2


def test_a_feature_has_one_heir_though_two_new_ones_are_alike():
    old = dictionary()
    new = np.concatenate([old, old[17:18] + 0.05 * dictionary(1, seed=5)])
    found = inherit(SAID, old, new)
    assert found["feature"].tolist() == [17, 3, 8]


@pytest.mark.parametrize("n_new", [12, 30])
def test_dictionaries_of_other_sizes_are_matched_too(n_new):
    old = dictionary()
    kept = np.array([17, 8, *range(6)])  # 3 is among them, at its place
    new = np.concatenate([old[kept], dictionary(n_new - len(kept), seed=7)])
    found = inherit(SAID, old, new)
    assert found["feature"].tolist() == [0, 2 + 3, 1]


def test_in_a_smaller_dictionary_some_are_left_without_any_partner():
    old = dictionary()
    found = inherit(SAID, old, old[[8, 3]])
    assert found["feature"].isna().tolist() == [True, False, False]
    assert np.isnan(found["cosine"][0])
    assert found["note"][0] == (
        "no heir of feature 17: every new feature is another's; ann: affirming"
    )


def test_a_feature_that_fires_on_other_things_now_is_not_the_same():
    old = dictionary()
    centroids = dictionary(seed=3)
    moved = centroids.copy()
    moved[8] = -moved[8]
    found = inherit(SAID, old, old, centroids, moved)
    assert found["feature"].notna().tolist() == [True, True, False]
    assert found["cosine"][2] == pytest.approx(-1)


def test_a_dead_feature_has_no_heir():
    old = dictionary()
    centroids = dictionary(seed=3)
    dead = centroids.copy()
    dead[17] = 0
    found = inherit(SAID, old, old, centroids, dead)
    assert found["feature"].isna().tolist() == [True, False, False]


def test_overrides_without_notes_or_rows_are_fine():
    old = dictionary()
    assert inherit(SAID[["feature", "sub_category"]], old, old)["note"].str.len().min() > 0
    nothing = inherit(SAID.iloc[:0], old, old)
    assert nothing.empty
    assert {"feature", "old_feature", "cosine", "note"} <= set(nothing.columns)


def test_the_overrides_given_stay_as_they_are():
    before = SAID.copy()
    inherit(SAID, dictionary(), dictionary())
    pd.testing.assert_frame_equal(SAID, before)


def test_what_does_not_belong_together_is_refused():
    old = dictionary()
    with pytest.raises(InputError, match="another encoder"):
        inherit(SAID, old, old[:, :16])
    with pytest.raises(InputError, match="goes from 0 to 9"):
        inherit(SAID, old[:10], old)
    with pytest.raises(InputError, match="old centroids"):
        inherit(SAID, old, old, old[:5], old)
    with pytest.raises(InputError, match="no column 'sub_category'"):
        inherit(SAID[["feature"]], old, old)
    with pytest.raises(OptionError, match="between 0 and 1"):
        inherit(SAID, old, old, least=1.5)
