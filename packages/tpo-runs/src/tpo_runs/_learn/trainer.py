"""One training step: draw a batch, and take gradient steps on it."""

from collections.abc import Mapping

import equinox as eqx
import jax
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree, Scalar

from .batch import reduce
from .evaluation import Evaluation
from .microbatches import in_microbatches
from .observation import Fitted, Observation, Probe, Target
from .protocols import Objective
from .rollout import AbstractRollout


class TrainState(eqx.Module):
    """Everything that changes during training."""

    policy: PyTree
    optimizer_state: PyTree
    rollout_state: PyTree = None


class Trainer(eqx.Module):
    """Trains a policy: a rollout, an objective, an optimizer, and the number of gradient steps per batch.

    **Arguments:**

    - `rollout`: draws the batches.
    - `objective`: the loss. It gets the keyword `where` only for batches that have one.
    - `optimizer`: maps gradients to updates. It sees, and keeps state for, only the trained parameters.
    - `epochs`: gradient steps on each batch, at least 1.
    - `probes`: measurements of every step, by name.
    - `evaluation`: measurements of the policy after some of the steps.
    - `target`: for probes, the distribution `[*b, k]` over a group that the objective fits the policy to, as
        a function of the batch's `old_logp` and `scores`; None if the objective has no such target.
    - `fitted`: for probes, what the objective fits to the target: a policy's distribution `[*b, k]` over a
        group, as a function of `logp`, `old_logp` and `scores`; the softmax of the log-probs of answers by
        default.
    - `factor`: a factor for each update; None for 1. It is an array, so that trainers that differ only in
        this factor share a compiled program. With an optimizer whose learning rate is 1, it is the learning
        rate.
    - `microbatches`: the number of parts that the prompts of a batch are split into for its gradient. The
        gradient is the same up to rounding and takes one more forward pass, but the intermediate results of
        only one part are in memory at a time.
    - `trainable`: which leaves of the policy are trained: a function from a leaf to a bool, or a PyTree of
        bools and such functions that is a prefix of the policy. Of these leaves, float arrays are trained,
        and all others stay unchanged.

    To train only the head of a pretrained policy:

    ```python
    frozen = jax.tree.map(lambda leaf: False, policy)
    trainable = eqx.tree_at(lambda tree: tree.head, frozen, True)
    ```
    """

    rollout: AbstractRollout
    objective: Objective = eqx.field(static=True)
    optimizer: optax.GradientTransformation = eqx.field(static=True)
    epochs: int = eqx.field(static=True)
    probes: Mapping[str, Probe] = eqx.field(default_factory=dict)
    evaluation: Evaluation | None = None
    target: Target | None = eqx.field(static=True, default=None)
    fitted: Fitted | None = eqx.field(static=True, default=None)
    trainable: PyTree = eqx.is_inexact_array
    microbatches: int = eqx.field(static=True, default=1)
    factor: Float[Array, ""] | None = None

    def start(self, policy: PyTree, key: PRNGKeyArray) -> TrainState:
        """The state before the first step.

        **Arguments:**

        - `policy`: the initial policy.
        - `key`: for the rollout's `init`.

        **Raises:** `ValueError` if `trainable` selects no array of floats. `TypeError` if the rollout's state
        holds a leaf that is not an array, which a compiled loop could not change.
        """
        params, _ = self.split(policy)
        if not jax.tree.leaves(params):
            raise ValueError("there is nothing to train: `trainable` selects no array of floats")
        rollout_state = self.rollout.init(policy, key)
        for leaf in jax.tree.leaves(rollout_state):
            if not eqx.is_array(leaf):
                raise TypeError(f"the rollout's state holds {leaf!r}; expected arrays, as in jnp.zeros(())")
        return TrainState(policy, self.optimizer.init(params), rollout_state)

    def split(self, policy: PyTree) -> tuple[PyTree, PyTree]:
        """The trained parameters, and everything else; `eqx.combine` joins them again."""
        return split_policy(policy, self.trainable)

    def changing(self, state: TrainState) -> TrainState:
        """The part of a state that training changes, with None in place of the rest."""
        params, _ = self.split(state.policy)
        return TrainState(params, state.optimizer_state, state.rollout_state)

    def restored(self, changing: TrainState, state: TrainState) -> TrainState:
        """A full state from a `changing` part; the rest comes from another state of the same seeds."""
        _, frozen = self.split(state.policy)
        return TrainState(
            eqx.combine(changing.policy, frozen), changing.optimizer_state, changing.rollout_state
        )

    def episode(
        self, state: TrainState, key: PRNGKeyArray, step: Int[Array, ""]
    ) -> tuple[TrainState, dict[str, Scalar]]:
        """Draw one batch and take `epochs` gradient steps on all of it.

        **Arguments:**

        - `state`: the state before the step.
        - `key`: the key of the step.
        - `step`: the index of the step, from 0; probes may read it.

        **Returns:** the new state, and the metrics: `error` of the batch, `loss` before the first gradient
        step, and the probes.
        """
        batch, rollout_state = self.rollout.draw(state.policy, state.rollout_state, key)
        params, frozen = self.split(state.policy)
        arrays, static = eqx.partition(state.optimizer_state, eqx.is_array)

        def log_probs(params, batch):
            return self.rollout.log_probs(eqx.combine(params, frozen), batch)

        def loss_of(logp):
            loss = reduce(batch.losses(self.objective, logp), batch)
            return loss if batch.ref_logp is None else loss + batch.penalty(logp)

        def loss_and_gradient(params):
            if self.microbatches > 1:
                return in_microbatches(log_probs, loss_of, params, batch, self.microbatches)
            return jax.value_and_grad(lambda params: loss_of(log_probs(params, batch)))(params)

        def epoch(carry, _):
            params, arrays = carry
            loss, gradient = loss_and_gradient(params)
            updates, optimizer_state = self.optimizer.update(gradient, eqx.combine(arrays, static), params)
            if (factor := self.factor) is not None:
                updates = jax.tree.map(lambda update: factor.astype(update.dtype) * update, updates)
            params = eqx.apply_updates(params, updates)
            return (params, eqx.filter(optimizer_state, eqx.is_array)), (loss, gradient)

        # The scan stacks the gradients of all epochs, so that the step is compiled once. The compiler drops
        # gradients that no probe reads.
        (params, arrays), of_epochs = jax.lax.scan(epoch, (params, arrays), length=self.epochs)
        loss, gradient = jax.tree.map(lambda stacked: stacked[0], of_epochs)
        after = TrainState(eqx.combine(params, frozen), eqx.combine(arrays, static), rollout_state)
        seen = Observation(
            self.rollout,
            batch,
            self.objective,
            state.policy,
            after.policy,
            gradient,
            step,
            self.target,
            self.fitted,
        )
        metrics = {"error": batch.error, "loss": loss}
        return after, metrics | {name: probe(seen) for name, probe in self.probes.items()}


def split_policy(policy: PyTree, trainable: PyTree) -> tuple[PyTree, PyTree]:
    """Split a policy into its trained parameters and everything else; `eqx.combine` joins them again.

    `trainable` is as in `Trainer`.
    """
    chosen, frozen = eqx.partition(policy, trainable)
    params, others = eqx.partition(chosen, eqx.is_inexact_array)
    return params, eqx.combine(frozen, others)
