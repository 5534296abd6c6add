"""What people say of features, in one file that several programs may write at a time."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pandas as pd
from filelock import FileLock, Timeout

from saeidioms.artifacts import atomic_path, digest_json
from saeidioms.errors import ArtifactError, SaeidiomsError
from saeidioms.taxonomy.inheritance import dictionary_of, overrides_for, remember
from saeidioms.taxonomy.sheet import read_rows, write_rows
from saeidioms.taxonomy.taxonomy import Taxonomy

if TYPE_CHECKING:
    from saeidioms.sae.autoencoder import SparseAutoencoder

COLUMNS = ("feature", "sub_category", "label", "note", "by", "dictionary")
_PARTS = ("place", "label", "note")
PROPOSED = "as proposed"  # in place of a sub-category: the tool's own counts
EXPLORER = "explorer"  # who said it, where these were no coders
_PATIENCE = 10.0  # seconds in which another program should be done with one file


@dataclass(frozen=True)
class Override:
    """A person's word on one feature.

    Attributes
    ----------
    place
        Sub-category or outside group; "" for none; `PROPOSED` where the tool's own counts.
    label
        "" where the tool's own counts.
    note
        Whatever else there is to say.
    by
        `EXPLORER`, or "" for coders whose sheets were merged; such as "explorer: label" where
        only these parts were said in the explorer.
    """

    place: str = PROPOSED
    label: str = ""
    note: str = ""
    by: str = ""

    @property
    def version(self) -> str:
        """Changes with every part of the word; "" where nothing is said."""
        said = (self.place, self.label, self.note)
        return "" if said == (PROPOSED, "", "") else digest_json(said)

    @property
    def edited(self) -> list[str]:
        """The parts that were said in the explorer."""
        who, _, parts = self.by.partition(": ")
        if who != EXPLORER:
            return []
        return [part for part in _said(self) if not parts or part in parts.split(", ")]

    def with_edited(self, parts: Collection[str]) -> Override:
        """Return the word with `by` for these parts, as far as they say something."""
        said = _said(self)
        edited = [part for part in said if part in parts]
        by = f"{EXPLORER}: {', '.join(edited)}" if edited else ""
        return replace(self, by=EXPLORER if edited and edited == said else by)


UNSAID = Override()


class EditConflict(SaeidiomsError):
    """Somebody else changed the word on a feature since it was read: `theirs` is theirs."""

    def __init__(self, feature: int, theirs: Override) -> None:
        super().__init__(f"feature {feature} was changed elsewhere since it was read here.")
        self.theirs = theirs


@dataclass(frozen=True)
class OverridesFile:
    """The overrides of a run, as they hold for its dictionary.

    Every change is made under a lock of its own file, on what the file holds at that moment, and
    is renamed into place as a whole. Reading needs no lock.
    """

    path: Path
    taxonomy: Taxonomy
    sae: SparseAutoencoder

    def read(self) -> dict[int, Override]:
        """Return the word on each feature of which something is said.

        Raises
        ------
        InputError, ArtifactError
            If the file, or what is kept beside it, is wrong or damaged.
        """
        if not self.path.is_file():
            return {}
        with TemporaryDirectory() as folder:
            current = overrides_for(self.path, self.sae, Path(folder))
            rows = read_rows(
                current,
                self.taxonomy,
                range(self.sae.n_features_),
                required=("feature", "sub_category"),
                allowed=COLUMNS,
                words=(PROPOSED,),
            )
        blank = [""] * len(rows)
        columns = (rows.get(name, blank) for name in ("label", "note", "by"))
        return {
            int(feature): Override(*said)
            for feature, *said in zip(rows["feature"], rows["place"], *columns, strict=True)
        }

    def edit(
        self,
        feature: int,
        said: Override,
        version: str,
        first: Callable[[], None] = lambda: None,
    ) -> dict[int, Override]:
        """Write the explorer's word on one feature, if the file still says what `version` does.

        Parameters
        ----------
        feature
            Its number.
        said
            The new word; `UNSAID` takes back what was said. Parts of it that coders said before
            stay theirs.
        version
            `Override.version` of the word that the new one is to replace.
        first
            Is called under the lock, once the file exists and before the word is written.

        Returns
        -------
        dict
            What `read` gives now.

        Raises
        ------
        EditConflict
            If the word is another by now; nothing is written.
        ArtifactError
            If the file is held by another program, or cannot be written.
        """
        with self._locked():
            words = self.read()
            before = words.pop(feature, UNSAID)
            if before.version != version:
                raise EditConflict(feature, before)
            if not self.path.is_file():
                self._write({})
            first()
            if said.version:
                changed = [part for part in _PARTS if getattr(said, part) != getattr(before, part)]
                words[feature] = said.with_edited([*before.edited, *changed])
            self._write(words)
        return words

    def merge(self, table: pd.DataFrame) -> list[int]:
        """Replace what coders said before; what was said in the explorer stays.

        Parameters
        ----------
        table
            ``feature, sub_category, label, note``, of `saeidioms.taxonomy.merging.Merged`.

        Returns
        -------
        list of int
            The features that keep what was said of them in the explorer.
        """
        with self._locked():
            edited = {key: word for key, word in self.read().items() if word.edited}
            words = {
                int(feature): Override(*said)
                for feature, *said in table[list(COLUMNS[:4])].itertuples(index=False)
            }
            for feature, word in edited.items():
                own = {part: getattr(word, part) for part in word.edited}
                coded = words.get(feature, UNSAID)
                words[feature] = replace(coded, **own).with_edited(own)
            self._write(words)
        return sorted(edited)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        lock = self.path.with_suffix(".lock")
        try:
            lock.parent.mkdir(parents=True, exist_ok=True)
            held = FileLock(lock, timeout=_PATIENCE).acquire()
        except Timeout as error:
            raise ArtifactError(
                f"{self.path} is being written by another program ({lock}); try again."
            ) from error
        except OSError as error:
            raise ArtifactError(f"{lock} cannot be written ({error.strerror or error}).") from error
        with held:
            yield

    def _write(self, words: dict[int, Override]) -> None:
        kept = dictionary_of(self.path) if self.path.is_file() else None
        if kept not in (None, self.sae.digest):
            # Some of the words on another dictionary may have found no heir.
            aside = self.path.with_stem(f"{self.path.stem}-{str(kept)[:8]}")
            with atomic_path(aside) as temporary:
                shutil.copyfile(self.path, temporary)
        rows = [
            (feature, word.place, word.label, word.note, word.by, self.sae.digest)
            for feature, word in sorted(words.items())
        ]
        remember(self.path, self.sae)
        write_rows(pd.DataFrame(rows, columns=list(COLUMNS)), self.path)


def _said(word: Override) -> list[str]:
    return [part for part in _PARTS if getattr(word, part) != getattr(UNSAID, part)]
