"""The profile of one person, as a page for a coach and as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from saeidioms.analyses.common import coded_at, slug, statistics_of
from saeidioms.artifacts import digest_bytes, write_json, write_text
from saeidioms.errors import OptionError
from saeidioms.findings.person import Profile, profile
from saeidioms.report.profile_page import profile_page
from saeidioms.run import Run
from saeidioms.taxonomy.distribution import CONVERSATION
from saeidioms.taxonomy.grounds import with_grounds

FOLDER, PERSON = "profiles", "participant_id"
_LONGEST = 60  # characters of an ID in the name of a file


def profile_person(
    run: Run,
    *,
    participant: str,
    column: str | None = None,
    order: str | None = None,
    seed: int = 0,
) -> tuple[Profile, Path]:
    """Write the profile of a person to the run's folder; see `saeidioms.findings.profile`.

    Parameters
    ----------
    run
        A finished run.
    participant
        The person: a value of `column`.
    column
        Names people. None: the run's cluster where that is not the conversation, else
        ``participant_id``.
    order
        Column that puts conversations in order.
    seed
        Of what is drawn at random.

    Returns
    -------
    Profile
        What the page shows.
    pathlib.Path
        ``profiles/NAME.html``; the JSON is beside it, of the same name.

    Raises
    ------
    OptionError, InputError
        As `saeidioms.findings.profile`.
    ArtifactError
        If the folder cannot be written.
    """
    draws = statistics_of(run, None, seed)
    coded = coded_at(run)
    people = column or _column_of_people(draws["cluster"], coded.messages.columns)
    asked = {"who": participant, "column": people, "order": order, "level": draws["level"]}
    found = profile(coded, run.corpus, run.codes, run.lexicon, **asked, seed=seed)
    found = replace(found, shares=with_grounds(found.shares, run.grounds))
    page = profile_page(found, run.record.options["report"]["notice"])
    path = run.folder.stage(FOLDER) / f"{file_name(people, participant)}.html"
    write_json(path.with_suffix(".json"), {"codes": run.codes_digest} | found.to_dict())
    write_text(path, page)
    return found, path


def _column_of_people(cluster: str, columns: Iterable[str]) -> str:
    """Return the column that names people where none is given."""
    if cluster != CONVERSATION:
        return cluster
    if PERSON not in columns:
        raise OptionError(
            f"column is missing: nothing says who is one person, since there is no {PERSON}; "
            f"give --column, one of: {', '.join(columns)}."
        )
    return PERSON


def file_name(column: str, participant: str) -> str:
    """Return a name of a file that is readable, and another for every other person.

    IDs that differ in what a file's name cannot hold (letter case, signs) differ in the digest.
    """
    digest = digest_bytes(column.encode(), participant.encode())
    return f"{slug(participant)[:_LONGEST]}-{digest[:8]}"
