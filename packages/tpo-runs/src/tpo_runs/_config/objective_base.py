"""The base class of all `objective` tables."""

import functools
from collections.abc import Callable
from typing import Annotated, Any, ClassVar

from pydantic import Field

from .spec import Spec

NotNegative = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
BelowOne = Annotated[float, Field(gt=0, lt=1)]
Fraction = Annotated[float, Field(ge=0, le=1)]


class ObjectiveSpec(Spec):
    """An objective.

    `level` is "group" or "sample", for what it accepts; None accepts both. `per_token` says that it reads the
    log-probs of tokens, `takes_weights` that it takes weights of tokens, and `parts` what it is made of.
    """

    level: ClassVar[str | None] = None
    per_token: ClassVar[bool] = False
    takes_weights: ClassVar[bool] = False
    parts: ClassVar[str] = ""
    kind: str

    @property
    def takes_tokens(self) -> bool:
        """Whether the loss reads the log-probs of an answer's tokens instead of their sum."""
        return self.per_token

    def build(self, function: Callable[..., Any] | None = None) -> Callable[..., Any]:
        """The loss with its keyword arguments set.

        Args:
            function: the loss; by default the function of `tpo_objectives` named `kind`.
        """
        import tpo_objectives

        return functools.partial(function or getattr(tpo_objectives, self.kind), **self.keywords)

    def target(self) -> Callable[..., Any] | None:
        """The distribution that the loss fits the policy to, as a function; None without one."""
        return None

    def fitted(self) -> Callable[..., Any] | None:
        """The policy's distribution over a group that the loss fits to its target; None without one."""
        return None


class GroupObjectiveSpec(ObjectiveSpec):
    """An objective of groups of candidates."""

    level: ClassVar[str | None] = "group"
