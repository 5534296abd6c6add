import json
import multiprocessing

import pytest

from saeidioms.errors import ArtifactError, ModelError, OptionError
from saeidioms.llm.answers import Answers, ask, ask_json
from saeidioms.llm.budget import Budget
from saeidioms.llm.model import Prompt
from saeidioms.llm.replies import Reply


def echo(prompt):
    return prompt.user


def lines_of(path):
    lines = path.read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines if line]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "labels" / "answers.jsonl"


def test_a_known_answer_is_not_asked_for_again(path, parrot, ask_for):
    assert ask(parrot(echo), ask_for("a", "b"), Answers(path)) == ["a", "b"]
    second = parrot(echo)
    assert ask(second, ask_for("b", "c", "a"), Answers(path)) == ["b", "c", "a"]
    assert second.asked == ask_for("c")


def test_equal_prompts_are_asked_once(path, parrot, ask_for):
    model = parrot(echo)
    assert ask(model, ask_for("a", "b", "a"), Answers(path)) == ["a", "b", "a"]
    assert len(model.asked) == 2
    assert len(lines_of(path)) == 2


@pytest.mark.parametrize(
    "other",
    [
        {"system": "else"},
        {"user": "else"},
        {"examples": (("a", "b"),)},
        {"schema": {"type": "object"}},
        {"max_tokens": 1},
    ],
)
def test_whatever_differs_in_a_prompt_is_another_question(path, parrot, other):
    fields = {"system": "s", "user": "u"}
    model = parrot(echo)
    ask(model, [Prompt(**fields), Prompt(**{**fields, **other})], Answers(path))
    assert len(model.asked) == 2


def test_another_model_or_option_is_another_question(path, parrot, ask_for):
    ask(parrot(echo, {"model": "a", "seed": 0}), ask_for("x"), Answers(path))
    for key in ({"model": "a", "seed": 1}, {"model": "b", "seed": 0}):
        other = parrot(echo, key)
        ask(other, ask_for("x"), Answers(path))
        assert len(other.asked) == 1


def test_the_file_tells_what_was_asked_and_answered(path, parrot, ask_for):
    usage = {"prompt_tokens": 5, "completion_tokens": 2}
    ask(parrot(lambda _: Reply("traurig – 悲", usage)), ask_for("x"), Answers(path))
    (record,) = lines_of(path)
    assert set(record) == {"key", "model", "prompt", "answer", "usage"}
    assert record["model"] == {"model": "parrot"}
    assert record["prompt"]["user"] == "x"
    assert record["answer"] == "traurig – 悲"
    assert record["usage"] == usage
    assert "悲" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("answer", ["", "two\nlines", "\u2028 \x00 \\ud800 \ud800", '"}'])
def test_any_answer_comes_back_as_it_was(path, parrot, ask_for, answer):
    ask(parrot(lambda _: answer), ask_for("x"), Answers(path))
    assert ask(parrot(None), ask_for("x"), Answers(path)) == [answer]


@pytest.mark.parametrize("cut", [1, 2, 20, 100])
def test_after_a_line_that_was_cut_the_file_goes_on(path, parrot, ask_for, caplog, cut):
    prompts = ask_for("a", "b", "c")
    for prompt in prompts:
        ask(parrot(echo), [prompt], Answers(path))
    path.write_bytes(path.read_bytes()[:-cut])
    answers = Answers(path)
    assert ("Line 3 of" in caplog.text) == (cut > 1)  # the end of a line is no loss
    assert len(answers) == (2 if cut > 1 else 3)
    model = parrot(echo)
    assert ask(model, [*prompts, *ask_for("d")], answers) == ["a", "b", "c", "d"]
    assert model.asked == [*ask_for("d"), *(prompts[2:] if cut > 1 else [])]
    again = parrot(None)
    assert ask(again, [*prompts, *ask_for("d")], Answers(path)) == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    "line", [b"\x00\xff", b"[]", b'{"key": 1, "answer": "x"}', b"{}", b"[" * 9999]
)
def test_a_line_that_is_no_answer_is_passed_over(path, parrot, ask_for, caplog, line):
    ask(parrot(echo), ask_for("a"), Answers(path))
    path.write_bytes(line + b"\n\n" + path.read_bytes())
    assert ask(parrot(None), ask_for("a"), Answers(path)) == ["a"]
    assert "Line 1 of" in caplog.text


def test_of_two_answers_to_one_prompt_the_first_stays(path, parrot, ask_for):
    first, second = Answers(path), Answers(path)
    assert ask(parrot(lambda _: "early"), ask_for("x"), first) == ["early"]
    assert ask(parrot(lambda _: "late"), ask_for("x"), second) == ["late"]
    assert ask(parrot(None), ask_for("x"), Answers(path)) == ["early"]


class _Model:
    name, destination = "many", ""

    def __init__(self, who):
        self.key = {"model": who}


def _write_many(path, who):
    answers = Answers(path)
    for number in range(200):
        answers.add(_Model(who), Prompt("s", f"{who} {number}"), f"{who} {number} " + "x" * 5000)


def test_two_processes_may_add_to_one_file(path, caplog):
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_many, args=(path, who)) for who in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    answers = [record["answer"] for record in lines_of(path)]
    assert len(answers) == len(set(answers)) == 400
    assert {len(one.split()[2]) for one in answers} == {5000}
    assert len(Answers(path)) == 400
    assert not caplog.records


