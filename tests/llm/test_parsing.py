import pytest

from saeidioms.llm.parsing import ParsingError, parse_object

SCHEMA = {
    "type": "object",
    "properties": {
        "label": {"type": "string"},
        "code": {"enum": ["Emotional reaction", "Exploration"]},
        "confidence": {"type": "number", "minimum": 0, "maximum": 1},
        "count": {"type": "integer"},
        "words": {"type": "array", "items": {"type": "string"}},
        "note": {"type": ["string", "null"]},
        "sure": {"type": "boolean"},
    },
    "required": ["label"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    "text",
    [
        '{"label": "x"}',
        '```json\n{"label": "x"}\n```',
        'Sure! Here it is:\n\n{"label": "x"}\n\nI hope {that} helps.',
        'The pattern {so} sorry {*} gives {"label": "x"}',
        '{"label": "x",}',
        "{'label': 'x'}",
        "{label: 'x'}",
        '{"label": "x"',
        '```json\n{"label": "x"\n```',
        '{"label": "x", // the label\n}',
        '<think>Is it {"label": "y"}? No.</think>\n{"label": "x"}',
        'No {"label": "y"}, rather.\n</think>{"label": "x"}',
        '[{"label": "x"}]',
        '{"label": "x"}\n{"label": "x"}',
        '{"wrong": 1} {"label": "x"}',
        '{"label": "x", "chatter": "that no schema has"}',
    ],
)
def test_an_object_is_found_whatever_stands_round_it(text):
    assert parse_object(text, SCHEMA) == {"label": "x"}


@pytest.mark.parametrize(
    ("text", "label"),
    [
        (r'{"label": "says \"sorry\", {often}"}', 'says "sorry", {often}'),
        ('{"label": "says "sorry" often"}', 'says "sorry" often'),
        ("{'label': 'I'm sorry it's late',}", "I'm sorry it's late"),
        ("{'label': \"I'm sorry\"}", "I'm sorry"),
        ('{"label": "tränen 悲しい"}', "tränen 悲しい"),
        ('{"label": "two\nlines"}', "two\nlines"),
        ('{"label": "```"}', "```"),
    ],
)
def test_words_stay_as_they_were_said(text, label):
    assert parse_object(text, SCHEMA) == {"label": label}


@pytest.mark.parametrize("code", ["Exploration", "exploration", " EXPLORATION\n", "Explo ration"])
def test_a_value_of_an_enum_is_known_by_its_letters(code):
    assert parse_object(f'{{"label": "x", "code": "{code}"}}', SCHEMA)["code"] == "Exploration"


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ('"confidence": "0.5"', 0.5),
        ('"confidence": 1', 1),
        ('"count": 3.0', 3),
        ('"count": "3"', 3),
        ('"words": ["a", "b"]', ["a", "b"]),
        ('"words": ["a", "b"', ["a", "b"]),
        ('"note": null', None),
        ('"sure": true', True),
        ("'sure': True", True),
    ],
)
def test_values_are_of_the_types_of_the_schema(given, taken):
    value = parse_object('{"label": "x", ' + given + "}", SCHEMA)[given.split(":")[0].strip("\"'")]
    assert value == taken
    assert type(value) is type(taken)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "it holds no JSON object"),
        ("I cannot help with that.", "it holds no JSON object"),
        ('["label", "x"]', "it holds no JSON object"),
        ("{", "it lacks the key"),
        ('{"name": "x"}', 'it lacks the key "label"'),
        ('{"label": 3}', '"label" is not of type string'),
        ('{"label": null}', '"label" is not of type string'),
        ('{"label": "x", "code": "joy"}', '"code" is none of: Emotional reaction, Exploration'),
        ('{"label": "x", "code": {}}', '"code" is none of'),
        ('{"label": "x", "confidence": "high"}', '"confidence" is not of type number'),
        ('{"label": "x", "confidence": true}', '"confidence" is not of type number'),
        ('{"label": "x", "confidence": 85}', '"confidence" is not within 0 and 1'),
        ('{"label": "x", "confidence": NaN}', '"confidence" is not within'),
        ('{"label": "x", "confidence": 1e999}', '"confidence" is not within'),
        ('{"label": "x", "count": 1.5}', '"count" is not of type integer'),
        ('{"label": "x", "words": "a"}', '"words" is not of type array'),
        ('{"label": "x", "words": [1]}', 'an item of "words" is not of type string'),
        ('{"label": "x", "note": 1}', '"note" is not of type string or null'),
        ('{"label": "x", "sure": 1}', '"sure" is not of type boolean'),
        ('{"label": "feels sad and', "cut off within a text"),
        ('{"label": "x"} or {"label": "y"}', "2 different objects"),
        ('<think>Well, {"label": "x"} may', "ends before its thinking does"),
        ("{" * 30_000, "longer than"),
        ('{"a":' * 3_000, "it holds no JSON object"),
    ],
)
def test_what_cannot_be_read_says_why(text, problem):
    with pytest.raises(ParsingError, match=problem):
        parse_object(text, SCHEMA)


def test_what_is_said_of_a_problem_quotes_nothing_of_the_answer():
    with pytest.raises(ParsingError) as error:
        parse_object('{"label": "x", "code": "Ignore all that", "count": "secret"}', SCHEMA)
    assert "gnore" not in str(error.value)
    assert "secret" not in str(error.value)


def test_schemas_are_kept_at_every_depth():
    schema = {"properties": {"all": {"type": "array", "items": SCHEMA}}, "required": ["all"]}
    text = '{"all": [{"label": "x", "code": "exploration", "extra": 1}, {"label": "y"}]}'
    assert parse_object(text, schema) == {
        "all": [{"label": "x", "code": "Exploration"}, {"label": "y"}]
    }
    with pytest.raises(ParsingError, match='an item of "all" lacks the key'):
        parse_object('{"all": [{}]}', schema)


def test_an_enum_of_numbers_takes_them_as_words():
    schema = {"properties": {"level": {"enum": [0, 1, 2]}}}
    assert parse_object('{"level": "2"}', schema) == {"level": 2}


def test_without_a_schema_any_object_will_do():
    assert parse_object('It is {"a": [1, {"b": null}]}.', {}) == {"a": [1, {"b": None}]}
