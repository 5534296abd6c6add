"""Run the notebooks anew, and save them with what they print and draw.

    python scripts/notebooks.py [NOTEBOOK ...]

To be done where a change shows in their outputs. Figures are saved as PNG, too, since GitHub runs
no JavaScript. All run in one temporary folder, in their order: a demo run that one made is there
for the next.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from tqdm import tqdm

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"


def tidy(notebook: nbformat.NotebookNode) -> None:
    """Leave out what is no result: times of running, progress bars, what was logged."""
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [out for out in cell.outputs if out.get("name") != "stderr"]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    every = sorted(FOLDER.glob("*.ipynb"))
    parser.add_argument("notebooks", nargs="*", type=Path, default=every, metavar="NOTEBOOK")
    os.environ["PLOTLY_RENDERER"] = "plotly_mimetype+png"  # of the kernels that are started
    with tempfile.TemporaryDirectory() as place:
        for path in tqdm(parser.parse_args().notebooks, "notebooks", disable=None):
            notebook = nbformat.read(path, as_version=4)
            resources = {"metadata": {"path": place}}
            NotebookClient(notebook, timeout=600, resources=resources).execute()
            tidy(notebook)
            nbformat.write(notebook, path)


if __name__ == "__main__":
    main()
