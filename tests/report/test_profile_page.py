"""The page of one person: what it says of whom, and that it is safe to open."""

import base64
import hashlib
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from saeidioms.corpus.readers import read_corpus
from saeidioms.findings import habit, profile
from saeidioms.report.profile_page import profile_page
from saeidioms.taxonomy.coded import CodedMessages
from saeidioms.taxonomy.coding import Codes
from saeidioms.taxonomy.grounds import SENTENCE
from saeidioms.taxonomy.taxonomy import Taxonomy

ATTACK = "<script>alert(1)</script><img src=x onerror=alert(1)> hang in there\u2028{{7*7}}"
USUAL = ["Hang in there!", "So sorry, really.", *["What happened then?"] * 6]
PEOPLE = {f"p{i:02d}": [USUAL, USUAL] for i in range(20)} | {
    "fan": [["Hang in there!"] * 8] * 3,
    "riser": [["What then?"] * 20, ["So sorry, really."] * 20],
    "chatty": [["Hang in there!", "What then?"]] * 40,
    "mute": [["Ok.", "Ok."]],
    "one": [USUAL[:1]],
    "one mute": [["Ok."]],
    '<b id="who">': [[ATTACK, ATTACK]],
}
CODES = {"hang": "providing reassurance", "sorry": "expressing sympathy"}
LEXICON = pd.DataFrame(
    [("hang in there", "Motivational", "providing reassurance"), ("what then", "", "")],
    columns=["phrase", "category", "sub_category"],
)


@pytest.fixture(scope="module")
def parts():
    taxonomy = Taxonomy.read("empathy")
    corpus = read_corpus(
        pd.DataFrame(
            {"participant_id": person, "conversation_id": f"{number}-{place}", "week": place}
            | {"role": "supporter", "text": text}
            for number, (person, talks) in enumerate(PEOPLE.items())
            for place, texts in enumerate(talks, start=1)
            for text in texts
        )
    )
    units = [
        {"unit_id": unit, "category": taxonomy.category_of(name), "sub_category": name}
        for unit, text in zip(corpus.table["unit_id"], corpus.table["text"], strict=True)
        for word, name in CODES.items()
        if word in text.lower()
    ]
    codes = Codes(pd.DataFrame(units).assign(strength=0.5), corpus.messages())
    return CodedMessages.join(corpus, codes, taxonomy), corpus, codes, LEXICON


@pytest.fixture(scope="module")
def page(parts):
    """Return what makes the page of a person."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(habit, "_DRAWS", 2000)
        yield lambda who, **options: profile_page(profile(*parts, who=who, **options))


def text_of(page):
    """The words of a page, without its head and its tags."""
    body = page.split("<body>")[1]
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def test_the_sentence_of_uncertainty_comes_before_any_share(parts, page):
    text = text_of(page("fan"))
    sentence = profile(*parts, who="fan").uncertainty
    assert text.index(sentence) < text.index("of 24")
    assert text.index("In one look") < text.index("What they say") < text.index("rarely do")


def test_more_than_most_is_said_of_what_the_intervals_support_and_of_nothing_else(page):
    fan = page("fan")
    assert "More than most people here: Motivational, providing reassurance." in text_of(fan)
    shares = fan.split('<section id="shares">')[1].split("</section>")[0]
    assert shares.count("more than most") == 2
    assert '<q dir="auto">hang in there</q> <span class="chip">more than most</span>' in fan
    usual = text_of(page("p00"))
    assert "Nothing is said clearly more, or clearly less" in usual
    assert "more than most" not in usual


def test_what_rests_on_no_faithful_feature_is_marked_wherever_its_share_is_told(parts):
    found = profile(*parts, who="riser", order="week")
    doubt = (found.shares["sub_category"] != "expressing sympathy").astype(int)
    text = text_of(profile_page(replace(found, shares=found.shares.assign(faithful=doubt))))
    assert "Rose over the conversations: Affective, expressing sympathy †." in text
    assert text.count("expressing sympathy † ") == 3  # chart, table, course
    assert "providing reassurance †" not in text
    assert text.count(SENTENCE) == 1
    assert "†" not in text_of(profile_page(found))


def test_what_rises_is_said_in_one_look_and_beside_its_row(page):
    riser = page("riser", order="week")
    assert "Rose over the conversations: Affective, expressing sympathy." in text_of(riser)
    course = riser.split('<section id="course">')[1].split("</section>")[0]
    assert course.count('<span class="chip">rose</span>') == 2
    assert "by week" in course
    assert ">1</text>" in course


def test_one_conversation_has_no_change_over_conversations(page):
    for who in ("mute", "one"):
        assert 'id="course"' not in page(who)
        assert "rose or fell over the conversations" not in page(who)
    assert "Nothing rose or fell over the conversations" in text_of(page("p00"))


def test_a_person_without_codes_or_with_one_message_has_a_sensible_page(page):
    mute = text_of(page("mute"))
    assert "2 messages as supporter in 1 conversation, against 26 others. None of them" in mute
    assert "None of their sentences was found to hold" in mute
    assert "No recurring phrase of this corpus is in two of their messages." in mute
    assert "Nor were these found:" in mute
    assert "It holds an expression" in text_of(page("one"))
    assert "It holds no expression" in text_of(page("one mute"))
    assert "nan" not in page("one mute").split("<body>")[1].lower()


def test_messages_of_two_roles_are_marked_as_perhaps_of_two_people(parts):
    coded, corpus, codes, lexicon = parts
    roles = np.where(np.arange(len(coded)) % 2, "supporter", "seeker")
    both = CodedMessages(coded.messages.assign(role=roles), coded.holds, coded.taxonomy)
    text = text_of(profile_page(profile(both, corpus, codes, lexicon, who="mute")))
    assert "messages of several roles" in text


def test_words_of_the_corpus_are_text_and_the_policy_admits_only_the_pages_style(page):
    found = page('<b id="who">')
    assert "<script" not in found
    assert "<img" not in found
    assert '<b id="who">' not in found
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in found
    assert "49" not in re.findall(r"<q.*?</q>", found)[0]
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', found)[1]
    style = re.search(r"<style>(.*?)</style>", found, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.replace("&#39;", "'").startswith(
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:;"
    )
    assert "unsafe" not in policy
    assert not re.search(r"<[^>]+ style=", found)
    assert "http" not in found.replace("http-equiv", "")


def test_the_same_profile_gives_the_same_page_with_its_notice(parts, page):
    assert page("p00") == page("p00")
    found = profile_page(profile(*parts, who="p00"), "These chats are synthetic.")
    assert '<p class="notice" role="note">These chats are synthetic.</p>' in found


@pytest.mark.parametrize("who", ["fan", "chatty", "one", '<b id="who">'])
def test_in_a_browser_nothing_overflows_and_nothing_is_asked_for(browser, page, tmp_path, who):
    path = tmp_path / "page.html"
    path.write_text(page(who), encoding="utf-8")
    said, asked = [], []
    for width in (1280, 390):
        tab = browser.new_page(viewport={"width": width, "height": 900})
        tab.on("console", lambda message: said.append(message.text))
        tab.on("request", lambda request: asked.append(request.url))
        tab.goto(path.as_uri())
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        dots = tab.locator("#shares .dot").evaluate_all(
            "dots => dots.map(dot => getComputedStyle(dot).fill)"
        )
        assert len(set(dots)) == 5  # four categories and the key: the style is admitted
        tab.close()
    assert said == []
    assert set(asked) == {path.as_uri()}
