"""How stages are made: skipped while nothing changed, made again with all that follows if not."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from saeidioms.artifacts import digest_file, digest_json
from saeidioms.errors import ArtifactError, InputError, OptionError
from saeidioms.machine import measured
from saeidioms.run import Record, Run

logger = logging.getLogger(__name__)

ASIDE = "edited.csv"
_NEW = "not made yet"
Origin = dict[str, Any]  # what a stage was made from: version, options, digests of inputs


@dataclass(frozen=True)
class Stage:
    """One step of a run, and one folder of it.

    Attributes
    ----------
    name
        Name of the folder, and of the verb on the command line.
    make
        Fills an empty folder from what the run holds already.
    reads
        Earlier stages whose content `make` uses.
    options
        ``"section.option"`` -> value, of all that can change what is made.
    inputs
        Name -> content digest, of the files outside the run that `make` uses.
    edited
        A file that people edit in place: their edit is an input to what follows. A new proposal
        is then written beside it, under the second name.
    edit_of
        Inputs that an edit speaks of: where they change (another dictionary has other features),
        the edit is set aside, as ``edited.csv``, and the new proposal counts.
    version
        Raised when the same input would make something else.
    """

    name: str
    make: Callable[[Run, Path], None]
    reads: tuple[str, ...]
    options: Callable[[Run], dict[str, Any]]
    inputs: Callable[[Run], dict[str, str]] = lambda run: {}
    edited: tuple[str, str] | None = None
    edit_of: tuple[str, ...] = ()
    version: int = 1


def advance(run: Run, stages: Sequence[Stage], until: str | None = None) -> None:
    """Make every stage that is missing or stale, in order, up to and with `until`.

    The record is written after every stage, so that an interrupted run goes on where it was. Where
    what it asks for is refused, the earlier record stays.
    """
    with _recorded(run):
        for place, stage in enumerate(stages, 1):
            reason = why_stale(run, stages, stage)
            if reason is None:
                logger.debug("%-12s up to date", stage.name)
            else:
                again = "" if reason == _NEW else f", again: {reason}"
                logger.info("%-12s step %d of %d%s", stage.name, place, len(stages), again)
                _build(run, stages, stage)
            if stage.name == until:
                return


@contextmanager
def _recorded(run: Run) -> Iterator[None]:
    """Write the record of a run, and take it back where its options or its data are refused.

    A slip in an option would otherwise be asked for by every later verb on a finished run.
    """
    before = Record.read(run.folder.record)
    run.record.write(run.folder.record)
    try:
        yield
    except (InputError, OptionError):
        before.write(run.folder.record)
        raise


def why_stale(run: Run, stages: Sequence[Stage], stage: Stage) -> str | None:
    """Say why a stage must be made (again), naming what changed; None where it need not.

    Raises
    ------
    ArtifactError
        If an applied dictionary or codebook is not as it was.
    """
    manifest = run.folder.manifest(stage.name)
    frozen = stage.name in run.frozen
    reason = _NEW if manifest is None else _damage(run, stage, manifest)
    if frozen and reason:
        raise ArtifactError(
            f"{run.folder.stage(stage.name)}: {reason}; it came from {run.record.dictionary}: "
            "apply that run again into another folder."
        )
    if frozen or reason or manifest is None:
        return reason
    return _change(manifest["origin"], _origin(run, stages, stage))


def is_edited(run: Run, stage: Stage) -> bool:
    """Tell whether a person changed the stage's editable file since it was written."""
    manifest = run.folder.manifest(stage.name)
    if stage.edited is None or manifest is None:
        return False
    path = run.folder.stage(stage.name) / stage.edited[0]
    return path.is_file() and digest_file(path) != manifest["proposed"]


def _build(run: Run, stages: Sequence[Stage], stage: Stage) -> None:
    origin = _origin(run, stages, stage)
    edit = _edit(run, stage)
    before = run.folder.manifest(stage.name)
    manifest: dict[str, Any] = {"stage": stage.name, "origin": origin}
    run.forget(stage.name)
    with measured() as cost, run.folder.write(stage.name, manifest) as folder:
        stage.make(run, folder)
        if stage.edited:
            name, beside = stage.edited
            manifest["proposed"] = digest_file(folder / name)
            if edit is not None and before is not None:
                changed = _differing(before["origin"]["inputs"], origin["inputs"])
                if set(changed) & set(stage.edit_of):
                    (folder / ASIDE).write_bytes(edit)
                    logger.warning(
                        "%s was edited for other features; the edit is in %s.", name, ASIDE
                    )
                else:
                    shutil.move(folder / name, folder / beside)
                    (folder / name).write_bytes(edit)
                    logger.warning(
                        "%s was edited, so it stays; the new proposal is %s.", name, beside
                    )
    run.record.stages[stage.name] = vars(cost)
    run.record.write(run.folder.record)


def _edit(run: Run, stage: Stage) -> bytes | None:
    """Return what a person made of the stage's editable file, or None."""
    if stage.edited is None or not is_edited(run, stage):
        return None
    return (run.folder.stage(stage.name) / stage.edited[0]).read_bytes()


def _origin(run: Run, stages: Sequence[Stage], stage: Stage) -> Origin:
    by_name = {other.name: other for other in stages}
    inputs = {name: content(run, by_name[name]) for name in stage.reads}
    options = json.loads(json.dumps(stage.options(run), default=str))
    return {"version": stage.version, "options": options, "inputs": inputs | stage.inputs(run)}


def content(run: Run, stage: Stage) -> str:
    """Return the digest of what a stage holds, a person's edits included."""
    manifest = run.folder.manifest(stage.name)
    if manifest is None:
        return "missing"
    files = dict(manifest["files"])
    if stage.edited:
        path = run.folder.stage(stage.name) / stage.edited[0]
        files[stage.edited[0]] = digest_file(path) if path.is_file() else "missing"
        files.pop(stage.edited[1], None)
    return digest_json(files)


def _damage(run: Run, stage: Stage, manifest: Mapping[str, Any]) -> str | None:
    editable = stage.edited[0] if stage.edited else None
    for name, digest in manifest["files"].items():
        path = run.folder.stage(stage.name) / name
        if not path.is_file():
            return f"{name} is missing"
        if name != editable and digest_file(path) != digest:
            return f"{name} was changed or damaged"
    return None


def _differing(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return the names whose values differ, those that one side lacks included."""
    return [name for name in {**before, **now} if before.get(name) != now.get(name)]


def _how(name: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    return "is new" if name not in before else "is gone" if name not in now else "changed"


def _change(before: Origin, now: Origin) -> str | None:
    changes = [
        f"{name}: {before['options'].get(name)!r} -> {now['options'].get(name)!r}"
        for name in _differing(before["options"], now["options"])
    ]
    inputs = before["inputs"], now["inputs"]
    changes += [f"{name} {_how(name, *inputs)}" for name in _differing(*inputs)]
    if before["version"] != now["version"]:
        changes.append("made by another version of saeidioms")
    return "; ".join(changes) or None
