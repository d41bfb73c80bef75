"""The base class of `[task]` tables, and the types that they share."""

from typing import Annotated, Any, Literal

from pydantic import Field

from .spec import Spec

Target = Literal[
    "copy",
    "flip",
    "reverse_copy",
    "reverse_flip",
    "sort",
    "modular_addition",
    "parity",
    "skip_distractors",
]
Reward = Literal["bag_of_tokens", "sequential", "terminal", "graded"]
Horizon = Annotated[int, Field(ge=1, le=4096)]
Vocabulary = Annotated[int, Field(ge=2, le=65536)]


class TaskSpec(Spec):
    """A task of `tpo_envs`."""

    kind: str

    def build(self) -> Any:
        """The task."""
        import tpo_envs

        return getattr(tpo_envs, self.builds)(**self.keywords)
