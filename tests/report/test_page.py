"""The page in a real browser, at a desk's and at a phone's width."""

import re

import pytest

from saeidioms.report.build import build_report

expect = pytest.importorskip("playwright.sync_api").expect
ATTACK = (
    "<script>window.hit=1</script></script><script>window.hit=2</script>"
    "<img src=x onerror='window.hit=3'><svg onload='window.hit=4'><a href='javascript:hit=5'>go</a>"
    "\"'`-->]]>{{7*7}}${7*7}%{y}\u2028\u202ereversed\x00\x07"
)


@pytest.fixture(scope="module", params=[1280, 390])
def visit(browser, request):
    """Open pages; in the end none may have said an error or asked for anything but its file."""
    said, asked, opened = [], [], []
    context = browser.new_context(viewport={"width": request.param, "height": 900})

    def open_page(path):
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        opened.append(path.as_uri())
        page.goto(path.as_uri() + "#feature-0")
        return page

    yield open_page
    context.close()
    assert said == []
    assert [url for url in asked if not url.startswith(("data:", "blob:"))] == opened


@pytest.fixture(scope="module")
def opened(visit, page_path):
    return visit(page_path)


@pytest.fixture
def page(opened):
    """The page of 150 features, as it is when nothing was searched and no card is open."""
    opened.emulate_media(color_scheme="light")
    opened.evaluate("location.hash = ''")
    opened.locator("#kind").select_option("")
    opened.locator("#search").fill("")
    expect(opened.get_by_role("dialog")).to_be_hidden()
    return opened


def test_an_address_opens_its_card_and_an_unknown_one_opens_none(opened):
    card = opened.get_by_role("dialog")
    expect(card).to_contain_text("Feature 0")
    opened.evaluate("location.hash = '#feature-18'")
    expect(card).to_contain_text("Feature 18")
    opened.evaluate("location.hash = '#feature-999'")
    expect(card).to_be_hidden()


def test_the_chart_is_drawn_and_nothing_overflows(page):
    width = page.viewport_size["width"]
    chart = page.locator("#chart-1 .main-svg").first
    expect(chart).to_be_visible()
    assert chart.bounding_box()["width"] <= width
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for figure in page.locator("figure").all():
        assert figure.evaluate("figure => figure.scrollWidth <= figure.clientWidth")
    assert page.locator("#chart-1 .point, #chart-1 .points path").count() >= 10
    expect(page.get_by_role("note")).to_contain_text("synthetic")


def test_search_finds_features_by_label_idiom_and_example(page):
    page.locator("h1").click()
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.type("upset (7")
    expect(page.locator("#found")).to_have_text("1 of 150 features")
    assert page.locator("#table tbody tr").count() == 1
    page.locator("#search").fill("NICE to meet")
    expect(page.locator("#found")).to_have_text("25 of 150 features")
    page.locator("#search").fill("no such words anywhere")
    expect(page.locator("#found")).to_have_text("0 of 150 features")


def test_rows_come_in_portions(page):
    rows = page.locator("#table tbody tr")
    assert rows.count() == 50
    page.get_by_role("button", name="Show 50 more").click()
    page.get_by_role("button", name="Show 50 more").click()
    assert rows.count() == 150
    expect(page.locator("#more")).to_be_hidden()


def test_features_can_be_filtered_and_sorted(page):
    rows = page.locator("#table tbody tr")
    page.locator("#kind").select_option("self-oriented")
    expect(page.locator("#found")).to_have_text("25 of 150 features")
    page.get_by_role("button", name="Feature").click()
    assert page.locator("th[aria-sort=ascending]").inner_text().startswith("Feature")
    first = rows.first.inner_text()
    page.get_by_role("button", name="Feature").click()
    assert rows.first.inner_text() > first
    page.get_by_role("button", name="Density").click()


def test_a_card_opens_by_enter_shows_examples_and_closes_by_escape(page):
    link = page.locator("#table a[href='#feature-1']")
    link.focus()
    page.keyboard.press("Enter")
    card = page.get_by_role("dialog")
    expect(card).to_be_visible()
    expect(card).to_contain_text("it is understandable that you feel")
    expect(card).to_contain_text("validating emotions (Affective)")
    assert card.locator(".examples:not(.groups) li").count() == 6 + 3 * 4
    bars = card.locator(".activation i")
    assert card.locator("mark").first.inner_text() == "it is understandable that you feel"
    assert card.locator(".histogram i").count() == 16
    expect(card.locator(".groups li").nth(1)).to_contain_text("coach (300 sentences)")
    assert bars.first.evaluate("bar => bar.style.getPropertyValue('--part')").startswith("0.98")
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()
    expect(page).to_have_url(re.compile("#features$"))
    expect(link).to_be_focused()


def test_j_and_k_go_through_the_listing(page):
    page.locator("#kind").select_option("self-oriented")
    page.locator("h1").click()  # where one types, j and k are letters
    card = page.get_by_role("dialog")
    page.keyboard.press("j")
    expect(card).to_be_visible()
    first = page.url
    page.keyboard.press("j")
    expect(page).not_to_have_url(first)
    page.keyboard.press("k")
    expect(page).to_have_url(first)
    page.keyboard.press("/")
    expect(card).to_be_hidden()
    page.keyboard.type("jk")
    expect(page.locator("#search")).to_have_value("jk")


