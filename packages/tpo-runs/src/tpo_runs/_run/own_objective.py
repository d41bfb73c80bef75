"""Custom objectives, whose errors must fail only their cell and name their file."""

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jaxtyping import Array, Float

from .._errors import Stopped
from .._learn import check_losses
from .failures import ObjectiveError


def guarded(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap an objective to raise `ObjectiveError` if it returns no losses, or if it exits."""

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
            raise ObjectiveError(f"{_place(function)}: {error}") from error
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
