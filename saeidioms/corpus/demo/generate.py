"""Generate the synthetic demo corpus, in which every message knows the idioms planted in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from saeidioms.corpus.corpus import Corpus
from saeidioms.corpus.demo.bank import Bank, Idiom, load_bank, pick, realise
from saeidioms.corpus.demo.typing_style import Writer
from saeidioms.corpus.readers import read_corpus
from saeidioms.errors import OptionError
from saeidioms.seeds import generator

SOURCE = "demo corpus (synthetic)"


def demo_corpus(seed: int = 0, participants: int = 240) -> Corpus:
    """Return the synthetic demo corpus: messages of supporters and their troubled partners.

    Parameters
    ----------
    seed, participants
        See `demo_frame`, whose columns are the corpus's metadata.

    Returns
    -------
    Corpus
        Units are messages, of both roles. No person wrote any of them.
    """
    corpus = read_corpus(demo_frame(seed, participants))
    return replace(corpus, report=replace(corpus.report, source=SOURCE))


def demo_frame(seed: int = 0, participants: int = 240) -> pd.DataFrame:
    """Return the synthetic demo corpus as a plain table, one row a message.

    Three conversations a participant, one before and two after the coaching. The design and all
    sentences are in the YAML files beside this file.

    Parameters
    ----------
    seed
        At least 0; the same seed gives the same table. More participants add rows and change none.
    participants
        At least 1; they go to the four arms in turn.

    Returns
    -------
    pandas.DataFrame
        ``conversation_id, turn`` (from 0), ``role`` (supporter, seeker), ``text``,
        ``participant_id, arm, time`` (before, after), ``round`` (1 to 3), ``setting, scenario,
        trait_empathy`` (1 to 5, unrelated to all that is said), ``planted`` (idioms joined by ;)
        and ``planted_spans`` (``idiom:start-end`` joined by ;, characters of `text`).

    Raises
    ------
    OptionError
        If `participants` is below 1.

    Examples
    --------
    >>> demo_frame(participants=4)["arm"].unique().tolist()
    ['control', 'video', 'coach', 'both']
    """
    if participants < 1:
        raise OptionError(f"participants is {participants}; give a whole number of at least 1.")
    bank = load_bank()
    rows = [row for number in range(participants) for row in _participant(bank, seed, number)]
    return pd.DataFrame(rows)


def planted_rates() -> pd.DataFrame:
    """Return how often each idiom is planted, as the generator's design declares it.

    Returns
    -------
    pandas.DataFrame
        One row an idiom, arm and time: ``idiom, category, sub_category, arm, time, rate``
        (expected share of supporter messages that hold the idiom) and ``share`` (its expected
        share of the planted expressions; these add up to 1). Scenarios are equally frequent, so
        three fifths of all conversations are about work.
    """
    bank = load_bank()
    design = bank.design
    settings = [scenario["setting"] for scenario in bank.scenarios.values()]
    per_message = sum(number * percent for number, percent in design["expressions"].items()) / 100
    rows = []
    for arm in design["arms"]:
        for time in dict.fromkeys(design["rounds"].values()):
            shares = np.mean([bank.shares(setting, arm, time) for setting in settings], axis=0)
            for name, share in zip(bank.sub_categories, shares.tolist(), strict=True):
                idioms = bank.idioms_of(name)
                own = share / len(idioms)
                rows += [
                    (idiom.id, bank.category_of(name), name, arm, time, per_message * own, own)
                    for idiom in idioms
                ]
    columns = ["idiom", "category", "sub_category", "arm", "time", "rate", "share"]
    return pd.DataFrame(rows, columns=columns)


def planted_units(corpus: Corpus) -> pd.DataFrame:
    """Return the truth about every unit of a demo corpus: the idioms it holds.

    Parameters
    ----------
    corpus
        From `demo_frame` or `demo_corpus`, in sentences or messages.

    Returns
    -------
    pandas.DataFrame
        ``unit_id, idiom, sub_category, category``, one row for each idiom of each unit; a unit
        that is not there holds none. A unit holds an idiom if it overlaps its sentence.
    """
    bank = load_bank()
    sub_category = {idiom.id: idiom.sub_category for idiom in bank.idioms}
    table = corpus.table
    rows = []
    columns = (table["unit_id"], table["start"], table["end"], table["planted_spans"].fillna(""))
    for unit, start, end, spans in zip(*columns, strict=True):
        for span in filter(None, spans.split(";")):
            name, place = span.split(":")
            first, last = map(int, place.split("-"))
            if first < end and start < last:
                own = sub_category[name]
                rows.append((unit, name, own, bank.category_of(own)))
    return pd.DataFrame(rows, columns=["unit_id", "idiom", "sub_category", "category"])


@dataclass(frozen=True)
class _Message:
    """Text, and the idioms in it with their places."""

    text: str
    spans: tuple[tuple[str, int, int], ...]
    category: str  # of the last idiom, "none" where none: what the partner answers to


def _participant(bank: Bank, seed: int, number: int) -> list[dict[str, Any]]:
    rng = generator(seed, f"demo participant {number}")
    arms = bank.design["arms"]
    person = {
        "participant_id": f"P{number + 1:03d}",
        "arm": arms[number % len(arms)],
        "trait_empathy": round(1 + 4 * float(np.mean(rng.random(4))), 1),
    }
    writer = Writer.draw(rng)
    habits = rng.random(bank.design["habits"]).tolist()
    scenarios = _ordered(list(bank.scenarios), rng)
    rows = []
    for (round_, time), scenario in zip(bank.design["rounds"].items(), scenarios, strict=False):
        setting = bank.scenarios[scenario]["setting"]
        plan = _plan(bank, setting, person["arm"], time, habits, rng)
        own = {"time": time, "round": round_, "setting": setting, "scenario": scenario}
        chat = _chat(bank, scenario, plan, writer, rng)
        rows += [
            {
                "conversation_id": f"{person['participant_id']}-{round_}",
                "turn": turn,
                "role": role,
                "text": message.text,
                **{key: {**person, **own}[key] for key in _ATTRIBUTES},
                "planted": ";".join(name for name, _, _ in message.spans),
                "planted_spans": ";".join(f"{name}:{a}-{b}" for name, a, b in message.spans),
            }
            for turn, (role, message) in enumerate(chat)
        ]
    return rows


_ATTRIBUTES = ("participant_id", "arm", "time", "round", "setting", "scenario", "trait_empathy")


def _plan(
    bank: Bank,
    setting: str,
    arm: str,
    time: str,
    habits: Sequence[float],
    rng: np.random.Generator,
) -> list[list[Idiom]]:
    """Return the idioms of each supporter message of a conversation, in order."""
    design = bank.design
    usual = bank.shares(setting)
    from_habits = design["from_habits"] / 100
    # What habits hold back of a change is made up for by the other expressions.
    other = usual + (bank.shares(setting, arm, time) - usual) / (1 - from_habits)
    messages = []
    for _ in range(_draw(design["supporter_messages"], rng)):
        names = [
            _at(bank.sub_categories, usual, pick(habits, rng))
            if rng.random() < from_habits
            else _at(bank.sub_categories, other, rng.random())
            for _ in range(_draw(design["expressions"], rng))
        ]
        messages.append(_idioms(bank, names, rng))
    return _in_order(bank, messages, rng)


def _idioms(bank: Bank, names: list[str], rng: np.random.Generator) -> list[Idiom]:
    """Return an idiom of each sub-category, none twice, in the order people say them."""
    place = bank.design["sub_categories"]
    idioms: list[Idiom] = []
    for name in sorted(names, key=lambda name: place[name]["place"] + 2 * rng.random()):
        idioms.append(pick([idiom for idiom in bank.idioms_of(name) if idiom not in idioms], rng))
    return idioms


def _in_order(
    bank: Bank, messages: list[list[Idiom]], rng: np.random.Generator
) -> list[list[Idiom]]:
    """Return the messages so that sympathy tends to come early and offers of help late."""
    place = bank.design["sub_categories"]

    def lateness(message: list[Idiom]) -> float:
        places = [place[idiom.sub_category]["place"] for idiom in message] or [4]
        return float(np.mean(places)) + 6 * rng.random()

    return sorted(messages, key=lateness)


def _chat(
    bank: Bank, scenario: str, plan: list[list[Idiom]], writer: Writer, rng: np.random.Generator
) -> list[tuple[str, _Message]]:
    """Return the conversation: the partner opens, and each supporter message is answered."""
    words = bank.scenarios[scenario]
    details = [realise(template, {}, rng) for template in _ordered(words["detail"], rng)]
    opening = realise(pick(words["opening"], rng), {}, rng)
    chat = [("seeker", _Message(opening, (), "none"))]
    for number, idioms in enumerate(plan):
        first, last = number == 0, number == len(plan) - 1
        message = _supporter_message(bank, words, idioms, first, last, writer, rng)
        reply = _reply(bank, message.category, details, last, rng)
        chat += [("supporter", message), ("seeker", _Message(reply, (), "none"))]
    return chat


def _supporter_message(
    bank: Bank,
    words: dict[str, Any],
    idioms: list[Idiom],
    first: bool,
    last: bool,
    writer: Writer,
    rng: np.random.Generator,
) -> _Message:
    said: list[tuple[str, str]] = [  # idiom ("" for what is planted as nothing), sentence
        (idiom.id, _interject(bank, realise(pick(idiom.templates, rng), words, rng), rng))
        for idiom in idioms
    ]
    before, after = rng.random(2)
    kind = "greetings" if first else "backchannels"
    if before < (0.4 if first else 0.12):
        said.insert(0, ("", realise(pick(bank.small_talk[kind], rng), words, rng)))
    if after < (0.4 if last else 0.02):
        kind = "goodbyes" if last else "small_talk"
        said.append(("", realise(pick(bank.small_talk[kind], rng), words, rng)))
    if not said:
        kind = pick(["backchannels", "backchannels", "backchannels", "thanks", "small_talk"], rng)
        said.append(("", realise(pick(bank.small_talk[kind], rng), words, rng)))
    category = bank.category_of(idioms[-1].sub_category) if idioms else "none"
    return _typed(bank, said, category, writer, rng)


def _interject(bank: Bank, sentence: str, rng: np.random.Generator) -> str:
    if rng.random() > 0.06 or "," in sentence:
        return sentence
    if not sentence.startswith(("I ", "I'")):
        sentence = sentence[0].lower() + sentence[1:]
    return f"{pick(bank.small_talk['interjections'], rng)} {sentence}"


def _typed(
    bank: Bank,
    said: list[tuple[str, str]],
    category: str,
    writer: Writer,
    rng: np.random.Generator,
) -> _Message:
    """Return the sentences as one message, as the writer types them; places follow the typos."""
    text = ""
    spans = []
    for number, (idiom, sentence) in enumerate(said):
        typed = writer.type(sentence, rng)
        if number == len(said) - 1:
            typed = writer.finish(typed, rng)
        text += " " if text else ""
        if idiom:
            spans.append((idiom, len(text), len(text) + len(typed)))
        text += typed
    if rng.random() < 0.02:
        text += f" {pick(bank.small_talk['emoticons'], rng)}"
    return _Message(text, tuple(spans), category)


def _reply(
    bank: Bank, category: str, details: list[str], last: bool, rng: np.random.Generator
) -> str:
    """Return the partner's answer; what is told of `details` is taken out of it."""
    if last:
        return realise(pick(bank.small_talk["last_words"], rng), {}, rng)
    template = pick(bank.small_talk["replies"][category], rng)
    if "{detail}" not in template:
        return realise(template, {}, rng)
    detail = details.pop() if details else realise(pick(bank.small_talk["later"], rng), {}, rng)
    return realise(template, {"detail": [detail]}, rng)


def _ordered(items: Sequence[str], rng: np.random.Generator) -> list[str]:
    """Return the items in random order."""
    keys = rng.random(len(items)).tolist()
    return [item for _, item in sorted(zip(keys, items, strict=True))]


def _draw(percentages: dict[int, int], rng: np.random.Generator) -> int:
    """Return one of the keys, each as often as its percentage says."""
    return _at(list(percentages), np.array(list(percentages.values())) / 100, rng.random())


def _at(items: Sequence[Any], shares: np.ndarray, place: float) -> Any:
    """Return the item whose stretch of the shares, laid end to end, holds `place` in [0, 1)."""
    stop = np.searchsorted(np.cumsum(shares), place, side="right")
    return items[min(int(stop), len(items) - 1)]
