"""What people say of features, in one file that several programs may write at a time."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pandas as pd
from filelock import FileLock, Timeout

from saeidioms.artifacts import atomic_path, digest_json
from saeidioms.errors import ArtifactError, SaeidiomsError
from saeidioms.taxonomy.formulas import disarm
from saeidioms.taxonomy.inheritance import dictionary_of, overrides_for, remember
from saeidioms.taxonomy.sheet import read_rows
from saeidioms.taxonomy.taxonomy import Taxonomy

if TYPE_CHECKING:
    from saeidioms.sae.autoencoder import SparseAutoencoder

COLUMNS = ("feature", "sub_category", "label", "note", "by")
PROPOSED = "as proposed"  # in place of a sub-category: the tool's own counts
EXPLORER = "explorer"  # who wrote a row, where that was no merge of sheets
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
        `EXPLORER`, or "" for coders whose sheets were merged.
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
    is renamed into place as a whole.
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

    def edit(self, feature: int, said: Override, version: str) -> dict[int, Override]:
        """Write the word on one feature, if the file still says what `version` stands for.

        Parameters
        ----------
        feature
            Its number.
        said
            The new word; `UNSAID` takes back what was said.
        version
            `Override.version` of the word that the new one is to replace.

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
            if said.version:
                words[feature] = said
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
            edited = {key: word for key, word in self.read().items() if word.by == EXPLORER}
            words = {
                int(feature): Override(*said)
                for feature, *said in table[list(COLUMNS[:-1])].itertuples(index=False)
            }
            for feature, word in edited.items():
                coded = words.get(feature, UNSAID)
                place = coded.place if word.place == PROPOSED else word.place
                words[feature] = replace(word, place=place, label=word.label or coded.label)
            self._write(words)
        return sorted(edited)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        lock = self.path.with_suffix(".lock")
        try:
            lock.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(lock, timeout=_PATIENCE):
                yield
        except Timeout as error:
            raise ArtifactError(
                f"{self.path} is being written by another program ({lock}); try again."
            ) from error
        except OSError as error:
            raise ArtifactError(f"{lock} cannot be written ({error.strerror or error}).") from error

    def _write(self, words: dict[int, Override]) -> None:
        kept = dictionary_of(self.path)
        if kept is not None and kept != self.sae.digest:
            self._set_aside(kept)
        rows = [
            (feature, word.place, word.label, word.note, word.by)
            for feature, word in sorted(words.items())
        ]
        write_overrides(pd.DataFrame(rows, columns=list(COLUMNS)), self.path)
        if kept != self.sae.digest:
            remember(self.path, self.sae)

    def _set_aside(self, dictionary: str) -> None:
        """Keep the words on another dictionary: some may have found no heir."""
        for file in (self.path, self.path.with_suffix(".safetensors")):
            if file.is_file():
                shutil.copy2(file, file.with_stem(f"{file.stem}-{dictionary[:8]}"))


def write_overrides(rows: pd.DataFrame, path: Path) -> None:
    """Write overrides as CSV, atomically, harmless to spreadsheets.

    Raises
    ------
    ArtifactError
        If the file cannot be written.
    """
    harmless = {name: rows[name].map(disarm) for name in ("label", "note")}
    with atomic_path(path) as temporary:
        # Spreadsheets take a file for UTF-8 only by its byte-order mark.
        rows.assign(**harmless).to_csv(
            temporary, index=False, encoding="utf-8-sig", lineterminator="\n"
        )
