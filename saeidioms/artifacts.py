"""What a run leaves on disk: whole folders or none, each with a manifest of what made it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from saeidioms.errors import ArtifactError

FORMAT_VERSION = 1
MANIFEST = "manifest.json"


def digest_bytes(*parts: bytes) -> str:
    """Return the BLAKE2b digest (32 hexadecimal digits) of byte strings, lengths included."""
    state = hashlib.blake2b(digest_size=16)
    for part in parts:
        state.update(len(part).to_bytes(8, "little"))
        state.update(part)
    return state.hexdigest()


def digest_json(value: Any) -> str:
    """Return the digest of a JSON-serialisable value, independent of the order of its keys."""
    return digest_bytes(json.dumps(value, sort_keys=True, ensure_ascii=False).encode())


def digest_file(path: Path) -> str:
    """Return the digest of a file's content, read in blocks of 1 MiB."""
    state = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            state.update(block)
    return state.hexdigest()


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it is renamed into place.

    Raises
    ------
    ArtifactError
        If the folder cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, path)
    except (OSError, SafetensorError) as error:
        raise ArtifactError(_not_writable(path, error)) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, atomically."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises
    ------
    ArtifactError
        If the file is missing, damaged, or holds no object.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ArtifactError(f"{path} is missing; run the stage that writes it again.") from error
    except (OSError, ValueError) as error:
        raise ArtifactError(
            f"{path} cannot be read as JSON ({error}); delete it and run again."
        ) from error
    if not isinstance(value, dict):
        raise ArtifactError(f"{path} holds no JSON object; delete it and run again.")
    return value


@dataclass(frozen=True)
class RunFolder:
    """The one place that knows where a run keeps its files."""

    root: Path

    @property
    def record(self) -> Path:
        """``run.json``: options, seed, versions, machine, seconds and peak memory per stage."""
        return self.root / "run.json"

    @property
    def answers(self) -> Path:
        """``answers.jsonl``: every answer of a language model, kept when stages are made again."""
        return self.root / "answers.jsonl"

    @property
    def people(self) -> Path:
        """``people``: sheets for coders, and what came of them."""
        return self.root / "people"

    @property
    def overrides(self) -> Path:
        """``overrides.csv``: what people said of features, in sheets or in the explorer."""
        return self.people / "overrides.csv"

    @property
    def findings(self) -> Path:
        """``findings``: answers to questions that were asked of the finished run."""
        return self.root / "findings"

    def given(self, name: str) -> Path:
        """Return a file that an option names: in this folder, or else as it is named.

        A run that is moved keeps the files that it made for itself.
        """
        own = self.root / name
        return own if own.is_file() else Path(name)

    def told(self, path: Path) -> str:
        """Return how an option names a file of this folder, so that `given` finds it again."""
        return str(path.relative_to(self.root))

    def stage(self, name: str) -> Path:
        """Folder of one stage."""
        return self.root / name

    def manifest(self, name: str) -> dict[str, Any] | None:
        """Return the manifest of a finished stage, or None where the stage has not finished."""
        path = self.stage(name) / MANIFEST
        return read_json(path) if path.exists() else None

    @contextmanager
    def write(self, name: str, manifest: Mapping[str, Any]) -> Iterator[Path]:
        """Yield an empty folder to fill; on success it replaces the stage's folder as a whole.

        The manifest, with the digest of every file, is written last. If anything fails, the
        stage's earlier folder stays as it was.
        """
        final = self.stage(name)
        partial = final.with_name(f".{name}.partial")
        old = final.with_name(f".{name}.old")
        try:
            for left_over in (partial, old):
                shutil.rmtree(left_over, ignore_errors=True)
            partial.mkdir(parents=True)
            yield partial
            files = sorted(path for path in partial.rglob("*") if path.is_file())
            digests = {path.relative_to(partial).as_posix(): digest_file(path) for path in files}
            write_json(partial / MANIFEST, {"format": FORMAT_VERSION, **manifest, "files": digests})
            if final.exists():
                final.rename(old)
            partial.rename(final)
            shutil.rmtree(old, ignore_errors=True)
        except OSError as error:
            raise ArtifactError(_not_writable(final, error)) from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def adopt(self, name: str, folder: Path) -> None:
        """Replace a stage's folder by a copy of another run's, as a whole."""
        final = self.stage(name)
        partial = final.with_name(f".{name}.partial")
        try:
            for left_over in (partial, final):
                shutil.rmtree(left_over, ignore_errors=True)
            shutil.copytree(folder, partial)
            partial.rename(final)
        except OSError as error:
            raise ArtifactError(_not_writable(final, error)) from error


def _not_writable(path: Path, error: Exception) -> str:
    reason = getattr(error, "strerror", None) or str(error)
    return f"{path} cannot be written ({reason}); choose another folder or free it."
