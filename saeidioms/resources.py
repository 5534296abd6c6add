"""What ships with the package: configurations, taxonomies, templates of pages."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jinja2

from saeidioms.errors import OptionError

_PACKAGE = Path(__file__).resolve().parent


def configs_folder() -> Path:
    """Return the folder of shipped YAML files: inside an installed package, or the checkout's."""
    installed = _PACKAGE / "configs"
    return installed if installed.is_dir() else _PACKAGE.parent / "configs"


def find_config(name: str | Path, kind: str = ".") -> Path:
    """Return the YAML file that `name` means: a path, or the bare name of a shipped one.

    Parameters
    ----------
    name
        A path to a YAML file, or for instance ``"empathy"`` or ``"lend_an_ear"``.
    kind
        Subfolder of the shipped configurations: ``"."`` (runs) or ``"taxonomies"``.

    Raises
    ------
    OptionError
        If there is neither such a file nor such a name; the nearest shipped name is offered.
    """
    path = Path(name)
    if path.is_file():
        return path
    folder = configs_folder() / kind
    shipped = folder / f"{name}.yaml"
    if shipped.is_file():
        return shipped
    names = sorted(file.stem for file in folder.glob("*.yaml"))
    near = difflib.get_close_matches(str(name), names, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise OptionError(f"{name} is no YAML file; {hint}shipped names are: {', '.join(names)}.")


def templates(folder: Path, filters: Mapping[str, Callable[..., Any]]) -> jinja2.Environment:
    """Return the templates of a folder: every value is escaped, and none may be missing."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= filters
    return environment
