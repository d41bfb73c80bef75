"""The family of objectives, the data they are tested on, and the strictness they are tested with."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest


@dataclasses.dataclass(frozen=True, eq=False)
class Case:
    """One objective with its options, looked up by name because this file is read before the package is."""

    name: str
    level: str
    options: dict[str, Any]

    def __call__(self, logp, old_logp, scores):
        import tpo_objectives

        return getattr(tpo_objectives, self.name)(logp, old_logp, scores, **self.options)

    def gradient(self, logp, old_logp, scores):
        return jax.grad(lambda x: self(x, old_logp, scores).sum())(logp)

    def __str__(self):
        return " ".join([self.name, *(f"{name}={value}" for name, value in self.options.items())])


def group(name: str, **options: Any) -> Case:
    return Case(name, "group", options)


def sample(name: str, **options: Any) -> Case:
    return Case(name, "sample", options)


CASES = [
    group("tpo"),
    group("tpo", eta=0.5),
    group("tpo", eta=2.0, anchor=False),
    group("grpo"),
    group("grpo", clip=0.4, kl_coef=0.0),
    group("group_pg"),
    group("group_pg", eta=2.0),
    group("cross_entropy"),
    sample("ppo"),
    sample("ppo", clip=0.5),
    sample("dg"),
    sample("dg", eta=0.1),
    sample("reinforce"),
]
GROUP_CASES = [case for case in CASES if case.level == "group"]
# Every group objective standardizes the scores, or uses no more than their order. Sample objectives do not.
# Without its anchor TPO pulls a constant group to the uniform distribution, wherever the policy is.
RESTING_CASES = [case for case in GROUP_CASES if case.options.get("anchor", True)]


@pytest.fixture(params=CASES, ids=str)
def case(request):
    return request.param


@pytest.fixture(params=GROUP_CASES, ids=str)
def group_case(request):
    return request.param


@pytest.fixture(params=RESTING_CASES, ids=str)
def resting_case(request):
    return request.param


@pytest.fixture(autouse=True)
def strict_jax():
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        yield


@dataclasses.dataclass(frozen=True)
class Precision:
    dtype: Any
    tolerance: float


@pytest.fixture(params=["float32", "float64"])
def precision(request):
    single = request.param == "float32"
    with jax.enable_x64(not single):
        yield Precision(jnp.float32, 1e-5) if single else Precision(jnp.float64, 1e-12)


@pytest.fixture
def x64():
    with jax.enable_x64(True):
        yield


@pytest.fixture
def batch():
    """Makes `(logp, old_logp, scores)` of shape `[*leading, 6]`.

    The ratios lie on both sides of every clip. The first group is constant, the second has ties.
    """

    def make(seed=0, dtype=jnp.float64, leading=(5,)):
        rng = np.random.default_rng(seed)
        shape = (*leading, 6)
        old_logp = np.log(rng.dirichlet(np.ones(6), size=leading)) + rng.normal(size=(*leading, 1))
        logp = old_logp + 0.5 * rng.normal(size=shape)
        scores = rng.normal(size=shape)
        rows = scores.reshape(-1, 6)
        rows[:1] = 0.7
        rows[1:2] = [0, 1, 0, 1, 0, 0]
        return tuple(jnp.asarray(array, dtype) for array in (logp, old_logp, scores))

    return make
