"""The base class of `[policy]` tables."""

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from .spec import Identity, Spec

if TYPE_CHECKING:
    from .._learn import PolicyMaker


class StartSpec(Spec):
    """Trained policies of another run, which kept them: what training starts from.

    Args:
        out: the output directory of that run.
        method: its method; not needed if it has only one.
        point: values of axes of its grid; those that vary are needed.
        seed: the seed whose policy all seeds start from; by default each starts from that of the same seed.
    """

    out: Annotated[str, Field(min_length=1)]
    method: str | None = None
    point: dict[str, Any] = {}
    seed: Annotated[int, Field(ge=0)] | None = None


class PolicySpec(Spec):
    """A policy of `tpo_models`.

    Args:
        start: trained policies to start from, in place of new ones.
    """

    kind: str
    start: Annotated[StartSpec | None, Identity.UNLESS_DEFAULT] = None

    @property
    def keywords(self) -> dict[str, Any]:
        """The keyword arguments of the policy."""
        return self.model_dump(exclude={"kind", "start"})

    def build(self, task: Any, own: Callable[..., Any] | None = None) -> "PolicyMaker":
        """The maker of a new policy for the task, which takes a key.

        Args:
            task: the task.
            own: a user's own class; by default the class of `tpo_models` that the table names.
        """
        import tpo_models

        from .._learn import PolicyMaker

        return PolicyMaker.of(own or getattr(tpo_models, self.builds), **self._sizes(task), **self.keywords)

    @abstractmethod
    def _sizes(self, task: Any) -> dict[str, Any]:
        """The keyword arguments that the task determines."""
