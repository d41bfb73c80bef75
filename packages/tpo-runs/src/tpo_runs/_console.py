"""Where the program writes what people read."""

from rich.console import Console

FILE_WIDTH = 140


def make_console(*, stderr: bool = False) -> Console:
    """The terminal; a file or a pipe, which has no width, gets room for whole tables."""
    console = Console(stderr=stderr)
    return console if console.is_terminal else Console(stderr=stderr, width=FILE_WIDTH)
