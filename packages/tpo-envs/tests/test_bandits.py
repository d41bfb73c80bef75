"""The bandits against brute force over every context and every action."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from tpo_envs import AbstractBandit, ClassificationBandit, Contexts, ContextTable, symmetric_bandit

IMAGES = np.array([[17 * row, 255, 0] for row in range(10)], np.uint8)
CLASSES = [3, 0, 1, 1, 2, 0, 3, 2, 1, 0]


def five_arms():
    return symmetric_bandit(5)


def same_arm_everywhere():
    return ContextTable(num_contexts=10, num_actions=4)


def other_arm_in_each_context():
    return ContextTable(num_contexts=10, num_actions=4, correct=CLASSES)


def images():
    return ClassificationBandit(IMAGES, np.array(CLASSES, np.uint8), num_actions=4)


# Each task with the right action of each of its contexts, written down by hand.
TASKS = {
    five_arms: [0],
    same_arm_everywhere: [0] * 10,
    other_arm_in_each_context: CLASSES,
    images: CLASSES,
}
every_task = pytest.mark.parametrize("make", TASKS)


@pytest.fixture(autouse=True)
def strict_jax():
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        yield


def rows(inputs):
    """The inputs as hashable values, to recognise a context by what the policy sees."""
    return [tuple(np.atleast_1d(row).tolist()) for row in np.asarray(inputs)]


@every_task
def test_every_action_in_every_context(make):
    task, labels = make(), TASKS[make]
    expected = [[float(action == label) for action in range(task.num_actions)] for label in labels]
    contexts = task.all_contexts()
    actions = jnp.tile(jnp.arange(task.num_actions), (len(labels), 1))
    assert task.all_rewards(contexts).tolist() == expected
    assert task.reward(contexts, actions).tolist() == expected
    for action in range(task.num_actions):
        one_each = jnp.full(len(labels), action)
        assert task.reward(contexts, one_each).tolist() == [row[action] for row in expected]


@every_task
def test_rewards_keep_the_shape_of_the_actions(make):
    task, labels = make(), TASKS[make]
    actions = np.random.default_rng(0).integers(0, task.num_actions, (len(labels), 2, 3))
    expected = actions == np.array(labels)[:, None, None]
    rewards = task.reward(task.all_contexts(), jnp.asarray(actions, jnp.int32))
    assert rewards.tolist() == expected.astype(float).tolist()


@every_task
def test_all_contexts_are_distinct_and_in_order(make):
    task = make()
    contexts = task.all_contexts()
    assert contexts.labels.tolist() == TASKS[make]
    assert len(set(rows(contexts.inputs))) == len(TASKS[make])


@every_task
def test_a_drawn_context_has_its_own_label(make):
    task = make()
    table = task.all_contexts()
    label_of = dict(zip(rows(table.inputs), table.labels.tolist(), strict=True))
    drawn = task.sample(jr.key(1), 50)
    assert drawn.inputs.shape == (50, *table.inputs.shape[1:])
    assert drawn.inputs.dtype == table.inputs.dtype
    assert drawn.labels.tolist() == [label_of[row] for row in rows(drawn.inputs)]


@pytest.mark.parametrize("make", [make for make in TASKS if len(TASKS[make]) == 10])
def test_contexts_are_drawn_uniformly_and_with_replacement(make):
    task, draws = make(), 20_000
    order = rows(task.all_contexts().inputs)
    drawn = rows(task.sample(jr.key(2), draws).inputs)
    counts = np.array([drawn.count(row) for row in order])
    assert counts.sum() == draws
    chi_square = np.sum((counts - draws / 10) ** 2) / (draws / 10)
    # The 0.1% and 99.9% quantiles for 9 degrees of freedom. Dealing all contexts in turn would give 0.
    assert 1.15 < chi_square < 27.88


@every_task
def test_scores_of_the_uniform_and_of_the_best_policy(make):
    task = make()
    rewards = np.asarray(task.all_rewards(task.all_contexts()))
    assert task.random_score == pytest.approx(rewards.mean())
    assert task.optimal_score == rewards.max(axis=1).mean()


@every_task
def test_jit_and_vmap_over_keys_are_a_loop_over_keys(make):
    task, keys = make(), jr.split(jr.key(3), 3)
    actions = np.arange(14, dtype=np.int32).reshape(7, 2) % task.num_actions

    def step(task, key):
        contexts = task.sample(key, 7)
        rewards = task.reward(contexts, jnp.asarray(actions))
        return contexts, rewards, task.all_rewards(contexts), task.all_contexts()

    looped = jax.tree.map(lambda *leaves: np.stack(leaves), *[step(task, key) for key in keys])
    together = eqx.filter_jit(eqx.filter_vmap(step, in_axes=(None, 0)))(task, keys)
    assert eqx.tree_equal(jax.tree.map(np.asarray, together), looped)


@every_task
def test_the_key_decides_what_is_drawn(make):
    task = make()
    assert eqx.tree_equal(task.sample(jr.key(5), 30), task.sample(jr.key(5), 30))
    if len(TASKS[make]) > 1:
        assert not eqx.tree_equal(task.sample(jr.key(5), 30), task.sample(jr.key(6), 30))


def test_the_default_sizes():
    one, many = symmetric_bandit(), ContextTable()
    assert (one.num_contexts, one.num_actions, one.correct.tolist()) == (1, 100, [0])
    assert (many.num_contexts, many.num_actions, many.correct.tolist()) == (100, 10, [0] * 100)


def test_the_right_arm_can_be_chosen():
    assert symmetric_bandit(5, correct=3).correct.tolist() == [3]
    assert ContextTable(3, 5, correct=jnp.array([4, 0, 2])).correct.tolist() == [4, 0, 2]
    assert ContextTable(3, 5, correct=np.array([4, 0, 2])).correct.tolist() == [4, 0, 2]


def test_pixels_are_unsigned_and_scaled_to_one():
    every_value = np.arange(256, dtype=np.uint8)[None, :]
    task = ClassificationBandit(every_value, np.array([0]), num_actions=2)
    assert task.images.dtype == jnp.uint8
    for contexts in (task.all_contexts(), task.sample(jr.key(0), 1)):
        assert contexts.inputs.dtype == jnp.float32
        np.testing.assert_allclose(contexts.inputs[0], np.arange(256) / 255, rtol=1e-6)


def test_a_bandit_of_your_own_needs_only_its_contexts():
    class Parity(AbstractBandit):
        num_actions: int = 2

        def sample(self, key, batch):
            inputs = jr.randint(key, (batch,), 0, 8)
            return Contexts(inputs, inputs % 2)

        def all_contexts(self):
            return Contexts(jnp.arange(8), jnp.arange(8) % 2)

    task = Parity()
    assert task.all_rewards(task.all_contexts())[:, 1].tolist() == [0, 1, 0, 1, 0, 1, 0, 1]
    assert task.random_score == 0.5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_contexts": 0}, "at least 1; got 0 and 10"),
        ({"num_actions": 0}, "at least 1; got 100 and 0"),
        ({"num_contexts": 3, "correct": [0, 1]}, "3 of them"),
        ({"num_contexts": 3, "correct": [0, 1, 10]}, "num_actions - 1 = 9; got values from 0 to 10"),
        ({"correct": -1}, "got values from -1 to -1"),
    ],
)
def test_a_wrong_table_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        ContextTable(**arguments)


def test_arms_are_integers():
    with pytest.raises(TypeError):
        ContextTable(2, 2, correct=np.array([0.0, 1.0]))


@pytest.mark.parametrize("dtype", [np.int8, np.float32, np.int64])
def test_images_other_than_uint8_are_refused(dtype):
    with pytest.raises(TypeError, match=r"(?i)uint8"):
        ClassificationBandit(IMAGES.astype(dtype), np.array(CLASSES), num_actions=4)


def test_labels_other_than_integers_are_refused():
    with pytest.raises(TypeError):
        ClassificationBandit(IMAGES, np.array(CLASSES, np.float32), num_actions=4)


@pytest.mark.parametrize(
    ("labels", "num_actions", "message"),
    [
        (CLASSES, 3, "got values from 0 to 3"),
        ([-1, *CLASSES[1:]], 4, "got values from -1 to 3"),
    ],
)
def test_labels_that_are_no_class_are_refused(labels, num_actions, message):
    with pytest.raises(ValueError, match=message):
        ClassificationBandit(IMAGES, np.array(labels), num_actions)


@pytest.mark.parametrize(
    ("images", "labels"), [(IMAGES, CLASSES[:-1]), (IMAGES[:0], []), (IMAGES[0], [0] * 3)]
)
def test_images_and_labels_that_do_not_fit_are_refused(images, labels):
    # With checked signatures the wrong shapes are refused as wrong types.
    with pytest.raises((ValueError, TypeError)):
        ClassificationBandit(images, np.array(labels, np.int32), num_actions=4)


def test_the_gap_is_what_a_wrong_arm_earns_less():
    task = ContextTable(3, 4, correct=[0, 1, 2], gap=0.25)
    contexts = task.all_contexts()
    expected = np.where(np.eye(3, 4), 1.0, 0.75)
    np.testing.assert_array_equal(task.all_rewards(contexts), expected)
    np.testing.assert_array_equal(task.reward(contexts, jnp.tile(jnp.arange(4), (3, 1))), expected)
    assert task.random_score == expected.mean()
    for gap in (0, 1.5):
        with pytest.raises(ValueError, match="gap must be above 0 and at most 1"):
            ContextTable(3, 4, gap=float(gap))
