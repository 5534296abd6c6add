"""Configurations are checked against the callables that they configure."""

from pathlib import Path
from typing import Literal

import pytest

from saeidioms.config import bind, check_sections, read_config
from saeidioms.errors import OptionError


def brew(
    water: object,
    *,
    cups: int = 2,
    strength: float = 1.0,
    kind: Literal["green", "black"] = "green",
    pot: Path | None = None,
    lid: bool = True,
) -> None:
    """Stand for a public callable."""


def test_defaults_come_from_the_signature():
    bound = bind("tea", brew, {"cups": 3}, given=("water",))
    assert bound == {"cups": 3, "strength": 1.0, "kind": "green", "pot": None, "lid": True}


def test_an_unknown_option_offers_the_nearest():
    with pytest.raises(OptionError, match=r"tea\.cusp is no option; did you mean cups\?"):
        bind("tea", brew, {"cusp": 3}, given=("water",))


def test_what_the_pipeline_gives_is_no_option():
    with pytest.raises(OptionError, match=r"tea\.water is no option"):
        bind("tea", brew, {"water": 1}, given=("water",))


@pytest.mark.parametrize(
    ("option", "value", "wanted"),
    [
        ("cups", "two", "a whole number"),
        ("cups", True, "a whole number"),
        ("cups", 1.5, "a whole number"),
        ("strength", "strong", "a number"),
        ("kind", "red", "'green' or 'black'"),
        ("pot", 3, "a path or left out"),
        ("lid", 1, "true or false"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_in_words(option, value, wanted):
    with pytest.raises(OptionError, match=f"tea.{option} is .* it must be {wanted}"):
        bind("tea", brew, {option: value}, given=("water",))


@pytest.mark.parametrize(
    ("option", "value"), [("strength", 2), ("pot", "a/b"), ("pot", None), ("kind", "black")]
)
def test_values_that_fit_are_taken(option, value):
    assert bind("tea", brew, {option: value}, given=("water",))[option] == value


def test_an_unknown_section_offers_the_nearest():
    with pytest.raises(OptionError, match=r"coprus is no section; did you mean corpus\?"):
        check_sections(["coprus"], ["corpus", "sae"])


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("sae: [unclosed", "line 1 is malformed YAML"),
        ("a:\n  b: 1\n c: 2", "line 3 is malformed YAML"),
        ("- 1\n- 2", "must hold sections .* not a list"),
        ("sae: 8", "section sae must hold options"),
        ("sae:", "section sae must hold options such as `k: 8`, not nothing"),
    ],
)
def test_malformed_files_are_refused_with_file_and_place(tmp_path, content, sentence):
    path = tmp_path / "config.yaml"
    path.write_text(content)
    with pytest.raises(OptionError, match=sentence) as caught:
        read_config(path)
    assert str(path) in str(caught.value)


def test_a_binary_file_is_no_configuration(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(OptionError, match="UTF-8"):
        read_config(path)


def test_an_unknown_name_lists_the_shipped_ones():
    with pytest.raises(OptionError, match=r"did you mean lend_an_ear\?.*default"):
        read_config("lend_an_eer")


def test_an_empty_file_is_all_defaults(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("# nothing\n")
    assert read_config(path) == {}


@pytest.mark.parametrize(
    ("section", "option", "value"),
    [
        ("codes", "min_strength", -3.0),
        ("codebook", "min_confidence", 1.5),
        ("distribution", "level", 95),
        ("distribution", "n_boot", 1),
    ],
)
def test_a_value_out_of_range_is_refused_before_any_work(section, option, value):
    from saeidioms.options import bind_options

    with pytest.raises(OptionError, match=f"{option} is {value}"):
        bind_options({section: {option: value}})


def test_more_active_features_than_there_are_is_refused_before_any_work():
    from saeidioms.options import bind_options

    with pytest.raises(OptionError, match="k=400 is more than n_features=100"):
        bind_options({"sae": {"k": 400, "n_features": 100}})
