"""What a training tells while it runs: to TensorBoard, where that is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from saeidioms.errors import OptionError

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


class Journal:
    """Writes the history of a training as TensorBoard events, one folder a seed.

    Parameters
    ----------
    folder
        Where to; None: nothing is written.

    Raises
    ------
    OptionError
        If TensorBoard is not installed.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._writers: dict[str, SummaryWriter] = {}
        if folder is not None:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError as error:
                raise OptionError(
                    "log_dir needs TensorBoard, which is not installed: `pip install tensorboard`, "
                    "or leave log_dir out."
                ) from error
            self._open = SummaryWriter

    def write(self, name: str, row: Mapping[str, float]) -> None:
        """Write a row of the history, of the training called `name`."""
        if self.folder is None:
            return
        if name not in self._writers:
            self._writers[name] = self._open(str(self.folder / name))
        for key, value in row.items():
            if key != "step":
                self._writers[name].add_scalar(key, value, int(row["step"]))
        self._writers[name].flush()
