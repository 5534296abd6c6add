"""One seed, many independent named generators: no global random state is ever touched."""

from __future__ import annotations

import zlib

import numpy as np

from saeidioms.errors import OptionError


def generator(seed: int, name: str) -> np.random.Generator:
    """Return the generator of one named random choice.

    Parameters
    ----------
    seed
        The run's seed, at least 0.
    name
        What the numbers are for, such as ``"bootstrap"``: two names give independent streams.

    Returns
    -------
    numpy.random.Generator
        Always the same stream for the same pair.

    Raises
    ------
    OptionError
        If the seed is negative.

    Examples
    --------
    >>> generator(0, "split").integers(10) == generator(0, "split").integers(10)
    np.True_
    """
    if seed < 0:
        raise OptionError(f"seed is {seed}; give a whole number of at least 0.")
    return np.random.default_rng(np.random.SeedSequence([seed, zlib.crc32(name.encode())]))


def derive(seed: int, name: str) -> int:
    """Return a 63-bit seed derived from `seed` and `name`, for libraries that want an integer."""
    return int(generator(seed, name).integers(2**63))
