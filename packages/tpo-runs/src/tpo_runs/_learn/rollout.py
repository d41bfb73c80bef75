"""The base class of rollouts."""

import abc
from typing import Any, ClassVar

import equinox as eqx
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from .batch import Batch


class AbstractRollout(eqx.Module):
    """Draws batches. It decides which samples and scores there are and what counts as a group.

    Subclasses implement `draw` and `log_probs`. A rollout that carries state from step to step, such as a
    replay buffer or an older policy, also implements `init`. Its state is part of the training state:
    checkpoints contain it, and every seed has its own.
    """

    grouped: ClassVar[bool] = True
    """Whether the last axis of a batch holds the candidates of a group, and not the tokens of one answer."""

    def init(self, policy: PyTree, key: PRNGKeyArray) -> PyTree:
        """The state before the first step: a PyTree of arrays, or None (the default) for no state.

        **Arguments:**

        - `policy`: the initial policy.
        - `key`: a key that is used nowhere else.
        """
        del policy, key

    @abc.abstractmethod
    def draw(self, policy: Any, state: PyTree, key: PRNGKeyArray) -> tuple[Batch, PyTree]:
        """Draw a batch from the policy and score it.

        **Arguments:**

        - `policy`: the current policy.
        - `state`: the state that `init` or the last `draw` returned.
        - `key`: the key of the step.

        **Returns:** the batch, and the state for the next step, with the shapes and dtypes of `state`.
        """

    @abc.abstractmethod
    def log_probs(self, policy: Any, batch: Batch) -> Float[Array, "*b"]:
        """The log-probs in nats of the batch's samples under any policy, shaped like `batch.old_logp`.

        Entries that do not exist may have any finite value.
        """


class AbstractWrapper(AbstractRollout):
    """A rollout that changes how another rollout draws its batches, or what they contain."""

    rollout: AbstractRollout

    @property
    def grouped(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether the inner rollout draws groups."""
        return self.rollout.grouped

    @property
    def task(self) -> Any:
        """The inner rollout's task."""
        inner: Any = self.rollout
        return inner.task

    @property
    def prompts(self) -> int:
        """The prompts of a batch."""
        return getattr(self.rollout, "prompts", 1)

    def log_probs(self, policy: Any, batch: Batch) -> Float[Array, "*b"]:
        """The log-probs of the batch's samples under any policy, at temperature 1."""
        return self.rollout.log_probs(policy, batch)
