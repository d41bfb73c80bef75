"""Types of arguments: each reads a word, or says what was expected."""

import argparse
import os
from pathlib import Path


def positive(text: str) -> int:
    """An integer from 1."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"expected an integer from 1, found {text!r}")
    return int(text)


def port(text: str) -> int:
    """A port from 1 to 65535."""
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"expected a port from 1 to 65535, found {text!r}")
    return int(text)


def path(text: str) -> Path:
    """A path, in which `~` is the home directory."""
    # An empty path, such as an unset variable, would be the working directory.
    if not text.strip():
        raise argparse.ArgumentTypeError("expected a path, found ''; is a shell variable not set?")
    return Path(os.path.expanduser(text))
