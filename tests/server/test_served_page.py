"""The served page in a real browser, at a desk's and at a phone's width, with a hostile corpus."""

import re

import pytest

from saeidioms.server.serve import redirecting

expect = pytest.importorskip("playwright.sync_api").expect
CONFLICT = "Failed to load resource: the server responded with a status of 409 (Conflict)"


@pytest.fixture(params=[1280, 390])
def visit(browser, request, address):
    """Open the page, in as many tabs as are asked for; none may say an error or ask elsewhere."""
    said, asked = [], []
    context = browser.new_context(viewport={"width": request.param, "height": 900})

    def open_page(feature=None):
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address if feature is None else f"{address}#feature-{feature}")
        expect(page.locator("#messages")).to_be_attached()
        return page

    open_page.said = said
    yield open_page
    context.close()
    assert said == []
    home = address.split("?")[0]
    assert [url for url in asked if not url.startswith((home, "data:", "blob:"))] == []


def form_of(page):
    form = page.get_by_role("form", name="In your words")
    return form, form.get_by_label("Label"), form.get_by_label("Sub-category")


def test_the_key_leaves_the_address_and_the_page_opens_again_without_it(visit):
    page = visit(3)
    expect(page).to_have_url(re.compile(r"^http://127\.0\.0\.1:\d+/#feature-3$"))
    page.reload()
    expect(form_of(page)[0]).to_be_visible()


def test_a_word_is_saved_by_itself_shown_everywhere_and_there_after_reloading(visit):
    page = visit(3)
    form, label, place = form_of(page)
    label.fill("says well done")
    place.select_option("affirming")
    form.get_by_label("Note").fill("a clear case")
    expect(form.get_by_role("status")).to_contain_text("saved; codes and report follow by: saei")
    card = page.get_by_role("dialog")
    expect(card.get_by_role("heading", name="says well done")).to_be_visible()
    expect(card.locator("dl.facts")).to_contain_text("affirming (Motivational)")
    page.keyboard.press("Escape")
    expect(page.locator("#pending")).to_contain_text("1 feature is edited")
    page.locator("#search").fill("well done")
    expect(page.locator("#table tbody tr")).to_have_count(1)
    expect(page.locator("#table tbody tr")).to_contain_text("edited")
    page.reload()
    page.evaluate("location.hash = '#feature-3'")
    form, label, place = form_of(page)
    expect(label).to_have_value("says well done")
    expect(place).to_have_value("affirming")
    expect(form.get_by_label("Note")).to_have_value("a clear case")


def test_what_is_typed_last_is_saved_when_one_goes_on_at_once(visit):
    page = visit(3)
    form_of(page)[1].fill("typed in haste")
    with page.expect_response("**/api/features/3/word"):
        page.evaluate("location.hash = '#feature-4'")
    expect(page.get_by_role("dialog")).to_contain_text("Feature 4")
    page.evaluate("location.hash = '#feature-3'")
    expect(form_of(page)[1]).to_have_value("typed in haste")


def test_letters_that_are_typed_into_a_field_are_no_commands(visit):
    page = visit(3)
    label = form_of(page)[1]
    expect(label).to_be_visible()
    page.keyboard.press("e")
    expect(label).to_be_focused()
    page.keyboard.type("jk/e")
    expect(label).to_have_value("jk/e")
    expect(page).to_have_url(re.compile("#feature-3$"))


def test_two_tabs_do_not_write_over_each_other(visit):
    one, two = visit(3), visit(3)
    form_of(one)[1].fill("the first")
    expect(form_of(one)[0].get_by_role("status")).to_contain_text("saved;")
    form, label, _ = form_of(two)
    label.fill("the second")
    expect(form.get_by_role("alert")).to_contain_text("Changed elsewhere: the first")
    expect(form.get_by_role("status")).to_have_text("not saved")
    two.evaluate("location.hash = '#feature-4'")  # what is not saved is not forgotten
    two.evaluate("location.hash = '#feature-3'")
    expect(label).to_have_value("the second")
    form.get_by_role("button", name="Keep mine").click()
    expect(form.get_by_role("status")).to_contain_text("saved;")
    form_of(one)[1].fill("the third")
    expect(form_of(one)[0].get_by_role("alert")).to_contain_text("the second")
    form_of(one)[0].get_by_role("button", name="Take theirs").click()
    expect(form_of(one)[1]).to_have_value("the second")
    assert visit.said == [CONFLICT, CONFLICT]
    visit.said.clear()


def test_a_server_that_is_gone_is_told_and_nothing_typed_is_lost(visit):
    page = visit(3)
    form, label, _ = form_of(page)
    page.context.set_offline(True)
    label.fill("typed offline")
    expect(form.get_by_role("status")).to_contain_text("not saved: the explorer does not answer")
    page.keyboard.press("Escape")
    expect(page.locator("#unsaved")).to_contain_text("Not saved:")
    page.context.set_offline(False)
    page.locator("#unsaved a").click()
    expect(label).to_have_value("typed offline")
    label.press("Enter")
    expect(form.get_by_role("status")).to_contain_text("saved;")
    expect(page.locator("#unsaved")).to_be_hidden()
    assert all("ERR_INTERNET_DISCONNECTED" in text for text in visit.said)
    visit.said.clear()


