"""What was said reads the same in every format, whatever it is, and has no markup of its own."""

import io
import math
import re
import shutil
import subprocess
import zipfile
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from docx import Document
from markdown_it import MarkdownIt

from saeidioms.documents import latex, markdown
from saeidioms.documents.blocks import Bullets, Heading, clean
from saeidioms.documents.book import (
    Agreement,
    Book,
    Category,
    Estimate,
    Feature,
    Idiom,
    Prevalence,
    Rest,
    SubCategory,
)
from saeidioms.documents.html import write_html
from saeidioms.documents.latex import write_latex
from saeidioms.documents.layout import lay_out
from saeidioms.documents.markdown import write_markdown
from saeidioms.documents.word import write_word
from saeidioms.documents.write import WRITERS

ATTACKS = (
    "a | b || c",
    "`code` and ```fence```",
    "<script>alert(1)</script> & <img src=x onerror=alert(2)>",
    "[click](javascript:alert(3)) ![x](http://evil.example/p.png)",
    "[x]: http://evil.example",
    "[ ] a box to tick",
    "# no heading",
    "- no list",
    "+ no list",
    "1. no list",
    "2) no list",
    "--- no rule ---",
    "===",
    "*no* _emphasis_ ~~here~~ $x^2$ ^up^ @someone #tag",
    "&lt;b&gt; &amp;amp; &#60;",
    "</td></tr></table></blockquote></bdi>",
    "{{ 7 * 7 }} {% include 'x' %}",
    "\\input{/etc/passwd} \\write18{ls} % comment & more # $ _ { } ~ ^",
    "\\end{longtable} \\\\[1cm] *[2cm]",
    "?` !` -- --- '' `` ,, << >>",
    "“curly” ‘quotes’ – — … × ÷ € ß é ł Ħ",
    "Ελληνικά русский 中文 日本語",
    "emoji 🙂 👨‍👩‍👧 ❤️ 🇩🇪",
    "שלום עולם and مرحبا",
    "one two three",
)
# What no reader may see, or that would break a file: removed, everything else stays.
REMOVED = "nul \x00 esc \x1b[31m bell \x07 rtl \u202e\u2067\u200f bom \ufeff half \ud800 no \uffff"
LEFT = "nul esc [31m bell rtl bom half no"


def feature(number, label, **changes):
    known = Feature(
        number, label, (label,), (label,), False, 0.5, 0.25, Estimate(0.6, 0.5, 0.7), 0.9
    )
    return replace(known, **changes)


def book_of(texts):
    """A book in which each text stands wherever one can stand."""
    prevalence = Prevalence(Estimate(0.25, 0.2, 0.3), 25)
    subs = tuple(
        SubCategory(
            *(text, text, (text,), (text,)),
            prevalence,
            Agreement(),
            (feature(number, text),),
            (Idiom(text, 7, 3),),
            (text, text),
        )
        for number, text in enumerate(texts)
    )
    first = texts[0]
    return Book(
        *(first, first, first, first),
        ((first, first),),
        0.95,
        (Category(first, first, prevalence, Agreement(), subs),),
        Prevalence(Estimate(0.1, math.nan, math.nan), 10),
        (Rest(first, first, 3),),
        Agreement(),
    )


@pytest.fixture(scope="module")
def attacked():
    return book_of(ATTACKS)


