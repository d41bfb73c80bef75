"""Advantages without unit: scores in units of a mean or a deviation, and TPO's target."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ._inputs import fill, read_group, rounded
from ._masked import mean, size
from ._options import Number
from ._standardize import center
from ._standardize import standardize as standardized
from ._tpo_target import tpo_target


def relative(
    scores: Float[Array, "*b k"], *, where: Bool[Array, "*b k"] | None = None
) -> Float[Array, "*b k"]:
    r"""Scores minus the mean of their group, in units of that mean.

    $$A_i = \frac{R_i - \bar R}{\bar R}, \qquad A = 0 \text{ where } \bar R \le 10^{-6}$$

    Args:
        scores: `[*b, k]`, one score per candidate, at least 0, such as 1 for a right answer.
        where: `[*b, k]`, which candidates exist; all by default.

    Returns:
        `[*b, k]`, without unit.

    Raises:
        TypeError: the scores are integers, or `where` does not hold bools.
        ValueError: the last axis holds no candidate, or the shapes differ.

    Example:
        >>> import jax.numpy as jnp
        >>> from tpo_objectives import advantages
        >>> print(advantages.relative(jnp.array([1.0, 0.0, 0.0, 0.0])))
        [ 3. -1. -1. -1.]

    Source:
        MaxRL, arXiv 2602.02710.
    """
    (scores,), where, dtype = read_group("relative", where, scores=scores)
    scores = jax.lax.stop_gradient(scores)
    level = mean(scores, where)
    # False for NaN, so that a score that is not finite propagates.
    rare = level <= 1e-6
    return rounded(jnp.where(rare, 0.0, center(scores, where)[0] / jnp.where(rare, 1.0, level)), dtype)


def whitened(
    scores: Float[Array, "*b k"], *, where: Bool[Array, "*b k"] | None = None
) -> Float[Array, "*b k"]:
    r"""Scores minus the mean of the whole batch, in units of the batch's standard deviation.

    $$A_i = \frac{R_i - \mathrm{mean}(R)}{\mathrm{std}(R)}, \qquad
    A = 0 \text{ where } \mathrm{std}(R) \le 10^{-6}$$

    with mean and deviation over all axes. This couples the groups, so the result differs under `jax.vmap`
    over groups.

    Args:
        scores: `[*b, k]`, one score per candidate, in any unit.
        where: `[*b, k]`, which candidates exist; all by default.

    Returns:
        `[*b, k]`, without unit. One score that is not finite makes the whole batch NaN.

    Raises:
        TypeError: the scores are integers, or `where` does not hold bools.
        ValueError: the last axis holds no candidate, or the shapes differ.

    Example:
        >>> import jax.numpy as jnp
        >>> from tpo_objectives import advantages
        >>> print(advantages.whitened(jnp.array([[1.0, 1.0], [0.0, 0.0]])))
        [[ 1.  1.]
         [-1. -1.]]

    Source:
        REINFORCE++, arXiv 2501.03262, which adds 1e-8 to the deviation, whereas ours compares it with 1e-6.
    """
    (scores,), where, dtype = read_group("whitened", where, scores=scores)
    row = None if where is None else where.reshape(-1)
    return rounded(standardized(scores.reshape(-1), where=row).reshape(scores.shape), dtype)


def each_standardized(
    rewards: Float[Array, "*b k r"], *, where: Bool[Array, "*b k"] | None = None
) -> Float[Array, "*b k"]:
    r"""Several rewards, each standardized over its group, summed, and whitened over the batch.

    $$A = \mathrm{whitened}\Big(\sum_r \mathrm{standardized}(R^{(r)})\Big)$$

    Args:
        rewards: `[*b, k, r]`, `r` rewards per candidate, each in any unit.
        where: `[*b, k]`, which candidates exist; all by default.

    Returns:
        `[*b, k]`, without unit.

    Raises:
        TypeError: the rewards are integers, or `where` does not hold bools.
        ValueError: there is no candidate, or the shapes differ.

    Example:
        >>> import jax.numpy as jnp
        >>> from tpo_objectives import advantages
        >>> rewards = jnp.array([[[1.0, 0.0], [0.0, 0.0]], [[1.0, 5.0], [0.0, 0.0]]])
        >>> print(advantages.each_standardized(rewards).round(2))
        [[ 0.63 -0.63]
         [ 1.26 -1.26]]

    Source:
        GDPO, arXiv 2601.05242.
    """
    (rewards,), _, dtype = read_group("each_standardized", rewards=rewards)
    by_reward = jnp.moveaxis(rewards, -1, 0)
    mask = None if where is None else jnp.broadcast_to(where, by_reward.shape)
    return rounded(whitened(jnp.sum(standardized(by_reward, where=mask), axis=0), where=where), dtype)


def targeted(
    scores: Float[Array, "*b k"],
    *,
    eta: Number = 1.0,
    target_kl: Number | None = None,
    std_floor: Number | None = None,
    where: Bool[Array, "*b k"] | None = None,
) -> Float[Array, "*b k"]:
    r"""TPO's first gradient step as advantages: its target minus the sampling policy.

    $$A_i = k\, (q_i - p_i) = k\, q_i - 1, \qquad q = \mathrm{softmax}(u / \eta), \quad p_i = 1 / k$$

    At `logp = old_logp`, the policy gradient $-\frac{1}{k} \sum_i A_i \nabla \ell_i$ of a group is the
    gradient $\sum_i (p_i - q_i) \nabla \ell_i$ of `tpo(..., anchor="ratio")`. In later steps it is not: the
    advantages stay constant, while TPO's `p` approaches `q`.

    Args:
        scores: `[*b, k]`, one score per candidate, in any unit.
        eta: temperature of the target, above 0.
        target_kl: the KL divergence in nats that sets each group's temperature, as in `tpo_target`.
        std_floor: the `floor` of `standardize`.
        where: `[*b, k]`, which candidates exist; all by default. `k` counts those.

    Returns:
        `[*b, k]`, without unit, from -1 to `k - 1`, with mean 0 in each group.

    Raises:
        TypeError: the scores are integers, `where` does not hold bools, or an option is not one number.
        ValueError: the last axis holds no candidate, the shapes differ, or an option is not above 0.

    Example:
        >>> import jax.numpy as jnp
        >>> from tpo_objectives import advantages
        >>> print(advantages.targeted(jnp.array([1.0, 0.0, 0.0, 0.0])).round(2))
        [ 2.08 -0.69 -0.69 -0.69]

    Source:
        Target Policy Optimization, arXiv 2604.06159, section 2, for the gradient `p - q`. We derived the form
        as advantages, for trainers that accept nothing else.
    """
    (scores,), where, dtype = read_group("targeted", where, scores=scores)
    options = {"eta": eta, "target_kl": target_kl, "std_floor": std_floor, "where": where}
    target = tpo_target(jnp.zeros_like(scores), scores, anchor="ratio", **options)
    return rounded(fill(size(scores, where) * target - 1.0, where), dtype)
