"""Aggregation: from the losses of tokens to one loss per answer.

Each function maps losses `[*b, k, t]` and the token mask `where` to `[*b, k]`. The number for a batch is the
mean over the answers that exist, `batch_mean(losses, where=where)`. An answer without tokens has loss 0 and
is left out of all means.
"""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ._inputs import read_arrays, rounded
from ._masked import mean
from ._options import Number, read_positive
from ._sequences import token_counts

__all__ = ["sequence_mean", "sequence_sum", "token_mean"]


def sequence_mean(
    losses: Float[Array, "*b k t"], *, where: Bool[Array, "*b k t"] | None = None
) -> Float[Array, "*b k"]:
    r"""The mean over the tokens of each answer: every answer counts the same.

    $$L_i = \frac{1}{T_i} \sum_t m_{it} L_{it}, \qquad T_i = \sum_t m_{it}$$

    Args:
        losses: `[*b, k, t]`, one loss per token.
        where: `[*b, k, t]`, which tokens exist; all by default.

    Returns:
        `[*b, k]`, one loss per answer.

    Raises:
        TypeError: the losses are integers, or `where` does not hold bools.
        ValueError: the shapes differ.

    Example:
        >>> import jax.numpy as jnp
        >>> from tpo_objectives import aggregates
        >>> losses = jnp.array([[2.0, 4.0, 6.0], [8.0, 0.0, 0.0]])
        >>> where = jnp.array([[True, True, True], [True, False, False]])
        >>> print(aggregates.sequence_mean(losses, where=where))
        [4. 8.]

    Source:
        GRPO as published, arXiv 2402.03300; verl's "seq-mean-token-mean".
    """
    (losses,), mask, dtype = read_arrays("sequence_mean", where, losses=losses)
    return rounded(mean(losses, mask)[..., 0], dtype)


def sequence_sum(
    losses: Float[Array, "*b k t"],
    *,
    length: Number = 1.0,
    where: Bool[Array, "*b k t"] | None = None,
) -> Float[Array, "*b k"]:
    r"""The sum over the tokens of each answer, divided by a constant: long answers count more.

    $$L_i = \frac{1}{\mathrm{length}} \sum_t m_{it} L_{it}$$

    Args:
        losses: `[*b, k, t]`, one loss per token.
        length: a constant that divides all sums, above 0, such as the longest answer that sampling allows.
        where: `[*b, k, t]`, which tokens exist; all by default.

    Returns:
        `[*b, k]`, one loss per answer.

    Raises:
        TypeError: the losses are integers, `where` does not hold bools, or `length` is not one number.
        ValueError: the shapes differ, or `length` is not above 0.

    Example:
        >>> import jax.numpy as jnp
        >>> from tpo_objectives import aggregates
        >>> losses = jnp.array([[2.0, 4.0, 6.0], [8.0, 0.0, 0.0]])
        >>> print(aggregates.sequence_sum(losses, length=4.0))
        [3. 2.]

    Source:
        Dr.GRPO, arXiv 2503.20783; verl's "seq-mean-token-sum" and "seq-mean-token-sum-norm".
    """
    (losses,), _, dtype = read_arrays("sequence_sum", where, losses=losses)
    constant = read_positive("sequence_sum", "length", length, losses, usual=1.0)
    return rounded(jnp.sum(losses, axis=-1) / constant, dtype)


def token_mean(
    losses: Float[Array, "*b k t"], *, where: Bool[Array, "*b k t"] | None = None
) -> Float[Array, "*b k"]:
    r"""The mean over all tokens of the batch: every token counts the same.

    $$L_i = \frac{n}{\sum_j T_j} \sum_t m_{it} L_{it}$$

    over the `n` answers of the batch that exist, so that the mean over answers is the mean over tokens. The
    scale couples the batch: for micro-batches, use `logp_gradient`.

    Args:
        losses: `[*b, k, t]`, one loss per token.
        where: `[*b, k, t]`, which tokens exist; all by default.

    Returns:
        `[*b, k]`, one loss per answer.

    Raises:
        TypeError: the losses are integers, or `where` does not hold bools.
        ValueError: the shapes differ.

    Example:
        >>> import jax.numpy as jnp
        >>> from tpo_objectives import aggregates
        >>> losses = jnp.array([[2.0, 4.0, 6.0], [8.0, 0.0, 0.0]])
        >>> where = jnp.array([[True, True, True], [True, False, False]])
        >>> print(aggregates.token_mean(losses, where=where))  # their mean is 20 / 4
        [6. 4.]

    Source:
        DAPO, arXiv 2503.14476; the default of TRL and verl ("token-mean").
    """
    (losses,), mask, dtype = read_arrays("token_mean", where, losses=losses)
    counts = token_counts(losses, mask)
    answers, tokens = jnp.sum(counts > 0).astype(losses.dtype), jnp.sum(counts)
    return rounded(jnp.sum(losses, axis=-1) * (answers / jnp.maximum(tokens, 1)), dtype)
