"""Every notebook runs from top to bottom, and what is saved in it is what it says."""

from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """One folder for all: a demo run that one notebook made is there for the next."""
    return tmp_path_factory.mktemp("notebooks")


@pytest.mark.notebook
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.filterwarnings("default")  # those of the kernel are not ours
def test_a_notebook_runs_from_top_to_bottom(path, place):
    nbclient = pytest.importorskip("nbclient", reason="the notebook extra is not installed")
    nbformat = pytest.importorskip("nbformat")
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": place}}
    nbclient.NotebookClient(notebook, timeout=300, resources=resources).execute()
    last = notebook.cells[-1].outputs[-1]
    assert "application/vnd.plotly.v1+json" in last["data"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_saved_with_its_outputs(path):
    nbformat = pytest.importorskip("nbformat", reason="the notebook extra is not installed")
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    outputs = [output for cell in cells for output in cell.outputs]
    assert not any(output.output_type == "error" for output in outputs)
    assert "image/png" in outputs[-1]["data"]  # which shows where no JavaScript runs