def test_what_was_answered_before_a_failure_is_kept(path, parrot, ask_for):
    def fail_at_b(prompt):
        if prompt.user == "b":
            raise ModelError("it broke")
        return prompt.user

    with pytest.raises(ModelError):
        ask(parrot(fail_at_b), ask_for("a", "b", "c", "d"), Answers(path))
    model = parrot(echo)
    assert ask(model, ask_for("a", "b", "c", "d"), Answers(path)) == ["a", "b", "c", "d"]
    assert sorted(prompt.user for prompt in model.asked) == ["a", "b"]


def test_every_answer_is_on_disk_before_the_next_is_asked_for(path, parrot, ask_for):
    seen = []

    def look(prompt):
        seen.append(len(lines_of(path)) if path.exists() else 0)
        return prompt.user

    ask(parrot(look), ask_for("a", "b", "c"), Answers(path))
    assert seen == [0, 1, 2]


def test_a_file_that_cannot_be_read_or_written_is_named(tmp_path, parrot, ask_for):
    with pytest.raises(ArtifactError, match="cannot be read"):
        Answers(tmp_path)
    (tmp_path / "file").write_text("")
    model = parrot(echo)
    with pytest.raises(ArtifactError, match="cannot be"):
        ask(model, ask_for("a", "b"), Answers(tmp_path / "file" / "answers.jsonl"))
    assert len(model.asked) <= 1


@pytest.mark.parametrize(
    ("budget", "most"),
    [
        (Budget(calls=3), 3),
        (Budget(calls=0), 0),
        (Budget(tokens=150), 3),
        (Budget(cost=0.00015, price_in=1, price_out=1), 3),
        (Budget(calls=2, tokens=10_000), 2),
        (Budget(), 10),
    ],
)
def test_a_budget_ends_the_asking_and_says_how_to_go_on(
    path, parrot, ask_for, caplog, budget, most
):
    usage = {"prompt_tokens": 30, "completion_tokens": 10}
    model = parrot(lambda prompt: Reply(prompt.user, usage))
    texts = [letter * 100 for letter in "abcdefghij"]  # 28 tokens with what is asked of them
    prompts = ask_for(*texts, max_tokens=20, schema={})
    found = ask(model, prompts, Answers(path), budget=budget)
    assert len(model.asked) == most
    assert found[:most] == texts[:most]
    assert found[most:] == [None] * (10 - most)
    assert (f"{10 - most} of 10 prompts are left" in caplog.text) == (most < 10)
    again = parrot(echo)
    assert ask(again, prompts, Answers(path)) == texts
    assert len(again.asked) == 10 - most


def test_a_budget_is_shared_by_all_calls(path, parrot, ask_for):
    model, budget = parrot(echo), Budget(calls=3)
    ask(model, ask_for("a", "b"), Answers(path), budget=budget)
    assert ask(model, ask_for("c", "d"), Answers(path), budget=budget) == ["c", None]


def test_what_a_server_counted_counts_and_not_the_guess(path, parrot, ask_for):
    little = Reply("x", {"prompt_tokens": 1, "completion_tokens": 1})
    model = parrot(lambda _: little)
    prompts = ask_for(*"abcdefghij", max_tokens=50, schema={})  # 54 tokens each at most, 540 in all
    assert None not in ask(model, prompts, Answers(path), budget=Budget(tokens=100))


@pytest.mark.parametrize("options", [{"calls": -1}, {"tokens": -1}, {"cost": 1.0}])
def test_a_budget_that_makes_no_sense_is_refused(options):
    with pytest.raises(OptionError):
        Budget(**options)


def test_a_wrong_answer_is_asked_once_more_with_what_was_wrong(path, parrot, ask_for):
    def say(prompt):
        return '{"label": "y"}' if "could not be read" in prompt.user else "no idea"

    model = parrot(say)
    assert ask_json(model, ask_for("a"), Answers(path)) == [{"label": "y"}]
    assert [prompt.user for prompt in model.asked] == [
        "a",
        "a\n\nAn earlier answer could not be read: it holds no JSON object. "
        "Answer with one JSON object, no more.",
    ]
    assert lines_of(path)[1]["attempt"] == 1
    assert ask_json(parrot(None), ask_for("a"), Answers(path)) == [{"label": "y"}]


def test_what_stays_wrong_is_none_and_counted(path, parrot, ask_for, caplog):
    def say(prompt):
        return '{"label": "fine"}' if prompt.user.startswith("a") else "{}"

    model = parrot(say)
    prompts = ask_for("a", "b", "c", "b")
    assert ask_json(model, prompts, Answers(path), retries=2) == [
        {"label": "fine"},
        None,
        None,
        None,
    ]
    assert len(model.asked) == 1 + 3 * 2
    assert "3 of 4 answers of parrot cannot be read" in caplog.text
    assert 'it lacks the key "label"' in caplog.text
    caplog.clear()
    silent = parrot(None)
    assert ask_json(silent, prompts, Answers(path), retries=2)[1:] == [None] * 3
    assert "3 of 4" in caplog.text


def test_less_than_no_second_question_is_refused(path, parrot, ask_for):
    with pytest.raises(OptionError, match="retries is -1"):
        ask_json(parrot(None), ask_for("a"), Answers(path), retries=-1)


def test_the_budget_holds_for_second_questions_too(path, parrot, ask_for, caplog):
    model = parrot(lambda _: "no idea")
    found = ask_json(model, ask_for("a", "b"), Answers(path), budget=Budget(calls=3))
    assert found == [None, None]
    assert len(model.asked) == 3
    assert "1 of 2 prompts are left" in caplog.text
    assert "1 of 2 answers of parrot cannot be read" in caplog.text
