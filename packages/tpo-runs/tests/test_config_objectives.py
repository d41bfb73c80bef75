"""The objective tables against the functions that they configure."""

import inspect
from typing import Any

import pytest

KINDS = ["tpo", "grpo", "group_pg", "cross_entropy", "ppo", "dg", "reinforce"]


def spec_of(kind: str) -> Any:
    from tpo_runs._config import OBJECTIVES

    return OBJECTIVES[kind]


def test_kinds_are_the_ones_listed_here() -> None:
    from tpo_runs._config import OBJECTIVES

    assert list(OBJECTIVES) == KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_keywords_and_defaults_are_those_of_the_function(kind: str) -> None:
    import tpo_objectives

    parameters = inspect.signature(getattr(tpo_objectives, kind)).parameters.values()
    expected = {p.name: p.default for p in parameters if p.kind == p.KEYWORD_ONLY}
    assert spec_of(kind)().keywords == expected


@pytest.mark.parametrize("kind", KINDS)
def test_the_level_is_the_one_at_which_the_function_works(kind: str) -> None:
    import jax.numpy as jnp

    import tpo_objectives

    arrays = [jnp.log(jnp.array([[0.2, 0.3, 0.5], [0.1, 0.1, 0.8]]))] * 2
    losses = getattr(tpo_objectives, kind)(*arrays, jnp.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.5]]))
    assert {(2,): "group", (2, 3): "sample"}[losses.shape] == spec_of(kind).level


def test_informative_only_is_the_combinator_of_that_name() -> None:
    import tpo_objectives

    spec = spec_of("grpo")(informative_only=True)
    assert callable(tpo_objectives.informative_only)
    assert "informative_only" not in spec.keywords
