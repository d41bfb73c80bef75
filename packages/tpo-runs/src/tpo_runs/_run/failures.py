"""Errors of one cell, which leave the other cells running. Those of custom objectives name their file."""

import functools
import inspect
import sysconfig
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from jax.errors import ConcretizationTypeError, NonConcreteBooleanIndexError, TracerArrayConversionError
from jaxtyping import Array, Float

from .._errors import Stopped
from .._files import write_file
from .._learn import check_losses
from .._store import Store
from .._text import printable

MAX_LENGTH = 300
# Code that is not the user's.
LIBRARIES = (
    *(Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib")),
    Path(__file__).parents[1],
)
TRACING_ERRORS = (ConcretizationTypeError, NonConcreteBooleanIndexError, TracerArrayConversionError)
TRACING_FIX = "; JAX compiles this function: compute with jax.numpy, and with jnp.where in place of if"


class ObjectiveError(Exception):
    """A custom objective returned something wrong or tried to exit; the message names its file."""


class LossesError(ObjectiveError):
    """A custom objective returned something other than losses."""


def describe_error(error: BaseException) -> str:
    """Describe an exception in one line: type, first line of the message, location, and fix if known.

    The location is the last one in a user's own file, if there is one.
    """
    message = next(iter(str(error).strip().splitlines()), "")
    if isinstance(error, ObjectiveError):
        return printable(message)
    frames = traceback.extract_tb(error.__traceback__)
    # If a gradient fails, JAX keeps the line in the cause of the exception.
    last = (_own(frames) or _own(traceback.extract_tb(getattr(error.__cause__, "__traceback__", None))))[-1:]
    last = last or frames[-1:]
    where = "".join(f" ({Path(frame.filename).name}, line {frame.lineno})" for frame in last)
    fix = TRACING_FIX if isinstance(error, TRACING_ERRORS) else ""
    return printable(f"{type(error).__name__}: {message[:MAX_LENGTH]}{where}{fix}")


def _own(frames: Iterable[traceback.FrameSummary]) -> list[traceback.FrameSummary]:
    """The frames in a user's own files."""
    return [frame for frame in frames if not any(Path(frame.filename).is_relative_to(x) for x in LIBRARIES)]


def keep_traceback(error: BaseException, store: Store, name: str) -> str:
    """Write a traceback to the store's errors, as `NAME.txt`. Returns a description of it and the path.

    The last line is the description, where a traceback may end with hints of JAX.
    """
    path = store.errors / f"{name}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    description = describe_error(error)
    text = "".join([*traceback.format_exception(error), f"\n{description}\n"])
    write_file(path, text.encode(errors="backslashreplace"))
    return f"{description}; the full traceback is in {path}"


def guarded(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap an objective to raise `ObjectiveError` if it exits, and `LossesError` if it returns no losses."""

    @functools.wraps(function, updated=())
    def objective(
        logp: Float[Array, "*b"], old_logp: Float[Array, "*b"], scores: Float[Array, "*b"], **keywords: Any
    ) -> Any:
        try:
            losses = function(logp, old_logp, scores, **keywords)
        except (Exception, Stopped):
            raise
        except BaseException as error:  # SystemExit and the like would end the run
            text = f"{_place(function)}: the objective raised {type(error).__name__}: {error}"
            raise ObjectiveError(text) from error
        try:
            check_losses(losses, logp.shape)
        except (TypeError, ValueError) as error:
            raise LossesError(f"{_place(function)}: {error}") from error
        return losses

    return objective


def _place(function: Callable[..., Any]) -> str:
    """The file and line of a function, or of the class of a callable object."""
    named = function if inspect.isroutine(function) else type(function)
    try:
        plain = inspect.unwrap(named)
        return f"{Path(inspect.getfile(plain)).name}, line {inspect.getsourcelines(plain)[1]}"
    except (TypeError, OSError):
        return repr(function)
