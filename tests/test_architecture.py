"""The house keeps its shape: imports go one way, files stay short."""

import ast
import configparser
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "saeidioms"
ROOMS = [
    *("errors", "seeds", "progress", "display", "resources", "artifacts", "machine", "config"),
    *("stats", "corpus", "embedding", "sae", "llm", "idioms", "taxonomy", "findings", "charts"),
    *("report", "run", "engine", "options", "stages", "pipeline", "people", "documents"),
    *("server", "analyses", "cli", "__main__"),
]
FILES = sorted(PACKAGE.rglob("*.py"))


def room_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def imported(tree: ast.AST) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in names if name.split(".")[0] == "saeidioms"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_imports_only_rooms_above_its_own(path):
    own = path.relative_to(PACKAGE).with_suffix("").parts[0]
    if own == "__init__":
        pytest.skip("the public names are imported lazily")
    for name in imported(ast.parse(path.read_text(encoding="utf-8"))):
        room = room_of(name)
        assert ROOMS.index(room) <= ROOMS.index(own), f"{path} imports {name}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_is_read_in_one_sitting(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


def test_files_of_a_room_do_not_import_each_other_in_circles():
    graph = {}
    for path in FILES:
        module = ".".join(("saeidioms", *path.relative_to(PACKAGE).with_suffix("").parts))
        graph[module] = imported(ast.parse(path.read_text(encoding="utf-8")))
    modules = set(graph)
    edges = {
        module: {target for name in names for target in modules if name.startswith(target + ".")}
        - {module, "saeidioms.__init__"}
        for module, names in graph.items()
    }
    done: set[str] = set()

    def visit(module: str, above: tuple[str, ...]) -> None:
        assert module not in above, f"circle: {' -> '.join((*above, module))}"
        if module not in done:
            for target in edges[module]:
                visit(target, (*above, module))
            done.add(module)

    for module in edges:
        visit(module, ())


def test_help_does_not_pay_for_torch():
    code = (
        "import sys; from saeidioms.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'transformers', 'pandas', 'plotly', 'sklearn'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_every_public_name_can_be_imported():
    import saeidioms

    for name in saeidioms.__all__:
        assert getattr(saeidioms, name) is not None


def test_no_public_name_is_hidden_by_a_room_of_that_name():
    public = (PACKAGE / "__init__.pyi").read_text(encoding="utf-8")
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")} - {"charts", "findings"}
    assert not [name for name in rooms if f"as {name}\n" in public]
    public = (PACKAGE / "findings" / "__init__.pyi").read_text(encoding="utf-8")
    files = {path.stem for path in (PACKAGE / "findings").glob("*.py")}
    assert not [name for name in files if f"as {name}\n" in public]


def test_every_room_is_installed():
    setup = configparser.ConfigParser()
    setup.read(PACKAGE.parent / "setup.cfg")
    rooms = [path.parent.relative_to(PACKAGE.parent) for path in PACKAGE.rglob("__init__.py")]
    names = {".".join(room.parts) for room in rooms}
    assert names | {"saeidioms.configs"} == set(setup["options"]["packages"].split())
