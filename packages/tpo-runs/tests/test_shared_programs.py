"""Cells that differ in the learning rate, the seeds or the number of steps share a compiled program."""

import dataclasses
import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from small_configs import bandit

from tpo_runs import build_policy, build_trainer, initial_state, load_config, train
from tpo_runs._learn import compile_chunk

CONFIG = bandit(
    task={"kind": "context_table", "contexts": 4, "actions": 3},
    optimizer={"kind": "adam", "learning_rate": 0.1, "clip_norm": 0.5},
    schedule={"steps": 6, "epochs": 2, "seeds": 3},
)


def trained(*overrides, optimizer=None):
    """The text of the compiled program, and the final policy."""
    (cell,) = load_config(CONFIG, overrides=overrides).cells
    trainer, seeds = build_trainer(cell), jnp.asarray(cell.seeds)
    if optimizer is not None:
        trainer = dataclasses.replace(trainer, optimizer=optimizer, factor=None)
    state = initial_state(trainer, build_policy(cell), seeds)
    program = compile_chunk(trainer, state, seeds)
    *_, (state, _) = train(trainer, state, seeds, cell.schedule.steps, program=program)
    # Without the lines of the source.
    text = re.sub(r"(?m), metadata=\{.*?\}|^\d+ .*\n", "", program.compiled.as_text())
    return text, jax.tree.leaves(state.policy)


@pytest.fixture(scope="module")
def before():
    return trained()


@pytest.mark.parametrize(
    "override", [("optimizer.learning_rate", "0.3"), ("schedule.first_seed", "5"), ("schedule.steps", "9")]
)
def test_a_setting_that_is_data_leaves_the_program_as_it_was(override, before):
    text, policy = trained(override)
    assert text == before[0]
    assert not all(map(np.array_equal, policy, before[1]))


@pytest.mark.parametrize("override", [("objective.eta", "2.0"), ("optimizer.decay", "linear")])
def test_a_setting_of_the_program_changes_it(override, before):
    name, value = override
    path = f"method.TPO.{name}" if name.startswith("objective") else name
    assert trained((path, value))[0] != before[0]


def test_the_bits_are_those_of_an_optimizer_with_that_learning_rate(before):
    constant = optax.chain(optax.clip_by_global_norm(0.5), optax.adam(0.1))
    for leaf, expected in zip(before[1], trained(optimizer=constant)[1], strict=True):
        np.testing.assert_array_equal(leaf, expected)
