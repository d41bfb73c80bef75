"""The family of objectives, the data they are tested on, and the strictness they are tested with."""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest


@dataclasses.dataclass(frozen=True, eq=False)
class Case:
    """One objective with its options, looked up by name because this file is read before the package is.

    `unit_free` says that the unit of the scores does not matter, `rests` that a constant group has no
    gradient at the snapshot, `level_free` that a constant added to the log-probs of a group does not matter,
    and `summed` that log-probs of tokens are taken and summed. They describe group objectives.
    """

    name: str
    level: str
    options: dict[str, Any]
    unit_free: bool = True
    rests: bool = True
    level_free: bool = False
    summed: bool = False

    def __call__(self, logp, old_logp, scores, **where):
        return self._loss(logp, old_logp, scores, **where)

    def gradient(self, logp, old_logp, scores, **where):
        return self._gradient(logp, old_logp, scores, **where)

    # Compiled once for each shape and dtype, instead of operation by operation in each test.
    @functools.cached_property
    def _loss(self):
        return jax.jit(self._plain)

    @functools.cached_property
    def _gradient(self):
        return jax.jit(jax.grad(lambda *arrays, **where: self._plain(*arrays, **where).sum()))

    @functools.cached_property
    def run(self):
        """Losses and the gradient of their sum, in one program."""

        def both(logp, old_logp, scores, **where):
            losses, pull_back = jax.vjp(lambda logp: self._plain(logp, old_logp, scores, **where), logp)
            return losses, pull_back(jnp.ones_like(losses))[0]

        return jax.jit(both)

    def _plain(self, logp, old_logp, scores, **where):
        import tpo_objectives

        return getattr(tpo_objectives, self.name)(logp, old_logp, scores, **self.options, **where)

    def __str__(self):
        return " ".join([self.name, *(f"{name}={value}" for name, value in self.options.items())])


def group(name: str, *fields: str, **options: Any) -> Case:
    """A group objective. Name a field to set it, as in "level_free", or to clear it, as in "not rests"."""
    values = {field.removeprefix("not "): not field.startswith("not ") for field in fields}
    return Case(name, "group", options, **values)


def sample(name: str, **options: Any) -> Case:
    return Case(name, "sample", options)


TARGET_CASES = [
    group("tpo", "level_free", "summed"),
    group("tpo", "level_free", "summed", eta=0.5),
    # Without its anchor TPO pulls a constant group to the uniform distribution, wherever the policy is.
    group("tpo", "not rests", "level_free", "summed", eta=2.0, anchor=False),
    group("tpo", "level_free", "summed", anchor="ratio"),
    group("tpo", "level_free", "summed", anchor="capped", cap=0.5),
    group("tpo", "level_free", "summed", anchor="tempered", cap=0.5),
    group("lpo", "not unit_free", "level_free", "summed"),
    group("lpo", "not unit_free", "level_free", "summed", divergence="reverse", tau=0.5),
    group("dmpo", "not rests"),
    group("dmpo", "not rests", divergence="js", beta=2.0, tau=0.5, clip=0.4),
    group("gvpo", "not unit_free", "level_free", "summed", beta=0.5),
    group("rebel", "not unit_free", "level_free", "summed", eta=2.0),
    group("opmd", "not unit_free", "summed", tau=0.3),
    group("awr", "not unit_free", "not rests", "summed", beta=0.5, max_weight=3.0),
    group("mpo", "not unit_free", "not rests", "summed", eta=0.5),
    group("v_mpo", "not unit_free", "not rests", "summed", eta=0.5),
    group("pmpo", "summed"),
    group("pmpo", "summed", alpha=0.3, beta=2.0),
    group("mdpo", "not unit_free", "summed", step=0.5),
]
CASES = [
    *TARGET_CASES,
    group("grpo"),
    group("grpo", clip=0.4, kl_coef=0.0),
    group("group_pg"),
    group("group_pg", eta=2.0),
    group("cross_entropy", "level_free"),
    sample("ppo"),
    sample("ppo", clip=0.5),
    sample("dg"),
    sample("dg", eta=0.1),
    sample("reinforce"),
]
GROUP_CASES = [case for case in CASES if case.level == "group"]
UNIT_FREE_CASES = [case for case in GROUP_CASES if case.unit_free]
RESTING_CASES = [case for case in GROUP_CASES if case.rests]
LEVEL_FREE_CASES = [case for case in GROUP_CASES if case.level_free]


