"""What went wrong in one cell while the others went on."""

import sysconfig
import traceback
from collections.abc import Iterable
from pathlib import Path

from jax.errors import ConcretizationTypeError, NonConcreteBooleanIndexError, TracerArrayConversionError

from .._files import write_file
from .._text import ascii_safe

LONGEST = 300
# Where a mistake in a user's own function is not.
LIBRARIES = (
    *(Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib")),
    Path(__file__).parents[1],
)
NOT_FOR_JAX = (ConcretizationTypeError, NonConcreteBooleanIndexError, TracerArrayConversionError)
JAX_WAY = "; JAX compiles this function: compute with jax.numpy, and with jnp.where in place of if"


class ObjectiveError(Exception):
    """What a user's objective did that no exception tells; the message names its file."""


def told(error: BaseException) -> str:
    """An exception in one line: its type, the first line of its message, where it was raised, and the fix.

    The place is the last one in a user's own file, if there is one.
    """
    message = next(iter(str(error).strip().splitlines()), "")
    if isinstance(error, ObjectiveError):
        return ascii_safe(message)
    frames = traceback.extract_tb(error.__traceback__)
    # JAX keeps the line whose gradient fails in the cause of the exception.
    last = (_own(frames) or _own(traceback.extract_tb(getattr(error.__cause__, "__traceback__", None))))[-1:]
    last = last or frames[-1:]
    where = "".join(f" ({Path(frame.filename).name}, line {frame.lineno})" for frame in last)
    fix = JAX_WAY if isinstance(error, NOT_FOR_JAX) else ""
    return ascii_safe(f"{type(error).__name__}: {message[:LONGEST]}{where}{fix}")


def _own(frames: Iterable[traceback.FrameSummary]) -> list[traceback.FrameSummary]:
    """The frames in a user's own files."""
    return [frame for frame in frames if not any(Path(frame.filename).is_relative_to(x) for x in LIBRARIES)]


def write_traceback(directory: Path, name: str, error: BaseException) -> Path:
    """Keep the whole traceback in a file, for whoever wants to find the cause."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{name}.txt"
    write_file(path, "".join(traceback.format_exception(error)).encode(errors="backslashreplace"))
    return path


def keep_traceback(error: BaseException, out: Path, name: str) -> str:
    """An exception in one line, which says where below the output directory its whole traceback is kept."""
    return f"{told(error)}; the whole traceback is in {write_traceback(out / 'errors', name, error)}"
