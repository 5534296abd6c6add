import datetime

import pytest
import yaml

from saeidioms.errors import InputError, OptionError
from saeidioms.resources import find_config
from saeidioms.taxonomy.taxonomy import HUES, Taxonomy

SMALL = {
    "name": "weather",
    "title": "Weather talk",
    "categories": [
        {
            "name": "Fair",
            "definition": "Good weather.",
            "hue": "yellow",
            "sub_categories": [
                {"name": "sun", "definition": "Sunshine.", "seeds": ["The sun is out."]},
                {
                    "name": "warmth",
                    "definition": "Heat.",
                    "themes": [{"name": "mild", "definition": "Spring.", "seeds": ["How mild."]}],
                },
            ],
        },
        {
            "name": "Foul",
            "definition": "Bad weather.",
            "sub_categories": [
                {"name": "rain", "definition": "Rain.", "seeds": ["It pours."]},
            ],
        },
    ],
    "outside": [{"name": "greetings", "definition": "Hello.", "seeds": ["Hello."]}],
}


def write(tmp_path, content):
    path = tmp_path / "weather.yaml"
    text = content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False)
    path.write_text(text, encoding="utf-8")
    return path


def changed(change):
    content = yaml.safe_load(yaml.safe_dump(SMALL))
    change(content)
    return content


def test_the_study_s_four_categories_and_ten_sub_categories_ship():
    taxonomy = Taxonomy.read("empathy")
    assert [(category.name, category.hue) for category in taxonomy.categories] == [
        ("Affective", "green"),
        ("Cognitive", "cyan"),
        ("Motivational", "blue"),
        ("Mis-attuned", "red"),
    ]
    assert len(taxonomy.names) == 10
    assert taxonomy.category_of("advice-giving") == "Mis-attuned"
    assert {"greetings", "thanks"} <= {group.name for group in taxonomy.outside}


@pytest.mark.parametrize("name", ["empathy", "schwartz_values"])
def test_every_shipped_sub_category_says_what_it_is_and_is_not(name):
    taxonomy = Taxonomy.read(name)
    for sub in taxonomy.sub_categories:
        assert sub.definition
        assert sub.include
        assert sub.exclude
        assert len(sub.expressions) >= 10, sub.name
    assert all(category.hue in HUES for category in taxonomy.categories)


def test_no_shipped_seed_is_copied_from_the_conversations(data_folder):
    import pandas as pd

    columns = {"esconv_dev.csv": "text", "empathetic_intents_manual.csv": "text"}
    said = set()
    for file, column in columns.items():
        said |= set(pd.read_csv(data_folder / file)[column].dropna().str.casefold().str.strip())
    seeds = [s for sub in Taxonomy.read("empathy").sub_categories for s in sub.expressions]
    long = [seed for seed in seeds if len(seed.split()) > 8]
    assert long
    assert [seed for seed in long if seed.casefold() in said] == []


def test_expressions_hold_the_seeds_of_the_themes(tmp_path):
    taxonomy = Taxonomy.read(write(tmp_path, SMALL))
    assert taxonomy.names == ("sun", "warmth", "rain")
    assert [sub.expressions for sub in taxonomy.sub_categories] == [
        ("The sun is out.",),
        ("How mild.",),
        ("It pours.",),
    ]
    assert taxonomy.categories[1].hue is None


def test_the_digest_tells_a_changed_definition_but_not_a_changed_layout(tmp_path):
    first = Taxonomy.read(write(tmp_path, SMALL)).digest
    layout = "# a comment\n" + yaml.safe_dump(SMALL, sort_keys=True, width=30)
    assert Taxonomy.read(write(tmp_path, layout)).digest == first

    def reword(content):
        content["categories"][0]["sub_categories"][0]["definition"] = "Blue sky."

    assert Taxonomy.read(write(tmp_path, changed(reword))).digest != first


def test_unknown_names_get_the_nearest(tmp_path):
    with pytest.raises(OptionError, match="did you mean empathy"):
        Taxonomy.read("empathie")
    with pytest.raises(OptionError, match="did you mean rain"):
        Taxonomy.read(write(tmp_path, SMALL)).category_of("rains")


def _sub(content, i=0, j=0):
    return content["categories"][i]["sub_categories"][j]


