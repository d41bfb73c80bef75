"""Messages about unknown names, with the closest match."""

import difflib
from collections.abc import Iterable


def did_you_mean(name: object, known: Iterable[str], n: int = 1) -> str:
    """The end of a message about an unknown name; empty if no known name is similar.

    Example:
        >>> did_you_mean("terminl", ["sequential", "terminal"])
        "; did you mean 'terminal'?"
    """
    near = difflib.get_close_matches(str(name), list(known), n=n)
    return f"; did you mean {' or '.join(map(repr, near))}?" if near else ""


def check_name(field: str, name: object, known: Iterable[str]) -> None:
    """Check that a name is known.

    Raises:
        ValueError: if it is not; the message has the choices and the closest match.
    """
    known = list(known)
    if name not in known:
        choices = ", ".join(map(repr, known))
        raise ValueError(f"{field} is {name!r}, but it must be one of {choices}{did_you_mean(name, known)}")
