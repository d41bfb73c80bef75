"""One episode of training: a batch from the policy, and gradient steps on it."""

from collections.abc import Mapping

import equinox as eqx
import jax
import optax
from jaxtyping import Array, Int, PRNGKeyArray, PyTree, Scalar

from .batch import AbstractRollout, reduce
from .observation import Evaluation, Observation, Probe
from .protocols import Objective


class TrainState(eqx.Module):
    """What training changes."""

    policy: PyTree
    optimizer_state: PyTree


class Trainer(eqx.Module):
    """How a cell is trained: a rollout, an objective, an optimizer, and gradient steps per rollout.

    `probes` look at every episode, `evaluation` at the policy after some of them.
    """

    rollout: AbstractRollout
    objective: Objective = eqx.field(static=True)
    optimizer: optax.GradientTransformation = eqx.field(static=True)
    epochs: int = eqx.field(static=True)
    probes: Mapping[str, Probe] = eqx.field(default_factory=dict)
    evaluation: Evaluation | None = None

    def start(self, policy: PyTree) -> TrainState:
        """The state before the first episode."""
        return TrainState(policy, self.optimizer.init(eqx.filter(policy, eqx.is_inexact_array)))

    def episode(
        self, state: TrainState, key: PRNGKeyArray, step: Int[Array, ""]
    ) -> tuple[TrainState, dict[str, Scalar]]:
        """Draw one batch from the policy and take `epochs` full-batch gradient steps on it.

        Returns the new state, and the metrics of the episode: `error` of the behaviour policy, `loss` before
        the first step, and the probes.
        """
        batch = self.rollout.draw(state.policy, key)

        @eqx.filter_value_and_grad
        def loss_and_gradient(policy):
            logp = self.rollout.log_probs(policy, batch)
            return reduce(self.objective(logp, batch.old_logp, batch.scores), batch)

        arrays, static = eqx.partition(state, eqx.is_array)

        def epoch(arrays, _):
            state = eqx.combine(arrays, static)
            loss, gradient = loss_and_gradient(state.policy)
            params = eqx.filter(state.policy, eqx.is_inexact_array)
            updates, optimizer_state = self.optimizer.update(gradient, state.optimizer_state, params)
            state = TrainState(eqx.apply_updates(state.policy, updates), optimizer_state)
            return eqx.filter(state, eqx.is_array), (loss, gradient)

        # All epochs' gradients are handed out, so that the step is compiled once; what no probe reads of them
        # is dropped by the compiler.
        arrays, seen_by_epoch = jax.lax.scan(epoch, arrays, length=self.epochs)
        loss, gradient = jax.tree.map(lambda stacked: stacked[0], seen_by_epoch)
        after = eqx.combine(arrays, static)
        seen = Observation(self.rollout, batch, self.objective, state.policy, after.policy, gradient, step)
        metrics = {"error": batch.error, "loss": loss}
        return after, metrics | {name: probe(seen) for name, probe in self.probes.items()}
