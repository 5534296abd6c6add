"""The errors that saeidioms raises on purpose.

Every message is one sentence that says what was given, where, what is allowed and how to mend it.
The command line prints it and exits with code 2.
"""


class SaeidiomsError(Exception):
    """Base of every error that a user can cause and mend."""


class InputError(SaeidiomsError, ValueError):
    """The data given cannot be used: names the file, and the row or column."""


class OptionError(SaeidiomsError, ValueError):
    """An option or configuration value is not allowed: names the option and what is."""


class ArtifactError(SaeidiomsError):
    """A stored file or run folder is missing, damaged, or belongs to something else."""


class DependencyError(SaeidiomsError, ImportError):
    """An optional package or program is needed: names it and how to install it."""


class ModelError(SaeidiomsError):
    """A language model gave no usable answer: names it, what came back, and what to change."""
