"""Which parameter of the transformer belongs to which optimizer, and what each of them does to it."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from tpo_models import CausalTransformer
from tpo_runs import muon
from tpo_runs._config import KINDS as CONFIG_KINDS
from tpo_runs._learn import muon_roles

OPTIMIZERS = CONFIG_KINDS["optimizer"]
LEARNING_RATE = 1e-3
ADAM, MUON = "adam", "muon"
# The whole partition table of the paper's optimizer, with the shapes at width 64, 2 heads, vocabulary 4 and
# horizon 10.
BLOCK = {
    "attention_norm.weight": (ADAM, (64,)),
    "attention_norm.bias": (ADAM, (64,)),
    "attention.query": (ADAM, (64, 2, 32)),
    "attention.key": (ADAM, (64, 2, 32)),
    "attention.value": (ADAM, (64, 2, 32)),
    "attention.query_bias": (MUON, (2, 32)),
    "attention.key_bias": (MUON, (2, 32)),
    "attention.value_bias": (MUON, (2, 32)),
    "attention.out": (ADAM, (2, 32, 64)),
    "attention.out_bias": (ADAM, (64,)),
    "mlp_norm.weight": (ADAM, (64,)),
    "mlp_norm.bias": (ADAM, (64,)),
    "mlp_in.kernel": (MUON, (64, 256)),
    "mlp_in.bias": (ADAM, (256,)),
    "mlp_out.kernel": (MUON, (256, 64)),
    "mlp_out.bias": (ADAM, (64,)),
}
TABLE = {
    "token_embedding": (MUON, (4, 64)),
    "position_embedding": (MUON, (20, 64)),
    **{f"blocks[{i}].{name}": entry for i in range(2) for name, entry in BLOCK.items()},
    "norm.weight": (ADAM, (64,)),
    "norm.bias": (ADAM, (64,)),
    "head.kernel": (MUON, (64, 4)),
    "head.bias": (ADAM, (4,)),
}


@pytest.fixture(scope="module")
def params():
    @eqx.filter_jit
    def make(key):
        return CausalTransformer(vocab_size=4, horizon=10, width=64, layers=2, heads=2, key=key)

    return eqx.filter(make(jax.random.key(0)), eqx.is_inexact_array)


@pytest.fixture(scope="module")
def step(params):
    """Two gradients, and the update that follows the second."""
    optimizer = muon(
        learning_rate=LEARNING_RATE, beta=0.95, newton_schulz_steps=5, adam_b1=0.9, adam_b2=0.999, eps=1e-8
    )

    rng = np.random.default_rng(0)
    gradients = [
        jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=leaf.shape), leaf.dtype), params)
        for _ in range(2)
    ]

    @jax.jit
    def take(gradient, state):
        return optimizer.update(gradient, state, params)

    state = jax.jit(optimizer.init)(params)
    for gradient in gradients:
        updates, state = take(gradient, state)
    return [by_name(gradient) for gradient in gradients], by_name(updates)


def by_name(tree):
    leaves = jax.tree_util.tree_flatten_with_path(tree, is_leaf=lambda x: x is None)[0]
    return {jax.tree_util.keystr(path).removeprefix("."): leaf for path, leaf in leaves}


def adam_update(gradients):
    """Adam with Nesterov momentum, by hand, after two steps from zero."""
    mean = square = 0.0
    for gradient in gradients:
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
    nesterov = 0.9 * mean / (1 - 0.9**3) + 0.1 * gradients[-1] / (1 - 0.9**2)
    return -LEARNING_RATE * nesterov / (np.sqrt(square / (1 - 0.999**2)) + 1e-8)


def muon_update(gradients):
    """Muon, by hand: Nesterov momentum, five Newton-Schulz steps on its normalised matrix, width scale."""
    mean = 0.0
    for gradient in gradients:
        mean = 0.95 * mean + 0.05 * gradient
    x = 0.95 * mean / (1 - 0.95**3) + 0.05 * gradients[-1] / (1 - 0.95**2)
    fan_in, fan_out = x.shape
    x = x / np.linalg.norm(x)
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return -LEARNING_RATE * np.sqrt(max(1.0, fan_out / fan_in)) * x


def test_the_table_names_every_parameter_and_its_shape(params):
    assert {name: leaf.shape for name, leaf in by_name(params).items()} == {
        name: shape for name, (_, shape) in TABLE.items()
    }


def test_roles_are_those_of_the_table(params):
    roles = jax.tree_util.tree_flatten_with_path(
        muon_roles(params), is_leaf=lambda x: x is None or hasattr(x, "reduction_axis")
    )[0]
    named = {jax.tree_util.keystr(path).removeprefix("."): role for path, role in roles}
    assert {name: role is not None for name, role in named.items()} == {
        name: kind == MUON for name, (kind, _) in TABLE.items()
    }
    assert {(role.reduction_axis, role.output_axis) for role in named.values() if role} == {(-2, -1)}


@pytest.mark.parametrize("name", TABLE)
def test_every_parameter_takes_its_optimizers_step(step, name):
    gradients, updates = step
    history = [np.asarray(gradient[name], dtype=np.float64) for gradient in gradients]
    expected = (muon_update if TABLE[name][0] == MUON else adam_update)(history)
    np.testing.assert_allclose(updates[name], expected, atol=2e-3 * np.abs(expected).max())


def test_no_weight_decay(params, step):
    """A parameter's own value plays no part: the same gradients give the same update elsewhere."""
    optimizer = muon(
        learning_rate=LEARNING_RATE, beta=0.95, newton_schulz_steps=5, adam_b1=0.9, adam_b2=0.999, eps=1e-8
    )

    @jax.jit
    def update(params):
        gradient = jax.tree.map(jnp.ones_like, params)
        return optimizer.update(gradient, optimizer.init(params), params)[0]

    near, far = update(params), update(jax.tree.map(lambda leaf: leaf + 100.0, params))
    for a, b in zip(jax.tree.leaves(near), jax.tree.leaves(far), strict=True):
        np.testing.assert_array_equal(a, b)


