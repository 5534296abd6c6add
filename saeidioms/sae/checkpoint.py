"""Checkpoints: a training that was killed goes on, and ends with the same weights."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from saeidioms.artifacts import atomic_path, digest_json

logger = logging.getLogger(__name__)

Tensors = dict[str, Tensor]
FORMAT = 1  # of the names and meanings of what is kept
SHARE = 0.1  # of the training's time that may go into checkpoints


@dataclass
class Checkpoint:
    """A file with all that a training needs to go on.

    Attributes
    ----------
    path
        The file; None: nothing is kept.
    key
        What the training is of: options and data. A checkpoint of another is not gone on with.
    """

    path: Path | None
    key: dict[str, Any]
    _spent: float = 0.0
    _began: float = field(default_factory=time.monotonic)

    def save(self, tensors: Tensors, progress: dict[str, Any], *, always: bool = False) -> None:
        """Write tensors and JSON, atomically, unless writing takes too much of the time."""
        now = time.monotonic()
        late = self._spent > SHARE * (now - self._began)
        if self.path is None or (late and not always):
            return
        metadata = {"key": self._digest, "progress": json.dumps(progress)}
        with atomic_path(self.path) as path:
            save_file(
                {name: tensor.contiguous() for name, tensor in tensors.items()}, path, metadata
            )
        self._spent += time.monotonic() - now

    def load(self, device: str) -> tuple[Tensors, dict[str, Any]] | None:
        """Return what was saved last; None where there is nothing to go on with."""
        if self.path is None or not self.path.exists():
            return None
        try:
            with safe_open(self.path, "pt", device=device) as file:
                metadata = file.metadata()
                if metadata["key"] != self._digest:
                    logger.warning(
                        "%s is of a training with other options, data or version; beginning anew.",
                        self.path,
                    )
                    return None
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (OSError, SafetensorError, KeyError, TypeError) as error:
            logger.warning("%s is damaged (%s); beginning anew.", self.path, error)
            return None
        return tensors, json.loads(metadata["progress"])

    @property
    def _digest(self) -> str:
        return digest_json({"format": FORMAT, "training": self.key})

    def after(self, name: str) -> Checkpoint:
        """Return the checkpoint of a second part of the training."""
        path = None if self.path is None else self.path.with_name(f"{self.path.name}.{name}")
        return Checkpoint(path, self.key | {"part": name})

    def remove(self) -> None:
        """Delete the file: the training is done."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)
