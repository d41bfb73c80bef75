"""Consoles for text."""

from typing import Any

from rich.console import Console
from rich.text import Text

from ._text import on_terminal

FILE_WIDTH = 140


class TextConsole(Console):
    """A console without markup and emoji."""

    def __init__(self, **options: Any):
        super().__init__(markup=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Render text with control characters escaped, which names and paths may contain."""
        return super().render_str(on_terminal(text), **options)


def make_console(*, stderr: bool = False) -> Console:
    """The console of a standard stream. Files and pipes have a width that fits all tables."""
    console = TextConsole(stderr=stderr)
    return console if console.is_terminal else TextConsole(stderr=stderr, width=FILE_WIDTH)


def print_line(console: Console, text: str, style: str | None = None) -> None:
    """Print text without markup, highlighting and line breaks."""
    console.print(text, highlight=False, markup=False, soft_wrap=True, style=style)
