"""What objects show of themselves: the same in a notebook and a terminal, and never markup."""

import pytest
from rich.console import Console

from saeidioms.corpus.demo import demo_corpus
from saeidioms.display import Bars, Display, Marked, Share, Shown, Span, Table, percent
from saeidioms.taxonomy.taxonomy import Taxonomy

ATTACK = "<script>alert(1)</script>\x1b[2J\u202eevil"


def printed(thing):
    console = Console(width=120, force_terminal=False)
    with console.capture() as capture:
        console.print(thing)
    return capture.get()


@pytest.fixture
def hostile():
    class Hostile(Shown):
        def _display(self):
            cells = (ATTACK, Marked(ATTACK, (Span(0, 8, 0.9),)), Share(0.25), Bars((1, 2), ATTACK))
            table = Table(ATTACK, (ATTACK, "b", "c", "d"), [cells])
            return Display(ATTACK, {ATTACK: ATTACK}, (ATTACK,), (table,))

    return Hostile()


def test_a_text_can_bring_no_markup_into_a_notebook(hostile):
    html = hostile._repr_html_()
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert type(html) is str


def test_a_text_can_not_steer_a_terminal(hostile):
    for text in (printed(hostile), repr(hostile)):
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "alert(1)" in text


def test_marks_stand_where_the_spans_are():
    table = Table("", ("text",), [(Marked("so sorry, dear", (Span(3, 8, 0.5),)),)])
    html = Display("", tables=(table,)).html()
    assert "so <mark" in html
    assert ">sorry</mark>, dear" in html


def test_an_empty_table_is_not_shown():
    assert "nothing" not in Display("", tables=(Table("nothing", ("a",), []),)).html()


def test_the_unknown_is_a_dash():
    table = Table("", ("a", "b"), [(float("nan"), Share(float("nan")))])
    assert Display("", tables=(table,)).html().count("–") == 3  # the share says it twice
    assert percent(0.00123) == "0.12%"
    assert percent(0.1234) == "12.3%"


@pytest.mark.parametrize("make", [demo_corpus, lambda: Taxonomy.read("schwartz_values")])
def test_a_thing_shows_the_same_in_a_notebook_and_a_terminal(make):
    thing = make()
    title = thing._display().title
    assert title in thing._repr_html_()
    assert title in printed(thing)
    assert title in repr(thing)
    assert "\n" not in repr(thing)
