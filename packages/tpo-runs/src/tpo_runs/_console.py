"""Where the program writes what people read."""

import os
import sys
from typing import Any

from rich.console import Console
from rich.text import Text

from ._wording import on_terminal

FILE_WIDTH = 140


class PatientConsole(Console):
    """A console whose reader may go away: the run goes on, unseen. What it prints is text, not markup."""

    def __init__(self, **options: Any):
        super().__init__(markup=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """The text as it stands: names and paths may hold what a terminal would act on."""
        return super().render_str(on_terminal(text), **options)

    def on_broken_pipe(self) -> None:
        """Write to nowhere from now on."""
        self.quiet = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, (sys.stderr if self.stderr else sys.stdout).fileno())


def make_console(*, stderr: bool = False) -> Console:
    """The terminal; a file or a pipe, which has no width, gets room for whole tables."""
    console = PatientConsole(stderr=stderr)
    return console if console.is_terminal else PatientConsole(stderr=stderr, width=FILE_WIDTH)