class Page(HTMLParser):
    """The texts of a page by their element, and the names of all elements and attributes."""

    def __init__(self, page):
        super().__init__()
        self.open, self.texts, self.names = [], {}, set()
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.names |= {tag, *(name for name, _ in attributes)}
        if tag not in ("meta", "col", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and data.strip():
            self.texts.setdefault(self.open[-1], []).append(data)


def spoken(tokens):
    """The texts of Markdown's inline tokens."""
    return ["".join(one.content for one in token.children) for token in tokens if token.children]


def test_html_shows_every_text_and_takes_no_element_from_any(attacked):
    page = Page(write_html(lay_out(attacked)))
    expected = [clean(text) for text in ATTACKS]
    assert page.open == []
    assert page.texts["h3"] == expected
    assert page.texts["blockquote"] == [text for text in expected for _ in range(2)]
    assert set(expected) <= set(page.texts["div"])
    assert set(expected) <= set(page.texts["bdi"])
    assert not page.names & {"script", "img", "a", "iframe", "onerror", "href", "src"}


def test_html_fetches_nothing_and_is_laid_out_for_paper(attacked):
    page = write_html(lay_out(attacked))
    assert "default-src 'none'" in page
    assert "@page" in page
    assert "thead { display: table-header-group; }" in page


def test_markdown_shows_every_text_and_takes_no_markup_from_any(attacked):
    written = write_markdown(lay_out(attacked))
    tokens = MarkdownIt("gfm-like", {"html": True, "linkify": False}).parse(written)
    expected = [clean(text) for text in ATTACKS]
    shown = spoken(tokens)
    for text in expected:
        assert shown.count(text) >= 6, text  # heading, two lists, two examples, label
    kinds = {one.type for token in tokens for one in token.children or ()}
    assert kinds <= {
        *("text", "text_special", "softbreak", "strong_open", "strong_close"),
        *("em_open", "em_close", "html_inline"),
    }
    inline = {
        one.content for token in tokens for one in token.children or () if one.type == "html_inline"
    }
    assert inline <= {"<br>"}
    assert not {token.type for token in tokens} & {"html_block", "fence", "code_block", "hr"}


def test_markdown_tables_keep_their_columns(attacked):
    written = write_markdown(lay_out(attacked))
    html = Page(MarkdownIt("gfm-like", {"linkify": False}).render(written))
    assert html.open == []
    rows = [line for line in written.splitlines() if line.startswith("|")]
    widths = [len(re.split(r"(?<!\\)\|", row)) for row in rows]
    assert set(widths) == {4, 5, 9, 10}  # facts; groups; overview; features
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(written)
    tables = sum(token.type == "table_open" for token in tokens)
    assert tables == 3 + len(ATTACKS)


def test_word_shows_every_text_when_it_is_opened_again(attacked):
    document = Document(io.BytesIO(write_word(lay_out(attacked))))
    expected = [clean(text) for text in ATTACKS]
    by_style = {}
    for paragraph in document.paragraphs:
        by_style.setdefault(paragraph.style.name, []).append(paragraph.text)
    assert by_style["Heading 2"] == expected
    assert by_style["Quote"] == [text for text in expected for _ in range(2)]
    features = document.tables[2:-1]
    assert [table.cell(1, 1).text for table in features] == expected
    assert [cell.text for cell in features[0].rows[0].cells][:4] == [
        *("No.", "Label", "Idioms", "Examples")
    ]
    section = document.sections[0]
    assert section.page_width > section.page_height
    assert document.core_properties.title == ATTACKS[0]


def test_word_files_repeat_byte_by_byte_and_know_no_time(attacked):
    first, second = (write_word(lay_out(attacked)) for _ in range(2))
    assert first == second
    with zipfile.ZipFile(io.BytesIO(first)) as file:
        assert {entry.date_time for entry in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        core = file.read("docProps/core.xml").decode()
    assert set(re.findall(r"\d{4}-\d\d-\d\dT[\d:]+Z", core)) == {"2000-01-01T00:00:00Z"}


_MEANT = {
    **{r"\textbackslash{}": "\\", r"\textasciitilde{}": "~", r"\textasciicircum{}": "^"},
    **{r"\textasciigrave{}": "`", r"\textless{}": "<", r"\textgreater{}": ">"},
    **{r"\textbar{}": "|", r"\textquotedbl{}": '"', "{[}": "[", "{]}": "]", "{*}": "*"},
    **{r"\textquotedblleft{}": "“", r"\textquotedblright{}": "”", r"\textquoteleft{}": "‘"},
    **{r"\textquoteright{}": "’", r"\textendash{}": "–", r"\textemdash{}": "—"},
    **{r"\textellipsis{}": "…", r"\textbullet{}": "•", r"\texttimes{}": "×", r"\textdiv{}": "÷"},
    **{r"\texteuro{}": "€", r"\textdagger{}": "†", "{}": "", r"\allowbreak{}": ""},
    **{f"\\{one}": one for one in "{}#$%&_"},
}
_TOKEN = re.compile(
    r"\\Unicode\{([0-9A-F]+)\}|" + "|".join(map(re.escape, sorted(_MEANT, key=len, reverse=True)))
)


def printed(source):
    """What TeX prints of an escaped text; fails where something is left that TeX would act on."""
    parts, done = [], 0
    for found in _TOKEN.finditer(source):
        plain = source[done : found.start()]
        assert not set(plain) & set('\\{}#$%&_^~`<>|"[]*'), source
        parts += [plain, chr(int(found[1], 16)) if found[1] else _MEANT[found[0]]]
        done = found.end()
    rest = source[done:]
    assert not set(rest) & set('\\{}#$%&_^~`<>|"[]*'), source
    return "".join([*parts, rest])


@pytest.mark.parametrize("text", [*ATTACKS, "".join(map(chr, range(32, 127))), "".join(ATTACKS)])
def test_latex_prints_every_text_and_takes_no_command_from_any(text):
    escaped = latex.escape(text)
    without_variation = text.replace("\ufe0f", "")
    assert printed(escaped) == without_variation


def test_latex_may_break_a_word_that_no_column_holds():
    address = "https://example.org/a_long/path?with=numbers&more"
    escaped = latex.escape(f"see {address} now")
    assert escaped.startswith("see https://\\allowbreak{}example.\\allowbreak{}org/")
    assert printed(escaped) == f"see {address} now"
    assert "allowbreak" not in latex.escape("responsibilities of participants")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex, which CI has not")
def test_latex_compiles_whatever_is_said_without_a_line_too_wide(tmp_path):
    long = (
        "https://example.org/" + "path/" * 30,
        "a" * 200,
        "😀" * 40,
        "Donaudampfschifffahrt" * 6,
    )
    texts = (*ATTACKS, *long, REMOVED, "".join(map(chr, range(0xA1, 0x180))))
    (tmp_path / "codebook.tex").write_text(write_latex(lay_out(book_of(texts))), encoding="utf-8")
    for _ in range(2):  # longtable learns its widths from the first
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "codebook.tex"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, timeout=120)
        log = done.stdout.decode("latin-1")
        assert done.returncode == 0, log[-2000:]
    assert "Missing character" not in log
    wide = [float(points) for points in re.findall(r"Overfull \\hbox \(([\d.]+)pt", log)]
    assert max(wide, default=0) < 10, log


def test_latex_breaks_what_its_fonts_would_join():
    assert latex.escape("a -- b --- c ''d'' ,,e") == ("a -{}- b -{}-{}- c '{}'d'{}' ,{},e")


def test_latex_names_every_character_that_its_engines_may_lack():
    for code in (*range(0xA0, 0x250), *range(0x2010, 0x2100), 0x4E2D, 0x1F642):
        escaped = latex.escape(chr(code))
        if escaped == chr(code):
            assert 0xA1 <= code <= 0x17F, hex(code)
        else:
            assert escaped.startswith(("\\text", "\\Unicode{")), hex(code)


def test_latex_opens_and_closes_all_that_it_begins(attacked):
    source = write_latex(lay_out(attacked))
    stack = []
    for kind, name in re.findall(r"(?<!\\)\\(begin|end)\{(\w+)\}", source):
        if kind == "begin":
            stack.append(name)
        else:
            assert stack.pop() == name
    assert stack == []
    body = re.sub(r"\\[{}]", "", re.sub(r"\\\\", "", source))
    assert body.count("{") == body.count("}")
    assert source.count(r"\begin{longtable}") == 3 + len(ATTACKS)
    for name in ("booktabs", "longtable", "array", "caption"):
        assert f"\\usepackage{{{name}}}" in source


def test_latex_rows_have_a_cell_for_each_column(attacked):
    source = write_latex(lay_out(attacked))
    for table in re.findall(r"\\begin\{longtable\}.*?\\end\{longtable\}\}", source, re.DOTALL):
        columns = len(re.findall(r"arraybackslash\}p", table))
        rows = re.findall(r"^.* & .*(?= \\\\(?:\*| \\addlinespace)?$)", table, re.MULTILINE)
        assert rows
        for row in rows:
            assert len(re.findall(r"(?<!\\)&", row)) == columns - 1


@pytest.mark.parametrize("name", WRITERS)
def test_what_breaks_files_or_turns_writing_is_removed(name):
    written = WRITERS[name](lay_out(book_of((REMOVED,))))
    text = written if isinstance(written, str) else _text_of(written)
    assert LEFT in text.replace("{[}", "[")
    assert not set(text) & set("\x00\x07\x1b\u202e\u2067\u200f\ufeff\ud800\uffff")
    text.encode("utf-8")


def _text_of(written):
    return "\n".join(one.text for one in Document(io.BytesIO(written)).paragraphs)


def test_joiners_of_emoji_and_persian_stay():
    for text in ("👨‍👩‍👧", "می‌خواهم"):
        assert clean(text) == text


def test_a_text_cannot_end_its_line():
    assert clean("one\r\ntwo\u2028three\x85four\vfive") == "one two three four five"
    blocks = lay_out(book_of(("a\n\n# b",)))
    assert blocks[0] == Heading("a # b", 1)


def test_a_number_of_a_share_is_not_taken_for_a_list():
    assert markdown.escape("47.3%") == "47.3%"
    assert markdown.escape("47. three") == "47\\. three"


def test_an_address_of_the_web_becomes_no_link_in_markdown():
    escaped = markdown.escape("see https://a.example and www.b.example")
    assert escaped == "see https\\://a.example and www\\.b.example"


def test_lists_of_nothing_are_left_out(attacked):
    category = attacked.categories[0]
    bare = replace(
        category.sub_categories[0], include=(), exclude=(), idioms=(), examples=(), features=()
    )
    book = replace(attacked, categories=(replace(category, sub_categories=(bare,)),))
    blocks = lay_out(book)
    assert not [block for block in blocks if isinstance(block, Bullets)]
    for write in WRITERS.values():
        assert write(blocks)
