"""The command line `chatterpod`."""

from chatterpod.cli.command import main

__all__ = ["main"]
