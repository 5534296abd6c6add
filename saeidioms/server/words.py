"""What people say of features in the explorer, and whether codes and report say it yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from unicodedata import category

from saeidioms import engine
from saeidioms.errors import InputError, OptionError
from saeidioms.people import own_overrides
from saeidioms.run import Record, Run
from saeidioms.stages import STAGES
from saeidioms.taxonomy.inheritance import AS_USED
from saeidioms.taxonomy.overrides import PROPOSED, UNSAID, Override, OverridesFile

_MOST = {"label": 200, "note": 4000}  # characters
_CODEBOOK = next(stage for stage in STAGES if stage.name == "codebook")


@dataclass(frozen=True)
class Words:
    """People's words on the features of a run, for reading and writing.

    Attributes
    ----------
    run
        Its codebook and labels are what the words are put over.
    file
        Where they are kept; None where this run takes none, for the `reason`.
    """

    run: Run
    file: OverridesFile | None
    reason: str = ""

    @classmethod
    def of(cls, run: Run) -> Words:
        """Find out where the words of a run belong."""
        if engine.is_edited(run, _CODEBOOK):
            path = run.folder.stage("codebook") / "codebook.csv"
            return cls(run, None, f"{path} was edited by hand, and wins; edit it there.")
        try:
            return cls(run, own_overrides(run))
        except OptionError as error:
            return cls(run, None, str(error))

    def told(self) -> dict[str, Any]:
        """Return what the page is told: each word with its version, and what is not coded yet."""
        return self._told(self.file.read() if self.file else {})

    def save(self, feature: int, given: Mapping[str, Any]) -> dict[str, Any]:
        """Write a word on a feature, so that the codebook is made by it next time.

        Parameters
        ----------
        feature
            Its number.
        given
            ``place``, ``label`` and ``note`` as in `saeidioms.taxonomy.overrides.Override`, and
            the ``version`` of the word that this one is to replace.

        Returns
        -------
        dict
            As `told`.

        Raises
        ------
        EditConflict
            If the word is another by now.
        OptionError, InputError
            If this run takes no words, or this is none.
        ArtifactError
            If the files cannot be written.
        """
        if self.file is None:
            raise OptionError(self.reason)
        said = self._checked(feature, given)
        file, version = self.file, str(given.get("version", ""))
        words = file.edit(feature, said, version, lambda: _use_from_now_on(self.run, file))
        return self._told(words)

    def _told(self, words: Mapping[int, Override]) -> dict[str, Any]:
        said = {feature: told(word) for feature, word in words.items()}
        return {"words": said, "pending": self._pending(words)}

    def _checked(self, feature: int, given: Mapping[str, Any]) -> Override:
        if not 0 <= feature < len(self.run.unlabelled):
            last = len(self.run.unlabelled) - 1
            raise InputError(f"there is no feature {feature}; give 0 to {last}.")
        parts = {name: given.get(name) for name in ("place", "label", "note")}
        for name, value in parts.items():
            if not isinstance(value, str):
                raise InputError(f"{name} is {value!r}; give text.")
        place, label, note = (str(value) for value in parts.values())
        if place not in ("", PROPOSED, *self.run.codebook.groups):
            raise InputError(f"{place!r} is no place of {self.run.codebook.taxonomy.name}.")
        label, note = " ".join(_plain(label).split()), _plain(note).strip()
        for name, text in (("label", label), ("note", note)):
            if len(text) > _MOST[name]:
                raise InputError(
                    f"the {name} has {len(text):,} characters; {_MOST[name]:,} are allowed."
                )
        if label == self.proposed[feature]:
            label = ""
        return Override(place, label, note)

    @cached_property
    def proposed(self) -> list[str]:
        """The labels that the tool proposes, by feature."""
        return [str(label) for label in self.run.labelled.table["label"].fillna("")]

    def _pending(self, words: Mapping[int, Override]) -> list[int]:
        """Return the features of which the codebook does not yet say what people say."""
        if self.file is None:
            return []
        path = self.run.folder.stage("codebook") / AS_USED
        coded = replace(self.file, path=path).read()
        return [
            feature
            for feature in sorted(words.keys() | coded.keys())
            if words.get(feature, UNSAID).version != coded.get(feature, UNSAID).version
        ]


def told(word: Override) -> dict[str, str]:
    """Return a word as the page reads it."""
    parts = {"place": word.place, "label": word.label, "note": word.note, "by": word.by}
    return parts | {"version": word.version}


def _use_from_now_on(run: Run, file: OverridesFile) -> None:
    """Let the record of the run name the file, as it is on disk by now: others may write it too."""
    record, name = Record.read(run.folder.record), run.folder.told(file.path)
    if record.options["codebook"]["overrides"] is None:
        record.options["codebook"]["overrides"] = name
        record.write(run.folder.record)


def _plain(text: str) -> str:
    """Return text that a file and a page can hold, without characters of control.

    Raises
    ------
    InputError
        If it holds half a character.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError("the text holds half a character; remove it.") from error
    return "".join(sign for sign in text if sign in "\n\t" or category(sign) != "Cc")