def test_an_answer_that_breaks_off_is_told_and_the_form_saves_on(visit):
    page = visit(3)
    form, label, _ = form_of(page)
    page.route("**/word", lambda route: route.fulfill(content_type="application/json", body="{"))
    label.fill("typed once")
    expect(form.get_by_role("status")).to_contain_text("not saved: the explorer does not answer")
    page.unroute("**/word")
    label.fill("typed twice")
    expect(form.get_by_role("status")).to_contain_text("saved;")


def test_all_examples_come_page_by_page(visit):
    page = visit(3)
    part = page.locator("#card .all")
    total = int(re.search(r"\(([\d,]+)\)", part.inner_text())[1].replace(",", ""))
    part.get_by_role("button", name="Show them").click()
    rows = part.locator("li:has(q)")
    expect(rows).to_have_count(min(total, 50))
    while part.get_by_role("button", name="Show").is_visible():
        before = rows.count()
        part.get_by_role("button", name="Show").click()
        expect(rows).not_to_have_count(before)
    expect(rows).to_have_count(total)
    expect(part.get_by_role("status")).to_have_text(f"{total} of {total}")
    expect(rows.first).to_contain_text("conversation")


def test_messages_are_searched_literally_and_lead_to_cards(visit):
    page = visit()
    page.get_by_label("Text, as it stands").fill("{{7*7}} ${7*7} {%")
    expect(page.locator("#messages-found")).to_have_text(re.compile(r"^6 of \d+ messages hold it$"))
    rows = page.locator("#messages-list > li")
    expect(rows).to_have_count(6)
    assert rows.first.locator("mark").inner_text() == "{{7*7}} ${7*7} {%"
    rows.first.locator("a").first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_label("Text, as it stands").fill("no such words anywhere")
    expect(page.locator("#messages-found")).to_have_text(re.compile("^0 of"))
    page.get_by_label("Text, as it stands").fill("")
    expect(page.locator("#messages-found")).to_have_text("")


def test_a_message_of_a_megabyte_is_cut_and_shown_whole_when_asked(visit, long_message):
    page = visit()
    page.get_by_label("Text, as it stands").fill("sorry <b>word</b>")
    item = page.locator("#messages-list > li")
    expect(item).to_have_count(1)
    assert len(item.locator("q").text_content()) == 2000
    item.get_by_role("button", name=f"All {len(long_message):,} characters").click()
    expect(item.get_by_role("button")).to_have_count(0)
    assert len(item.locator("q").text_content()) == len(long_message)


def test_messages_that_attack_are_shown_as_text_and_run_nothing(visit, attacks):
    page = visit(3)
    attack = f"{attacks[0]}{attacks[1]}"[:190]
    form, label, _ = form_of(page)
    label.fill(attack)
    form.get_by_label("Note").fill(attack)
    expect(form.get_by_role("status")).to_contain_text("saved;")
    page.reload()
    expect(page.locator("#card-title")).to_have_text(attack)
    page.locator("#card .all").get_by_role("button").click()
    page.locator("#card .all li:has(q)").first.wait_for()
    page.keyboard.press("Escape")
    for text in attacks:
        page.get_by_label("Text, as it stands").fill(text[:12])
        expect(page.locator("#messages-list q").first).to_contain_text(text[:12])
    page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
    page.locator("#table").get_by_text(attack[:30]).first.wait_for()
    assert page.evaluate("window.hit") is None
    assert page.locator("img, [onload], [onerror], a[href^='javascript']").count() == 0


def test_the_page_can_be_used_by_everybody(visit):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe is installed")
    page = visit(3)
    width = page.viewport_size["width"]
    form, label, _ = form_of(page)
    label.fill("says well done")
    expect(form.get_by_role("status")).to_contain_text("saved;")
    page.locator("#card .all").get_by_role("button").click()
    page.locator("#card .all li:has(q)").first.wait_for()
    for state in ("card", "search"):
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            found = axe.Axe().run(page).response["violations"]
            serious = [one for one in found if one["impact"] in ("serious", "critical")]
            told = [(state, scheme, one["id"], one["nodes"][0]["html"]) for one in serious]
            assert told == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.keyboard.press("Escape")
        page.get_by_label("Text, as it stands").fill("sorry")
        page.locator("#messages-list li").first.wait_for()


def test_the_report_itself_has_nothing_of_this(browser, finished):
    page = browser.new_page()
    page.goto((finished / "report" / "report.html").as_uri() + "#feature-3")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert page.locator("#messages, .word, .all, template").count() == 0
    assert page.evaluate("window.hit") is None
    page.close()


def test_the_file_that_the_browser_is_given_leads_to_the_page(browser, address, tmp_path):
    page = browser.new_page()
    with redirecting(address, tmp_path) as door:
        page.goto(door)
        expect(page.locator("#messages")).to_be_attached()
    page.close()
