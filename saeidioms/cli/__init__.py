"""The command line: parses, calls, prints. Everything heavy is imported after parsing."""

from saeidioms.cli.program import main as main