@dataclasses.dataclass(frozen=True, eq=False)
class AnswerCase(Case):
    """An objective of answers with tokens: from log-probs `[*b, k, t]` and scores `[*b, k]` to `[*b, k]`."""

    # Whether the loss of a group depends on the other groups of the batch.
    coupled: bool = False

    # Objectives with more than one score per answer, or a baseline, get them from the one score.
    def __call__(self, logp, old_logp, scores, **extra):
        if self.name == "gdpo":
            scores = jnp.stack([scores, (scores > 0.5).astype(scores.dtype)], axis=-1)
        if self.name == "remax":
            extra["baseline"] = jnp.full(scores.shape[:-1], 0.25, scores.dtype)
        return super().__call__(logp, old_logp, scores, **extra)

    def mean(self, logp, old_logp, scores, where=None):
        """The loss of the batch."""
        from tpo_objectives import batch_mean

        return batch_mean(self(logp, old_logp, scores, where=where), where=where)

    @functools.cached_property
    def run(self):
        """Losses, and the gradient of their mean, compiled once for each shape and dtype."""

        def both(logp, old_logp, scores, where):
            losses = self(logp, old_logp, scores, where=where)
            return losses, jax.grad(self.mean)(logp, old_logp, scores, where)

        return jax.jit(both)


def answer(name: str, *, coupled: bool = False, **options: Any) -> AnswerCase:
    return AnswerCase(name, "answer", options, coupled=coupled)


ANSWER_CASES = [
    answer("asymre", shift=0.1),
    answer("cispo", coupled=True, floor=0.3, cap=1.5, kl_coef=0.1),
    answer("dapo", coupled=True, low=0.2, high=0.28, kl_coef=0.1),
    answer("dppo", coupled=True, delta=0.15, cap=1.5, kl_coef=0.1),
    answer("dr_grpo", clip=0.2, length=8.0, kl_coef=0.1),
    answer("dro", beta=0.5),
    answer("gdpo", coupled=True, clip=0.2, kl_coef=0.1),
    answer("gmpo", low=0.3, high=0.4, kl_coef=0.1),
    answer("gpg", coupled=True, kl_coef=0.1),
    answer("gspo", low=0.03, high=0.04, kl_coef=0.1),
    answer("maxrl", kl_coef=0.1),
    answer("opo", kl_coef=0.1),
    answer("reinforce_pp", coupled=True, clip=0.2, kl_coef=0.1),
    answer("reinforce_pp", coupled=True, group_baseline=True),
    answer("remax", kl_coef=0.1),
    answer("rloo", kl_coef=0.1),
    answer("sapo", tau_positive=1.0, tau_negative=1.5, kl_coef=0.1),
    answer("token_grpo", clip=0.2, kl_coef=0.1),
    answer("topr"),
]
# The ratio is a constant weight of the log-prob in these, so their losses do not tell their gradients.
FROZEN_CASES = [case for case in ANSWER_CASES if case.name in ("cispo", "dppo", "topr")]


@pytest.fixture(params=ANSWER_CASES, ids=str)
def answer_case(request):
    return request.param


@pytest.fixture(params=[case for case in ANSWER_CASES if case not in FROZEN_CASES], ids=str)
def differentiable_case(request):
    return request.param


@pytest.fixture(params=FROZEN_CASES, ids=str)
def frozen_case(request):
    return request.param


@pytest.fixture(params=[case for case in ANSWER_CASES if case.coupled], ids=str)
def coupled_case(request):
    return request.param


@pytest.fixture(params=CASES, ids=str)
def case(request):
    return request.param


@pytest.fixture(params=GROUP_CASES, ids=str)
def group_case(request):
    return request.param


@pytest.fixture(params=[case for case in CASES if case.level == "sample"], ids=str)
def sample_case(request):
    return request.param


@pytest.fixture(params=UNIT_FREE_CASES, ids=str)
def unit_free_case(request):
    return request.param


@pytest.fixture(params=RESTING_CASES, ids=str)
def resting_case(request):
    return request.param


@pytest.fixture(params=LEVEL_FREE_CASES, ids=str)
def level_free_case(request):
    return request.param


@pytest.fixture(params=[case for case in GROUP_CASES if case.summed], ids=str)
def summed_case(request):
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


@pytest.fixture
def answers():
    """Makes `(logp, old_logp, scores, where)` of four groups of four answers of up to five tokens.

    The first group is full. The second one has answers of all lengths, and one without a token. The third one
    is one answer, and the last one is empty. The ratios lie on both sides of every clip.
    """

    def make(seed=0, dtype=jnp.float64):
        rng = np.random.default_rng(seed)
        old_logp = np.log(rng.uniform(0.05, 0.95, size=(4, 4, 5)))
        logp = np.minimum(old_logp + 0.5 * rng.normal(size=old_logp.shape), -0.01)
        scores = rng.uniform(size=(4, 4))
        lengths = np.array([[5, 5, 5, 5], [3, 0, 5, 1], [0, 0, 4, 0], [0, 0, 0, 0]])
        where = jnp.asarray(np.arange(5) < lengths[..., None])
        return *(jnp.asarray(array, dtype) for array in (logp, old_logp, scores)), where

    return make
