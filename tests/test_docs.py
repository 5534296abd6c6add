"""The documentation is a promise: its commands and Python are run as they stand, on the demo."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from saeidioms import cli, pipeline
from saeidioms.analyses import common
from saeidioms.corpus.demo import demo_frame

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
BLOCK = re.compile(r"```(bash|python)\n(.*?)```", flags=re.DOTALL)


@pytest.fixture(scope="module")
def place(demo_run, tmp_path_factory):
    """A demo run in small, as the pages speak of it: ``demo/run``, and other chats beside it."""
    place = tmp_path_factory.mktemp("docs")
    shutil.copytree(demo_run, place / "demo")
    demo_frame(participants=8, seed=1).to_csv(place / "demo" / "others.csv", index=False)
    return place


@pytest.fixture
def quick(monkeypatch):
    """Answer questions without drawing the report anew after each: the run's own is drawn."""
    monkeypatch.setattr(common, "advance", lambda run, until="codes": pipeline.advance(run, until))


@pytest.mark.parametrize(
    "page", [page for page in PAGES if BLOCK.search(page.read_text(encoding="utf-8"))],
    ids=lambda page: page.stem,
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::RuntimeWarning:runpy")  # `-m` of what is imported already
def test_what_a_page_tells_to_do_works(page, place, quick, monkeypatch):
    monkeypatch.chdir(place)
    names: dict[str, object] = {}
    for kind, block in BLOCK.findall(page.read_text(encoding="utf-8")):
        if kind == "python":
            exec(block, names)
            continue
        for line in block.splitlines():
            program, *arguments = shlex.split(line, comments=True)
            assert program == "saeidioms", f"{page}: say ```console for what is not run: {line}"
            cli.main(arguments)


@pytest.mark.filterwarnings("default")
def test_the_site_is_built_and_its_links_lead_somewhere(tmp_path):
    pytest.importorskip("mkdocs", reason="the docs extra is not installed")
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    build(load_config(str(ROOT / "mkdocs.yml"), site_dir=str(tmp_path / "site")))
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(pages) > len(PAGES)
    assert not any("unpkg.com" in page.read_text(encoding="utf-8") for page in pages)