# --- clipping and schedules, against Optax composed by hand ---

STEPS, UPDATES_PER_STEP, RATE = 6, 2, 0.3
KINDS = {
    "muon": optax.contrib.muon,
    "adam": optax.adam,
    "adamw": functools.partial(optax.adamw, weight_decay=0.1),
    "sgd": functools.partial(optax.sgd, momentum=0.9),
}
OWN = {"adamw": {"weight_decay": 0.1}, "sgd": {"momentum": 0.9}}
SCHEDULES = {
    "warmup": ({"warmup_steps": 2}, lambda: optax.warmup_constant_schedule(0.0, RATE, 4)),
    "linear": ({"decay": "linear"}, lambda: optax.linear_schedule(RATE, 0.0, 12)),
    "cosine": ({"decay": "cosine"}, lambda: optax.cosine_decay_schedule(RATE, 12)),
    "warmup and cosine": (
        {"warmup_steps": 2, "decay": "cosine"},
        # Optax counts the warmup as a part of the decay's steps.
        lambda: optax.warmup_cosine_decay_schedule(0.0, RATE, 4, 12),
    ),
}


def spec_of(kind, **settings):
    spec = OPTIMIZERS[kind].model_validate({"kind": kind, "learning_rate": RATE, **settings})
    optimizer = spec.build(STEPS, UPDATES_PER_STEP)
    return optimizer if spec.factor is None else optax.chain(optimizer, optax.scale(spec.factor))


def updates_of(optimizer):
    """All updates of a run on fixed gradients of norms from below 1 to far above."""
    params = {"matrix": jnp.ones((3, 2)), "bias": jnp.full(2, -0.5)}
    rng = np.random.default_rng(0)
    state, found = optimizer.init(params), []
    update = jax.jit(optimizer.update)
    for i in range(STEPS * UPDATES_PER_STEP):
        gradient = jax.tree.map(lambda leaf, size=i: size * rng.normal(size=leaf.shape) / 2, params)
        updates, state = update(jax.tree.map(jnp.float32, gradient), state, params)
        params = optax.apply_updates(params, updates)
        found.append(updates)
    return found


def assert_same_updates(first, second):
    for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=1e-6)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("kind", ["adam", "adamw", "sgd"])
def test_the_learning_rate_follows_optaxs_schedules(kind, schedule):
    settings, by_hand = SCHEDULES[schedule]
    found = updates_of(spec_of(kind, **settings, **OWN.get(kind, {})))
    assert_same_updates(found, updates_of(KINDS[kind](by_hand())))


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_clipped_before_anything_else(kind):
    found = updates_of(spec_of(kind, clip_norm=0.7, decay="linear", **OWN.get(kind, {})))
    rate = optax.linear_schedule(RATE, 0.0, 12)
    assert_same_updates(found, updates_of(optax.chain(optax.clip_by_global_norm(0.7), KINDS[kind](rate))))


def test_the_steps_of_unit_norm_are_as_long_as_the_learning_rate_of_their_update():
    lengths = [optax.tree.norm(update) for update in updates_of(spec_of("unit_norm", decay="linear"))]
    # The first gradient is 0.
    np.testing.assert_allclose(lengths, [0, *(RATE * (1 - i / 12) for i in range(1, 12))], rtol=1e-5)


@pytest.mark.parametrize("kind", ["adam", "muon"])
def test_without_settings_of_its_own_an_optimizer_is_the_plain_one(kind):
    params = {"matrix": jnp.ones((3, 2))}
    plain = jax.tree.structure(spec_of(kind).init(params))
    assert plain == jax.tree.structure(spec_of(kind, decay="constant", warmup_steps=0).init(params))
    assert plain != jax.tree.structure(spec_of(kind, decay="linear").init(params))


@pytest.mark.parametrize("settings", [{"clip_norm": 1.0}, {"warmup_steps": 1}, {"decay": "linear"}], ids=str)
def test_a_setting_that_is_used_is_part_of_the_identity(settings):
    plain = OPTIMIZERS["adam"].model_validate({"kind": "adam", "learning_rate": RATE})
    changed = plain.model_copy(update=settings)
    assert changed.identity() == {**plain.identity(), **settings}


def test_nesterov_momentum_steps_along_the_next_momentum():
    optimizer = spec_of("sgd", momentum=0.5, nesterov=True)
    state, steps = optimizer.init(jnp.zeros(())), []
    for gradient in (1.0, 1.0, -2.0):
        update, state = optimizer.update(jnp.float32(gradient), state)
        steps.append(update)
    # The momenta are 1, 1.5 and -1.25; a step adds half of the new one to the gradient.
    np.testing.assert_allclose(steps, [-RATE * 1.5, -RATE * 1.75, RATE * 2.625], rtol=1e-6)


def test_nesterov_momentum_needs_momentum():
    with pytest.raises(ValueError, match=r"nesterov = true .* momentum = 0; set momentum"):
        spec_of("sgd", nesterov=True)
