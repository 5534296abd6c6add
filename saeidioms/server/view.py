"""A run as it is on disk now, loaded for the explorer, and loaded again when it was made again."""

from __future__ import annotations

import shlex
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from saeidioms import engine
from saeidioms.artifacts import digest_json
from saeidioms.errors import ArtifactError
from saeidioms.run import Run
from saeidioms.server.markup import ServedPage
from saeidioms.server.units import Units
from saeidioms.server.words import Words
from saeidioms.stages import STAGES
from saeidioms.taxonomy.overrides import PROPOSED

_NEEDED = ("corpus", "sae", "activations", "features", "labels", "codebook", "report")
_STAGES = {stage.name: stage for stage in STAGES}

Stamp = tuple[object, ...]


@dataclass(frozen=True)
class View:
    """One state of a run: its page, its units, and what people say of its features."""

    run: Run
    page: ServedPage
    units: Units
    words: Words
    key: str  # of features and codebook: a page of another state must not write here

    @classmethod
    def of(cls, run: Run) -> View:
        """Load what is on disk.

        Raises
        ------
        ArtifactError
            If a stage is missing, or the report is not of what the run holds now.
        """
        if lack := _lack(run):
            raise ArtifactError(
                f"{run.folder.root} {lack}; write it with `{command(run.folder.root)}`."
            )
        report = run.folder.stage("report") / "report.html"
        return cls(
            run,
            ServedPage.of(report),
            Units.of(run.corpus, run.activations, run.unlabelled),
            Words.of(run),
            f"{run.sae.digest}-{run.codebook.taxonomy.digest}",
        )

    def told(self) -> dict[str, Any]:
        """Return what the page is told when it opens."""
        taxonomy = self.run.codebook.taxonomy
        places = [
            {
                "category": category.name,
                "names": [
                    sub.name for sub in taxonomy.sub_categories if sub.category == category.name
                ],
            }
            for category in taxonomy.categories
        ]
        outside = [group.name for group in taxonomy.outside]
        places += [{"category": "", "names": outside}] if outside else []
        return {
            "key": self.key,
            "command": command(self.run.folder.root),
            "places": places,
            "as_proposed": PROPOSED,
            "proposed": self.words.proposed,
            "read_only": self.words.reason,
            **self.words.told(),
        }


class Opened:
    """A run folder, of which `now` is always what is on disk; safe to ask from several threads."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._lock = threading.Lock()
        self._stamp: Stamp = ()
        self._view: View | None = None

    def now(self) -> View:
        """Return the run as it is on disk.

        Raises
        ------
        ArtifactError
            If it is not whole, for instance while a stage is made again.
        """
        with self._lock:
            run = Run(self.folder)
            stamp = _stamp(run)
            if self._view is None or stamp != self._stamp:
                self._view, self._stamp = View.of(run), stamp
            return self._view


def command(folder: Path) -> str:
    """Return what brings edits into codes and report."""
    return f"saeidioms report {shlex.quote(str(folder))}"


def _lack(run: Run) -> str:
    """Say what keeps a run from being explored; "" where nothing does."""
    for name in ("report", *_NEEDED):
        if run.folder.manifest(name) is None:
            return f"has no {name} yet"
    now = {name: engine.content(run, _STAGES[name]) for name in ("sae", "activations", "features")}
    for name in ("activations", "features", "report"):
        origin = (run.folder.manifest(name) or {})["origin"]
        if any(origin["inputs"].get(other, digest) != digest for other, digest in now.items()):
            return "has a report of other features than it holds now"
        if name == "report" and origin["version"] != _STAGES[name].version:
            return "has a report of another version"
    return ""


def _stamp(run: Run) -> Stamp:
    """Return what changes when a stage is made again, or the codebook or an option is edited."""
    files = [run.folder.stage(name) / "manifest.json" for name in _NEEDED]
    files += [run.folder.stage("codebook") / "codebook.csv"]
    found = [file.stat() for file in files if file.is_file()]
    return (_options(run), *((entry.st_mtime_ns, entry.st_size) for entry in found))


def _options(run: Run) -> str:
    """Return a digest of the options, whether or not they name the run's own overrides yet."""
    codebook = dict(run.record.options["codebook"])
    if codebook["overrides"] == run.folder.told(run.folder.overrides):
        codebook["overrides"] = None
    return digest_json([{**run.record.options, "codebook": codebook}, run.record.dictionary])