MISTAKES = {
    "missing key": (
        lambda c: c["categories"][1].pop("definition"),
        r"weather.yaml, categories\[1\]: the key 'definition' is missing",
    ),
    "misspelt key": (
        lambda c: _sub(c).update(sedes=["x"]),
        r"categories\[0\].sub_categories\[0\]: the key 'sedes' is unknown; did you mean seeds",
    ),
    "unknown hue": (
        lambda c: c["categories"][0].update(hue="yelow"),
        r"categories\[0\].hue: 'yelow' is not allowed; did you mean yellow",
    ),
    "empty seeds": (
        lambda c: _sub(c, 1).update(seeds=[]),
        r"categories\[1\].sub_categories\[0\].seeds: the list is empty",
    ),
    "no seeds": (
        lambda c: _sub(c, 1).pop("seeds"),
        r"categories\[1\].sub_categories\[0\]: rain has no seeds",
    ),
    "blank seed": (
        lambda c: _sub(c).update(seeds=["  "]),
        r"sub_categories\[0\].seeds\[0\]: the text is empty",
    ),
    "seeds no list": (
        lambda c: _sub(c).update(seeds="It shines."),
        r"sub_categories\[0\].seeds: expected a list .* not text",
    ),
    "boolean seed": (
        lambda c: _sub(c).update(seeds=["It shines.", False]),
        r'sub_categories\[0\].seeds\[1\]: .* a yes/no value here; quote it, for instance "no"',
    ),
    "date seed": (
        lambda c: _sub(c).update(seeds=[datetime.date(2020, 1, 2)]),
        r'seeds\[0\]: .* a date here; quote it, for instance "2020-01-02"',
    ),
    "colon in a seed": (
        lambda c: _sub(c).update(seeds=[{"Look": "the sun"}]),
        r'seeds\[0\]: .* quote it, for instance "Look: the sun"',
    ),
    "sub-category twice": (
        lambda c: _sub(c, 1).update(name="Sun"),
        r"categories\[1\].sub_categories\[0\].name: 'Sun' stands already at "
        r"categories\[0\].sub_categories\[0\].name",
    ),
    "category twice": (
        lambda c: c["categories"][1].update(name="Fair"),
        r"categories\[1\].name: 'Fair' stands already",
    ),
    "seed twice": (
        lambda c: c["outside"][0].update(seeds=["how mild."]),
        r"outside\[0\].seeds\[0\]: .* stands already at .*themes\[0\].seeds\[0\]",
    ),
    "several names in one": (
        lambda c: _sub(c, 1).update(name="rain; snow"),
        r"categories\[1\].sub_categories\[0\].name: 'rain; snow' holds ';'",
    ),
    "one place only": (
        lambda c: (
            c.pop("outside"),
            c["categories"].pop(1),
            c["categories"][0]["sub_categories"].pop(1),
        ),
        "there is one place only",
    ),
    "no category": (lambda c: c.update(categories=[]), r"categories: the list is empty"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_by_file_key_and_mend(tmp_path, mistake):
    change, message = MISTAKES[mistake]
    with pytest.raises(InputError, match=message):
        Taxonomy.read(write(tmp_path, changed(change)))


def test_malformed_yaml_is_named_by_its_line(tmp_path):
    text = find_config("empathy", "taxonomies").read_text(encoding="utf-8")
    line = text[: text.index("- Hello!")].count("\n") + 1
    broken = text.replace("- Hello!", "- Hello: to: you")
    with pytest.raises(InputError, match=rf"line {line}, column .*no valid YAML"):
        Taxonomy.read(write(tmp_path, broken))


def test_a_key_given_twice_is_refused(tmp_path):
    text = yaml.safe_dump(SMALL, sort_keys=False) + "title: Another\n"
    with pytest.raises(InputError, match="the key 'title' is given twice"):
        Taxonomy.read(write(tmp_path, text))


@pytest.mark.parametrize("content", ["", "just a text", "- a\n- b\n"])
def test_a_file_without_keys_is_refused(tmp_path, content):
    with pytest.raises(InputError, match="top level: expected keys with values"):
        Taxonomy.read(write(tmp_path, content))


def test_a_file_that_is_no_utf8_is_refused(tmp_path):
    path = tmp_path / "latin.yaml"
    path.write_bytes("name: empathié".encode("latin-1"))
    with pytest.raises(InputError, match="not UTF-8"):
        Taxonomy.read(path)
