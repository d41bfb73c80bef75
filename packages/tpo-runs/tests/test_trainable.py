"""Training a part of a policy: which leaves move, and what the optimizer keeps of them."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jaxtyping import Array, Float, Int

from tpo_objectives import reinforce
from tpo_runs import AbstractRollout, Batch, Trainer, initial_state, train

SEEDS = jnp.arange(2)


class Adapted(eqx.Module):
    """A frozen matrix plus a product of two small ones, as in LoRA."""

    base: Float[Array, "c a"]
    down: Float[Array, "c 1"]
    up: Float[Array, "1 a"]
    visits: Int[Array, ""]
    name: str = eqx.field(static=True, default="adapted")

    def __init__(self, key):
        base, down = jax.random.split(key)
        self.base, self.down = jax.random.normal(base, (3, 4)), jax.random.normal(down, (3, 1))
        self.up, self.visits = jnp.zeros((1, 4)), jnp.int32(5)

    def log_policy(self):
        return jax.nn.log_softmax(self.base + self.down @ self.up)


class Table(AbstractRollout):
    """All actions in all contexts, with the action of the same index as the right one."""

    def draw(self, policy, state, key):
        rewards = jnp.eye(3, 4)
        return Batch(None, policy.log_policy(), rewards, rewards, jnp.float32(0)), state

    def log_probs(self, policy, batch):
        return policy.log_policy()


def trained(**options):
    trainer = Trainer(Table(), reinforce, optax.adam(0.1), epochs=2, **options)
    before = initial_state(trainer, Adapted, SEEDS)
    policy = jax.tree.map(jnp.copy, before.policy)
    (*_, (after, _)) = train(trainer, before, SEEDS, 3)
    return policy, after


def by_fields(*names):
    """True for these fields, False for the others, without an instance of the policy's arrays."""
    shape = eqx.filter_eval_shape(Adapted, jax.random.key(0))
    frozen = jax.tree.map(lambda leaf: False, shape)
    return eqx.tree_at(lambda tree: [getattr(tree, name) for name in names], frozen, [True] * len(names))


SPECS = {
    "adapter": (by_fields("down", "up"), {"down", "up"}),
    # an array of integers is chosen, too, and has no gradient
    "one matrix and the counter": (by_fields("down", "visits"), set()),
    "predicate": (lambda leaf: eqx.is_inexact_array(leaf) and leaf.shape[0] == 1, {"up"}),
    "everything": (True, {"base", "down", "up"}),
}


@pytest.mark.parametrize("spec", SPECS)
def test_what_is_not_trained_keeps_every_bit(spec):
    trainable, moved = SPECS[spec]
    before, after = trained(trainable=trainable)
    for name in ("base", "down", "up", "visits"):
        old, new = getattr(before, name), getattr(after.policy, name)
        assert (new != old).any() == (name in moved), name
        assert new.dtype == old.dtype


def test_the_optimizer_keeps_a_state_for_the_trained_leaves_alone():
    _, after = trained(trainable=by_fields("up"))
    shapes = sorted(leaf.shape for leaf in jax.tree.leaves(after.optimizer_state))
    assert shapes == [(2,), (2, 1, 4), (2, 1, 4)]  # the count and two moments, for two seeds


def test_by_default_all_arrays_of_floats_are_trained():
    assert_equal(trained()[1], trained(trainable=True)[1])


def test_a_part_is_trained_as_if_the_rest_were_constants():
    _, after = trained(trainable=by_fields("up"))
    for row, seed in enumerate([0, 1]):
        policy_key, _ = jax.random.split(jax.random.fold_in(jax.random.key(0), seed))
        policy = Adapted(policy_key)
        optimizer, up = optax.adam(0.1), policy.up
        state = optimizer.init(up)
        for _ in range(3):
            old = jax.nn.log_softmax(policy.base + policy.down @ up)

            def loss(up, old=old, policy=policy):
                logp = jax.nn.log_softmax(policy.base + policy.down @ up)
                return reinforce(logp, old, jnp.eye(3, 4)).sum(axis=-1).mean()

            for _ in range(2):
                updates, state = optimizer.update(jax.grad(loss)(up), state)
                up = up + updates
        np.testing.assert_allclose(after.policy.up[row], up, atol=1e-5)


def test_nothing_to_train_is_refused():
    with pytest.raises(ValueError, match="nothing to train: `trainable` selects no array of floats"):
        trained(trainable=by_fields("visits"))


def assert_equal(first, second):
    for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True):
        np.testing.assert_array_equal(a, b)
