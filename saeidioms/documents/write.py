"""Write a run's codebook and model card to its folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from saeidioms.artifacts import atomic_path
from saeidioms.documents.blocks import Block
from saeidioms.documents.collect import collect
from saeidioms.documents.html import write_html
from saeidioms.documents.latex import write_latex
from saeidioms.documents.layout import lay_out
from saeidioms.documents.markdown import write_markdown
from saeidioms.documents.word import write_word
from saeidioms.documents.words import Policy, Words
from saeidioms.errors import OptionError
from saeidioms.pipeline import advance
from saeidioms.run import Run

FOLDER = "documents"
WRITERS: dict[str, Callable[[tuple[Block, ...]], str | bytes]] = {
    "md": write_markdown,
    "html": write_html,
    "docx": write_word,
    "tex": write_latex,
}


def write_codebook(
    run: Run,
    formats: Sequence[str] = tuple(WRITERS),
    *,
    n_examples: int = 2,
    words: Policy = "shown",
    names: Sequence[str] = (),
) -> list[Path]:
    """Write the codebook of a paper's supplement, to the folder ``documents`` of a run.

    Stages that are missing are made first. The same run gives the same bytes.

    Parameters
    ----------
    run
        A run.
    formats
        Of ``"md"``, ``"html"``, ``"docx"`` and ``"tex"``.
    n_examples
        Of each sub-category, and of each feature.
    words
        What is shown of participants' words: see `saeidioms.documents.words.Words`.
    names
        Columns of names of users, to be masked where words are.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    OptionError
        If there is no such format, policy or column, or `n_examples` is negative.
    ArtifactError
        If a file cannot be written.
    """
    if unknown := [name for name in formats if name not in WRITERS]:
        raise OptionError(f"format is {unknown[0]!r}; give {', '.join(WRITERS)}.")
    advance(run, "distribution")
    blocks = lay_out(collect(run, Words.of(run, words, names), n_examples))
    paths = []
    for name in dict.fromkeys(formats):
        written = WRITERS[name](blocks)
        path = run.folder.root / FOLDER / f"codebook.{name}"
        with atomic_path(path) as temporary:
            temporary.write_bytes(written.encode() if isinstance(written, str) else written)
        paths.append(path)
    return paths
