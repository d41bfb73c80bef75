"""The base class of `[policy]` tables."""

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from .spec import Spec

if TYPE_CHECKING:
    from .._learn import PolicyMaker


class PolicySpec(Spec):
    """A policy. `builds` names its class in `tpo_models`."""

    builds: ClassVar[str]
    kind: str

    def build(self, task: Any) -> "PolicyMaker":
        """The maker of a policy for the task, which takes a key."""
        import tpo_models

        from .._learn import PolicyMaker

        return PolicyMaker.of(getattr(tpo_models, self.builds), **self._sizes(task), **self.keywords)

    @abstractmethod
    def _sizes(self, task: Any) -> dict[str, int]:
        """The keyword arguments that the task determines."""
