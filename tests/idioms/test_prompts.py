import json

import pytest

from saeidioms.errors import InputError, OptionError
from saeidioms.idioms.prompts import read_prompts
from saeidioms.llm.fences import fence

PLACES = {"ask": ("unit", "topic")}
GOOD = """
version: 3
ask:
  system: |
    Say {something} about it.
  user: |
    Units:
    {unit}
    About {topic}.
  examples:
    - material: {unit: [One., Two.], topic: things}
      answer: {"1": true, "2": false}
"""


def read(tmp_path, text):
    path = tmp_path / "ask.yaml"
    path.write_text(text, encoding="utf-8")
    return read_prompts(path, PLACES)["ask"]


def test_lists_are_fenced_and_texts_stand_as_they_are(tmp_path):
    prompt = read(tmp_path, GOOD).fill({"unit": ["a", "b"], "topic": "cats"}, {"type": "object"}, 9)
    assert prompt.user == f"Units:\n{fence(['a', 'b'], label='unit')}\nAbout cats."
    assert (prompt.schema, prompt.max_tokens) == ({"type": "object"}, 9)


def test_examples_are_filled_like_the_question_itself(tmp_path):
    template = read(tmp_path, GOOD)
    prompt = template.fill({"unit": ["One.", "Two."], "topic": "things"}, {}, 9)
    assert prompt.examples == ((prompt.user, json.dumps({"1": True, "2": False})),)


def test_the_version_is_part_of_the_prompt(tmp_path):
    first = read(tmp_path, GOOD)
    second = read(tmp_path, GOOD.replace("version: 3", "version: 4"))
    assert first.system != second.system
    assert "version 3" in first.system


def test_what_is_filled_in_is_never_taken_for_a_place(tmp_path):
    template = read(tmp_path, GOOD)
    prompt = template.fill({"unit": ["{topic}", "{other}"], "topic": "{unit}"}, {}, 9)
    assert prompt.user.endswith("About {unit}.")
    assert fence(["{topic}", "{other}"], label="unit") in prompt.user


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("version: 3\n", "", "ask.yaml: the key 'version' is missing"),
        ("version: 3", "version:", "version: give a number or a text"),
        ("ask:", "asks:", "the key 'asks' is unknown; did you mean ask"),
        ("  system:", "  sytem:", "ask.yaml, ask: the key 'sytem' is unknown; did you mean system"),
        ("{topic}.", "{topics}.", r"the place {topics} is unknown; did you mean topic"),
        ("    {unit}\n", "", r"ask.user: {unit} stands there 0 times"),
        ("About", "{unit}", r"ask.user: {unit} stands there 2 times"),
        ("topic: things", "topic: 7", r"examples\[0\].material.topic: expected text"),
        (", topic: things", "", r"examples\[0\].material: the key 'topic' is missing"),
        ('{"1": true, "2": false}', "yes", r"examples\[0\].answer: expected keys"),
        ("examples:\n", "examples: []\n  rest:\n", "ask: the key 'rest' is unknown"),
        ("version: 3", "version: [", "no valid YAML"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path, old, new, message):
    assert old in GOOD
    with pytest.raises(InputError, match=message):
        read(tmp_path, GOOD.replace(old, new, 1))


def test_an_unknown_file_is_refused_with_the_shipped_names():
    with pytest.raises(OptionError, match="did you mean judge"):
        read_prompts("judges", PLACES)
