"""The command line."""

from .main import main as main
from .main import program as program


def __getattr__(name: str) -> object:
    # Imported late: a signal in the first moments must find the program's handler in place.
    if name in ("Arguments", "parse_arguments"):
        from . import arguments

        return getattr(arguments, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
