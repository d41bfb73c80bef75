"""The benchmark of objectives runs every one that the package has; nothing is timed."""

import inspect

import bench_objectives
import jax
import pytest

import tpo_objectives

NO_OBJECTIVES = {
    "batch_mean",
    "informative_only",
    "logp_gradient",
    "over_tokens",
    "standardize",
    "tpo_target",
}


def test_every_public_objective_is_measured():
    public = {name for name, _ in inspect.getmembers(tpo_objectives, inspect.isfunction)}
    assert set(bench_objectives.objectives()) == public - NO_OBJECTIVES


@pytest.mark.parametrize("name", bench_objectives.objectives())
def test_a_step_takes_the_inputs_that_are_made_for_it(name):
    function = bench_objectives.objectives()[name]
    shape = (4, 3, 5) if bench_objectives.takes_tokens(function) else (4, 3)
    arguments = bench_objectives.inputs(name, function, shape)
    loss, gradient = jax.eval_shape(bench_objectives.step(function), *arguments)
    assert (loss.shape, gradient.shape) == ((), shape)
