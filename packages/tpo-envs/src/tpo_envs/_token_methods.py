"""A decorator for methods of token tasks, which checks tokens, widens them and makes them read-only."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numpy as np

from ._arrays import AnyArray, check_broadcast, check_candidates, check_tokens, fill_after_end, widen

P = ParamSpec("P")
R = TypeVar("R")

# The methods that take tokens, and the names of these arguments.
TOKEN_METHODS = {
    "answer": ("prompts",),
    **dict.fromkeys(("mask", "lengths"), ("answers",)),
    **dict.fromkeys(
        ("right_tokens", "correct", "exact_match", "token_rewards", "score", "verdicts"),
        ("prompts", "answers"),
    ),
    **dict.fromkeys(("candidate_rewards", "right_candidates"), ("prompts", "behaviour", "candidates")),
}


def on_tokens(method: Callable[P, R], name: str | None = None) -> Callable[P, R]:
    """Check a method's tokens and pass them on as read-only integers of at least 32 bits.

    In answers, every token after the first end token becomes an end token.

    The result never shares memory with the arguments, so `answers = task.answer(prompts)` can be modified.
    """
    names = TOKEN_METHODS[name or method.__name__]
    parameters = list(inspect.signature(method).parameters)[1 : 1 + len(names)]
    name_of = dict(zip(parameters, names, strict=False))

    @functools.wraps(method)
    def checked(self: Any, *arguments: Any, **keywords: Any) -> Any:
        tokens = {name: _checked(name, x, self) for name, x in zip(names, arguments, strict=False)}
        rest = arguments[len(names) :]
        named = {key: _checked(name_of[key], x, self) for key, x in keywords.items() if key in name_of}
        given = {**tokens, **{name_of[key]: x for key, x in named.items()}}
        if len(given) > 1:
            check_broadcast(**{name: _leading(name, x) for name, x in given.items()})
        result = method(self, *tokens.values(), *rest, **{**keywords, **named})  # pyright: ignore[reportCallIssue]
        # In calls between methods, tokens are read-only, so sharing their memory is safe.
        if isinstance(result, np.ndarray) and any(
            isinstance(x, np.ndarray) and x.flags.writeable and np.may_share_memory(result, x)
            for x in (*arguments, *keywords.values())
        ):
            return result.copy()
        return result

    checked.__dict__["checks_tokens"] = True
    return checked  # pyright: ignore[reportReturnType]


def check_overrides(task: type) -> None:
    """Decorate every method that a class of tasks overrides with `on_tokens`."""
    for name in TOKEN_METHODS:
        method = getattr(task, name, None)
        if inspect.isfunction(method) and not hasattr(method, "checks_tokens"):
            setattr(task, name, on_tokens(method, name))


def _checked(name: str, tokens: AnyArray, task: Any) -> AnyArray:
    check = check_candidates if name == "candidates" else check_tokens
    check(name, tokens, task.prompt_length if name == "prompts" else task.horizon)
    wide = widen(tokens)
    if name == "answers":
        wide = fill_after_end(wide, task.end)
    if isinstance(wide, np.ndarray):
        wide = wide.view()
        wide.flags.writeable = False
    return wide


def _leading(name: str, tokens: AnyArray) -> tuple[int, ...]:
    shape = tuple(tokens.shape)
    return shape[:-1] if name == "candidates" else shape
