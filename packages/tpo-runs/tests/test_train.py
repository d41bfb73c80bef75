"""The training loop against a loop written out by hand, and what may not change its numbers."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from tpo_envs import TokenTask
from tpo_models import CausalTransformer
from tpo_objectives import tpo
from tpo_runs import Evaluation, SequenceGroup, Trainer, initial_state, train
from tpo_runs._learn import reduce, seed_keys

HORIZON, EPOCHS = 2, 3


def make_policy(key):
    return CausalTransformer(vocab_size=2, horizon=HORIZON, width=4, layers=1, heads=1, key=key)


def gradient_norm(seen):
    return optax.tree.norm(seen.first_gradient)


def moved(seen):
    before, after = (eqx.filter(policy, eqx.is_array) for policy in (seen.before, seen.after))
    return optax.tree.norm(jax.tree.map(jnp.subtract, after, before))


def head_norm(policy, key):
    return {"head_norm": jnp.linalg.norm(policy.head.kernel), "drawn": jax.random.uniform(key)}


@pytest.fixture(scope="module")
def trainer():
    return Trainer(
        rollout=SequenceGroup(TokenTask("reverse_copy", "terminal", HORIZON, 2), 6, 4),
        objective=tpo,
        optimizer=optax.sgd(0.1),
        epochs=EPOCHS,
        probes={"gradient_norm": gradient_norm, "moved": moved},
        evaluation=Evaluation((head_norm,), every=3),
    )


def run(trainer, seeds, steps, **options):
    """The metrics `[seeds, steps]` and the last state."""
    seeds = jnp.asarray(seeds)
    handed_out = list(train(trainer, initial_state(trainer, make_policy, seeds), seeds, steps, **options))
    chunks = [chunk for _, chunk in handed_out]
    assert [chunk.start for chunk in chunks] == [0, *(chunk.stop for chunk in chunks[:-1])]
    assert chunks[-1].stop == steps
    return joined(chunks), handed_out[-1][0]


def joined(chunks):
    return {
        name: np.concatenate([chunk.metrics[name] for chunk in chunks], axis=1) for name in chunks[0].metrics
    }


@pytest.fixture(scope="module")
def seven_steps(trainer):
    return run(trainer, [3, 5], 7)


def test_episodes_equal_a_loop_written_out(trainer, seven_steps):
    metrics, state = seven_steps

    @jax.jit
    def loss_and_gradient(policy, batch):
        def loss(policy):
            return reduce(tpo(trainer.rollout.log_probs(policy, batch), batch.old_logp, batch.scores), batch)

        return jax.value_and_grad(loss)(policy)

    draw_batch = jax.jit(trainer.rollout.draw)
    for row, seed in enumerate([3, 5]):
        policy_key, step_key = jax.random.split(jax.random.fold_in(jax.random.key(0), seed))
        policy = jax.jit(make_policy)(policy_key)
        for step in range(7):
            batch, _ = draw_batch(policy, None, jax.random.fold_in(step_key, step))
            assert metrics["error"][row, step] == pytest.approx(float(batch.error), abs=1e-6)
            before = policy
            for epoch in range(EPOCHS):
                loss, gradient = loss_and_gradient(policy, batch)
                if epoch == 0:
                    assert metrics["loss"][row, step] == pytest.approx(float(loss), abs=1e-5)
                    assert metrics["gradient_norm"][row, step] == pytest.approx(
                        float(optax.tree.norm(gradient)), rel=1e-3
                    )
                policy = jax.tree.map(lambda leaf, g: leaf - 0.1 * g, policy, gradient)
            distance = optax.tree.norm(jax.tree.map(jnp.subtract, policy, before))
            assert metrics["moved"][row, step] == pytest.approx(float(distance), rel=1e-3)
            measured = metrics["head_norm"][row, step]
            if step % 3 == 2:
                assert measured == pytest.approx(float(jnp.linalg.norm(policy.head.kernel)), abs=1e-5)
            else:
                assert np.isnan(measured)
        for got, expected in zip(jax.tree.leaves(state.policy), jax.tree.leaves(policy), strict=True):
            np.testing.assert_allclose(got[row], expected, atol=1e-5)


def test_chunk_length_changes_no_bit(trainer, seven_steps):
    metrics, state = run(trainer, [3, 5], 7, chunk_seconds=1e-9)  # one step each, instead of one and six
    same(metrics, seven_steps[0])
    same(state.policy, seven_steps[1].policy)


def test_going_on_from_a_state_changes_no_bit(trainer, seven_steps):
    seeds = jnp.array([3, 5])
    begun = train(trainer, initial_state(trainer, make_policy, seeds), seeds, 7, chunk_seconds=1e-9)
    state = [next(begun)[0] for _ in range(4)][-1]
    chunks = [chunk for _, chunk in train(trainer, state, seeds, 7, first_step=4)]
    same(joined(chunks), {name: values[:, 4:] for name, values in seven_steps[0].items()})


def test_other_seeds_beside_it_change_no_bit_of_a_seed(trainer, seven_steps):
    metrics, _ = run(trainer, [5, 0, 3, 8], 7)
    same({name: values[[2, 0]] for name, values in metrics.items()}, seven_steps[0])


def test_no_two_keys_of_seeds_are_equal():
    data = np.concatenate([jax.random.key_data(keys) for keys in seed_keys(jnp.arange(3))])
    assert len(np.unique(data, axis=0)) == 9


def same(first, second):
    for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True):
        np.testing.assert_array_equal(a, b)
