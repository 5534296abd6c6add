"""Dictionaries on the Hugging Face Hub, or in a folder laid out like a repository of it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import shorten

from huggingface_hub import HfApi, errors, snapshot_download
from sklearn.utils.validation import check_is_fitted

from saeidioms.artifacts import write_text
from saeidioms.errors import ArtifactError, OptionError
from saeidioms.sae.autoencoder import SparseAutoencoder
from saeidioms.sae.card import CARD, model_card
from saeidioms.sae.storage import CONFIG, HISTORY, WEIGHTS

logger = logging.getLogger(__name__)

FILES = [CONFIG, WEIGHTS, HISTORY]

# Not reaching the Hub at all is only an error of the client that huggingface_hub happens to use.
_FAILURES = (OSError, ValueError, errors.HTTPError)  # type: ignore[attr-defined]


def push(
    sae: SparseAutoencoder,
    repo_id: str | Path,
    *,
    token: str | None = None,
    private: bool = True,
    message: str = "Upload a dictionary of saeidioms",
    card: str | Path | None = None,
) -> str:
    """Put a dictionary on the Hugging Face Hub.

    Its three files are written anew; a README.md is added where there is none, or is `card`.

    Parameters
    ----------
    sae
        A fitted dictionary.
    repo_id
        Repository such as ``"name/dictionary"``, made if it is not there. A `pathlib.Path`, or
        text that starts with ``.``, ``/`` or ``~``, is a folder, and nothing leaves the machine.
    token
        Of a user who may write; None: the one of ``hf auth login``.
    private
        Whether a new repository is; one that is there stays as it is.
    message
        Of the commit.
    card
        File with the model card, such as ``saeidioms card RUN`` writes; None: a short one.

    Returns
    -------
    str
        Address of the commit, or the folder.

    Raises
    ------
    ArtifactError
        If the repository or the folder cannot be written, or `card` not be read.
    """
    check_is_fitted(sae)
    own = None if card is None else _read_card(Path(card))
    folder = _as_folder(repo_id)
    if folder is not None:
        sae.save(folder)
        if own is not None or not (folder / CARD).exists():
            write_text(folder / CARD, own or model_card(sae, f"./{folder.resolve().name}"))
        return str(folder)
    repo_id = str(repo_id)
    api = HfApi(token=token, library_name="saeidioms")
    mend = "check the name, and that the token (hf auth login) may write there"
    with TemporaryDirectory() as temporary:
        sae.save(temporary)
        with _hub(repo_id, f"written ({{reason}}); {mend}"):
            full = api.create_repo(repo_id, private=private, exist_ok=True).repo_id
            if own is None and api.file_exists(full, CARD):
                logger.info("%s has a %s, which stays as it is", full, CARD)
            else:
                write_text(Path(temporary, CARD), own or model_card(sae, full))
            commit = api.upload_folder(
                repo_id=full,
                folder_path=temporary,
                commit_message=message,
                allow_patterns=[*FILES, CARD],
            )
    return commit.commit_url


def pull(
    repo_id: str | Path, revision: str | None = None, *, token: str | None = None
) -> SparseAutoencoder:
    """Read a dictionary from the Hugging Face Hub.

    Only the three files of a dictionary are fetched, none of which can run code.

    Parameters
    ----------
    repo_id
        Repository, or folder, as for `push`.
    revision
        Branch, tag or commit; None: the newest of the main branch. Give a commit for a result
        that is to be repeated.
    token
        Of a user who may read; None: the one of ``hf auth login``, if any.

    Returns
    -------
    SparseAutoencoder
        The dictionary, checked against its digest.

    Raises
    ------
    ArtifactError
        If the repository cannot be read, or holds no whole dictionary of ours.
    OptionError
        If a revision of a folder is asked for.
    """
    folder = _as_folder(repo_id)
    if folder is None:
        repo_id = str(repo_id)
        mend = "check name, revision, token and connection; a folder is written ./FOLDER"
        with _hub(repo_id, f"read ({{reason}}); {mend}"):
            folder = Path(
                snapshot_download(
                    repo_id,
                    revision=revision,
                    token=token,
                    allow_patterns=FILES,
                    library_name="saeidioms",
                )
            )
    elif revision is not None:
        raise OptionError(
            f"revision = {revision!r} was given with the folder {folder}, which has none; "
            "leave it out."
        )
    for name in FILES:
        if not (folder / name).is_file():
            raise ArtifactError(f"{repo_id} lacks {name}; give what saeidioms pushed or saved.")
    return SparseAutoencoder.load(folder)


def _read_card(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ArtifactError(
            f"{path} cannot be read as a model card ({error}); write one with `saeidioms card RUN`."
        ) from error


def _as_folder(place: str | Path) -> Path | None:
    """Return the folder that is meant, or None for a repository."""
    if isinstance(place, Path) or place.startswith((".", "~")) or Path(place).is_absolute():
        return Path(place).expanduser()
    return None


@contextmanager
def _hub(repo_id: str, sentence: str) -> Iterator[None]:
    """Say in one sentence what the Hub did not do."""
    try:
        yield
    except _FAILURES as error:
        reason = shorten(str(error) or type(error).__name__, 240).rstrip(".")
        raise ArtifactError(
            f"{repo_id} on the Hugging Face Hub could not be {sentence.format(reason=reason)}."
        ) from error
