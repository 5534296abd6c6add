import base64
import hashlib
import re
from html.parser import HTMLParser

import plotly.graph_objects as go
import pytest

from saeidioms.report import sections
from saeidioms.report.build import build_report
from saeidioms.sae.sparsity import RULES

ATTACK = "<script>alert(1)</script><img src=x onerror=alert(1)>\u2028{{7*7}}"


class Page(HTMLParser):
    """Collects the elements of a page with their attributes, and the text of its scripts."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.scripts = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data):
        if self.elements and self.elements[-1][0] == "script":
            self.scripts[-1] += data

    def handle_endtag(self, tag):
        self.elements.append((f"/{tag}", {}))


@pytest.fixture(scope="module")
def page(page_path):
    return Page(page_path.read_text(encoding="utf-8"))


def test_the_same_parts_give_the_same_bytes(tmp_path, run_parts):
    one = build_report(tmp_path / "one", **run_parts())
    two = build_report(tmp_path / "two", **run_parts())
    assert one.read_bytes() == two.read_bytes()


def test_a_page_of_1024_features_with_long_examples_stays_under_10_mb(tmp_path, run_parts):
    parts = run_parts(n_features=1024, n_examples=12, extra=" and a long tale of woe" * 10)
    path = build_report(tmp_path, **parts)
    assert path.stat().st_size < 10_000_000
    assert "To keep this file small" in path.read_text(encoding="utf-8")


def test_the_policy_admits_the_pages_own_scripts_and_nothing_else(page):
    policy = next(a["content"] for _, a in page.elements if "http-equiv" in a)
    assert policy.startswith("default-src 'none'")
    kinds = [attributes.get("type") for tag, attributes in page.elements if tag == "script"]
    code = [text for kind, text in zip(kinds, page.scripts, strict=True) if kind is None]
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in code]
    assert re.findall(r"'sha256-([^']+)'", policy) == digests
    assert "unsafe" not in policy.split("script-src")[1].split(";")[0]


def test_the_page_refers_to_nothing_outside_itself(page):
    addresses = [
        attributes[name]
        for _, attributes in page.elements
        for name in ("src", "href", "action", "srcset")
        if name in attributes
    ]
    assert addresses
    assert all(address.startswith(("#", "data:")) for address in addresses)


def test_words_of_the_corpus_become_no_element(tmp_path, run_parts):
    parts = run_parts(extra=ATTACK, idiom_extra=ATTACK, source=ATTACK)
    text = build_report(tmp_path, **parts, notice=ATTACK).read_text(encoding="utf-8")
    names = {tag for tag, _ in Page(text).elements}
    assert "img" not in names
    assert "<script>alert" not in text
    assert "{{7*7}}" in text
    assert all(name[:2] != "on" for _, found in Page(text).elements for name in found)


def test_a_source_named_in_broken_utf_8_does_not_break_the_page(tmp_path, run_parts):
    parts = run_parts(source="\udcff")  # how Python reads such a file name
    assert "<title>pilot?.csv" in build_report(tmp_path, **parts).read_text(encoding="utf-8")


def test_more_figures_follow_the_distribution_with_their_headings(tmp_path, run_parts):
    figure = go.Figure(go.Scatter(x=[1, 2], y=[3, 4]))
    path = build_report(tmp_path, **run_parts(), figures=[("Change & growth", figure)])
    text = path.read_text(encoding="utf-8")
    assert "Figure 2.</b> Change &amp; growth" in text
    assert text.index('id="chart-1"') < text.index('id="chart-2"') < text.index('id="corpus"')


def test_what_was_read_and_dropped_is_said_with_the_first_rows(tmp_path, run_parts):
    parts = run_parts()
    text = build_report(tmp_path, **parts).read_text(encoding="utf-8")
    assert "Read 61 messages in 11 conversations from chats/pilot.csv" in text
    assert '<th scope="row">empty</th><td>3</td>' in text
    assert "4, 9, 12" in text
    parts["corpus"].report.dropped.clear()
    text = build_report(tmp_path, **parts).read_text(encoding="utf-8")
    assert "Dropped because" not in text


def test_a_sub_category_tells_the_form_that_speaks_for_it_and_its_stability_is_said(page_path):
    page = " ".join(page_path.read_text(encoding="utf-8").split())
    sub_categories = page.split('<section id="taxonomy">')[1].split('<section id="features">')[0]
    assert "question ×2.7" in sub_categories  # exp(1), of the last
    assert sub_categories.count("<b>Form:</b>") < sub_categories.count("<details>")
    assert "Stable features" in page


def test_a_rule_of_sparsity_is_called_as_its_class_is():
    assert {name: type(rule).__name__ for name, rule in RULES.items()} == sections.RULES
