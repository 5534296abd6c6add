"""Blocks as one page of HTML, laid out for paper, that fetches nothing and runs nothing."""

from __future__ import annotations

from pathlib import Path

from saeidioms.documents.blocks import Block, Heading, lines
from saeidioms.resources import templates

_TEMPLATE = Path(__file__).parent / "template"


def write_html(blocks: tuple[Block, ...]) -> str:
    """Return clean blocks as a page; every text is escaped, and keeps its own direction."""
    environment = templates(_TEMPLATE, {"lines": lines})
    title = next((block.text for block in blocks if isinstance(block, Heading)), "")
    return environment.get_template("codebook.html").render(title=title, blocks=blocks)
