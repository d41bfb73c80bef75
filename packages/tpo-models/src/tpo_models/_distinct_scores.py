"""Scores each distinct answer to a prompt once, in blocks that fit the cache of a core."""

from typing import Any, NamedTuple, Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PyTree

from ._distinct import distinct_rows, part, whole_blocks, with_part
from ._precision import widened


@runtime_checkable
class Scorer(Protocol):
    """A policy that processes prompts apart from answers."""

    def prefill(self, prompts: Int[Array, "b p"]) -> Any:
        """Process prompts: arrays whose first axis is that of the prompts, such as the first `log_probs`."""
        ...

    def scores_after(self, prefill: Any, answers: Int[Array, "b k t"]) -> Float[Array, "b k t"]:
        """The log-prob of each token of answers to processed prompts."""
        ...


class _Plan(NamedTuple):
    """The prompt of each distinct answer, these answers, how many there are, and how many make a block."""

    owners: Int[Array, " n"]
    answers: Int[Array, "n t"]
    total: Int[Array, ""]
    block: int

    @property
    def blocks(self) -> Int[Array, ""]:
        return -(-self.total // self.block)

    def part(self, i, array):
        return part(i, array, self.block)


def distinct_scores(
    policy: Scorer, prompts: Int[Array, "b p"], answers: Int[Array, "b k t"], *, vocab_size: int, block: int
) -> Float[Array, "b k t"]:
    """The log-prob of each token of given answers, with equal answers to equal prompts computed once.

    The log-probs and their gradient are those of the policy up to rounding. The time grows with the number of
    distinct answers, in steps of `block`. The gradient takes a second forward pass of each block, so that the
    intermediate values of one block are in memory at a time.

    **Arguments:**

    - `policy`: what is differentiated, once and in reverse mode.
    - `prompts`, `answers`: tokens below `vocab_size`.
    - `block`: how many answers are computed together.
    """
    batch, candidates, length = answers.shape
    of_prompts = jnp.broadcast_to(prompts[:, None], (batch, candidates, prompts.shape[1]))
    rows = jnp.concatenate([of_prompts, answers], axis=-1).reshape(batch * candidates, -1)
    distinct = distinct_rows(rows, vocab_size)
    # The last block is filled with the first answer. Its filling is not read.
    first = jnp.pad(distinct.first, (0, whole_blocks(len(rows), block) - len(rows)))
    plan = _Plan(first // candidates, answers.reshape(-1, length)[first], distinct.total, block)
    return _of_kinds(policy, prompts, plan)[distinct.kinds].reshape(answers.shape)


@eqx.filter_custom_vjp
def _of_kinds(policy, prompts, plan):
    return _forward(policy, policy.prefill(prompts), plan)


def _forward(policy, prefill, plan):
    def score_block(i, scores):
        prefix = _rows(prefill, plan.part(i, plan.owners))
        return with_part(i, scores, policy.scores_after(prefix, plan.part(i, plan.answers)[:, None])[:, 0])

    scores = jnp.zeros(plan.answers.shape, prefill.log_probs.dtype)
    return jax.lax.fori_loop(0, plan.blocks, score_block, scores)


@_of_kinds.def_fwd
def _of_kinds_forward(perturbed, policy, prompts, plan):
    params, rest = eqx.partition(policy, perturbed)
    prefill, pull_back = jax.vjp(lambda params: eqx.combine(params, rest).prefill(prompts), params)
    return _forward(policy, prefill, plan), (prefill, pull_back)


@_of_kinds.def_bwd
def _of_kinds_backward(residuals, cotangents, perturbed, policy, prompts, plan):
    del prompts
    prefill, pull_back = residuals
    params, rest = eqx.partition(policy, perturbed)

    def add_block(i, totals):
        owners, answers = plan.part(i, plan.owners), plan.part(i, plan.answers)[:, None]

        def scores(params, prefix):
            return eqx.combine(params, rest).scores_after(prefix, answers)[:, 0]

        _, pull_back_block = jax.vjp(scores, params, _rows(prefill, owners))
        of_params, of_prefix = _like(pull_back_block(plan.part(i, cotangents)), totals)
        total_params, total_prefill = totals
        total_params = jax.tree.map(jnp.add, total_params, of_params)
        return total_params, jax.tree.map(lambda t, new: t.at[owners].add(new), total_prefill, of_prefix)

    zeros = jax.tree.map(lambda leaf: jnp.zeros_like(widened(leaf)), (params, prefill))
    of_params, of_prefill = jax.lax.fori_loop(0, plan.blocks, add_block, zeros)
    (of_prompts,) = pull_back(_like(of_prefill, prefill))
    return _like(jax.tree.map(jnp.add, of_params, _like(of_prompts, of_params)), params)


def _rows(tree: PyTree, index: Int[Array, " n"]) -> PyTree:
    return jax.tree.map(lambda leaf: leaf[index], tree)


def _like(tree: PyTree, others: PyTree) -> PyTree:
    return jax.tree.map(lambda leaf, other: leaf.astype(other.dtype), tree, others)