def test_a_card_leads_to_features_that_fire_on_similar_units(page):
    page.evaluate("location.hash = '#feature-3'")
    neighbour = page.get_by_role("dialog").locator(".neighbours a").first
    target = neighbour.get_attribute("href")
    neighbour.click()
    expect(page).to_have_url(re.compile(f"{target}$"))
    expect(page.get_by_role("dialog")).to_contain_text(f"Feature {target.split('-')[1]}")


def test_features_are_filtered_by_quality_and_flag(page):
    page.locator("#least-fidelity").select_option("0.7")
    expect(page.locator("#found")).to_have_text("149 of 150 features")
    page.locator("#least-fidelity").select_option("")
    for name in ("#flagged", "#weak"):
        page.locator(name).uncheck()
        expect(page.locator("#found")).to_have_text("149 of 150 features")
        page.locator(name).check()
        expect(page.locator("#found")).to_have_text("150 of 150 features")


def test_a_whole_category_can_be_asked_for(page):
    page.locator("#kind").select_option("all Affective")
    expect(page.locator("#found")).to_have_text("50 of 150 features")
    kinds = set(page.locator("#table .kind").all_inner_texts())
    assert kinds == {"expressing sympathy", "validating emotions"}


def test_a_bar_leads_to_the_features_behind_it(page):
    page.evaluate(
        """document.getElementById("chart-1").emit("plotly_click",
        {points: [{y: "self-oriented"}]})"""
    )
    expect(page.locator("#kind")).to_have_value("self-oriented")
    expect(page.locator("#found")).to_have_text("25 of 150 features")


def test_a_point_of_the_map_opens_its_card(page):
    page.evaluate(
        """document.getElementById("chart-2").emit("plotly_click",{points: [{id: "7"}]})"""
    )
    expect(page.get_by_role("dialog")).to_contain_text("Feature 7")


def test_what_is_framed_on_the_map_is_listed_until_all_are_asked_for(page):
    page.evaluate(
        """document.getElementById("chart-2").emit("plotly_selected",
        {points: [{id: "7"}, {id: "9"}, {id: "11"}]})"""
    )
    expect(page.locator("#found")).to_contain_text("3 of 150 features, of 3 chosen on the map")
    assert page.locator("#table tbody tr").count() == 3
    page.get_by_role("button", name="all again").click()
    expect(page.locator("#found")).to_have_text("150 of 150 features")


def test_shares_stand_side_by_side_by_the_column_chosen(page):
    table = page.locator("#compared-table")
    expect(table.locator("thead th")).to_have_text(["control n = 200", "coach n = 200"])
    assert table.locator("tbody tr").count() == 14
    row = table.locator("tbody tr", has_text="advice-giving")
    shares = [float(text.split("%")[0]) for text in row.locator("td").all_inner_texts()]
    assert shares[0] == pytest.approx(2 * shares[1], abs=0.2)
    page.locator("#compared-by").select_option("setting")
    expect(table.locator("thead th").first).to_have_text("home n = 200")
    page.locator("#compared-by").select_option("arm")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_can_be_used_by_everybody(page, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe is installed")
    page.emulate_media(color_scheme=scheme)
    for state in ("", "#feature-1"):
        page.evaluate(f"location.hash = '{state}'")
        found = axe.Axe().run(page).response["violations"]
        serious = [one for one in found if one["impact"] in ("serious", "critical")]
        assert [(one["id"], one["nodes"][0]["html"]) for one in serious] == []


def test_in_the_dark_page_and_chart_swap_ink_and_paper(page):
    label = page.locator("#chart-1 .ytick text").first
    light = label.evaluate("node => getComputedStyle(node).fill")
    page.emulate_media(color_scheme="dark")
    ink = page.evaluate("getComputedStyle(document.body).color")
    assert ink != light
    expect(page.locator("#chart-1 .ytick text").first).to_have_css("fill", ink)


@pytest.fixture(scope="module")
def attacked_path(run_parts, tmp_path_factory):
    parts = run_parts(n_features=5, extra=ATTACK, idiom_extra=ATTACK, source=ATTACK)
    parts["codebook"].table["label"] = [f"{ATTACK} {number}" for number in range(5)]
    return build_report(tmp_path_factory.mktemp("attacked"), **parts)


def test_messages_that_attack_are_shown_as_text_and_run_nothing(visit, attacked_path):
    page = visit(attacked_path)
    card = page.get_by_role("dialog")
    expect(card.locator("h2")).to_contain_text("<script>window.hit=1</script>")
    expect(card.locator(".examples q").first).to_contain_text("{{7*7}}${7*7}")
    page.keyboard.press("Escape")
    page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
    expect(page.locator(".heard q").first).to_contain_text("<img src=x onerror")
    page.locator("#search").fill("<script>window")
    expect(page.locator("#found")).to_have_text("5 of 5 features")
    expect(page.locator("#chart-1 .main-svg").first).to_be_visible()
    assert page.evaluate("window.hit") is None
    assert page.locator("img, [onload], [onerror], a[href^='javascript']").count() == 0


def test_marks_stand_where_they_should_behind_signs_of_two_code_units(
    visit, run_parts, tmp_path_factory
):
    parts = run_parts(n_features=5)
    parts["features"].examples["text"] = "😀 👍🏽 " + parts["features"].examples["text"]
    page = visit(build_report(tmp_path_factory.mktemp("signs"), **parts))
    mark = page.get_by_role("dialog").locator("mark").first
    assert mark.inner_text() == "i am so sorry to hear that"
