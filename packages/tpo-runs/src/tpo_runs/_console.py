"""Where the program writes what people read."""

from typing import Any

from rich.console import Console
from rich.text import Text

from ._text import on_terminal

FILE_WIDTH = 140


class TextConsole(Console):
    """A console that prints text, never markup or emoji."""

    def __init__(self, **options: Any):
        super().__init__(markup=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Render text as it is: names and paths may hold characters that a terminal would act on."""
        return super().render_str(on_terminal(text), **options)


def make_console(*, stderr: bool = False) -> Console:
    """The terminal; a file or a pipe, which has no width, gets room for whole tables."""
    console = TextConsole(stderr=stderr)
    return console if console.is_terminal else TextConsole(stderr=stderr, width=FILE_WIDTH)
