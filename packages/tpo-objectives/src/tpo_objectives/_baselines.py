"""Advantages in the unit of the scores: scores minus a baseline."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ._inputs import fill, read_arrays, read_group, rounded
from ._masked import count
from ._options import Number, read_not_negative
from ._standardize import center


def centered(
    scores: Float[Array, "*b k"], *, where: Bool[Array, "*b k"] | None = None
) -> Float[Array, "*b k"]:
    r"""Scores minus the mean of their group.

    $$A_i = R_i - \bar R$$

    Args:
        scores: `[*b, k]`, one score per candidate.
        where: `[*b, k]`, which candidates exist; all by default.

    Returns:
        `[*b, k]`, in the unit of the scores. A group of equal scores, or of a single score, is exactly 0.

    Raises:
        TypeError: the scores are integers, or `where` does not hold bools.
        ValueError: the last axis holds no candidate, or the shapes differ.

    Example:
        >>> import jax.numpy as jnp
        >>> from tpo_objectives import advantages
        >>> print(advantages.centered(jnp.array([1.0, 0.0, 0.0, 1.0])))
        [ 0.5 -0.5 -0.5  0.5]

    Source:
        Dr.GRPO, arXiv 2503.20783.
    """
    (scores,), where, dtype = read_group("centered", where, scores=scores)
    return rounded(center(scores, where)[0], dtype)


def leave_one_out(
    scores: Float[Array, "*b k"], *, where: Bool[Array, "*b k"] | None = None
) -> Float[Array, "*b k"]:
    r"""Scores minus the mean of the other candidates of their group.

    $$A_i = R_i - \frac{1}{k - 1} \sum_{j \ne i} R_j = \frac{k}{k - 1} (R_i - \bar R)$$

    Args:
        scores: `[*b, k]`, one score per candidate.
        where: `[*b, k]`, which candidates exist; all by default. `k` counts those.

    Returns:
        `[*b, k]`, in the unit of the scores. A group of one candidate is 0.

    Raises:
        TypeError: the scores are integers, or `where` does not hold bools.
        ValueError: the last axis holds no candidate, or the shapes differ.

    Example:
        >>> import jax.numpy as jnp
        >>> from tpo_objectives import advantages
        >>> print(advantages.leave_one_out(jnp.array([3.0, 0.0])))
        [ 3. -3.]

    Source:
        RLOO, arXiv 2402.14740.
    """
    (scores,), where, dtype = read_group("leave_one_out", where, scores=scores)
    exists = jnp.ones(scores.shape, bool) if where is None else where
    k = count(exists, scores.dtype)
    return rounded(center(scores, where)[0] * (k / jnp.maximum(k - 1, 1)), dtype)


def length_weighted(
    scores: Float[Array, "*b k"],
    lengths: Float[Array, "*b k"],
    *,
    where: Bool[Array, "*b k"] | None = None,
) -> Float[Array, "*b k"]:
    r"""Scores minus the mean of their group, weighted by the lengths of the answers.

    $$A_i = R_i - \frac{\sum_j L_j R_j}{\sum_j L_j}$$

    Args:
        scores: `[*b, k]`, one score per candidate.
        lengths: `[*b, k]`, the tokens of each answer.
        where: `[*b, k]`, which candidates exist; all by default.

    Returns:
        `[*b, k]`, in the unit of the scores.

    Raises:
        TypeError: an array holds integers, or `where` does not hold bools.
        ValueError: the last axis holds no candidate, or the shapes differ.

    Example:
        >>> import jax.numpy as jnp
        >>> from tpo_objectives import advantages
        >>> print(advantages.length_weighted(jnp.array([1.0, 0.0]), jnp.array([1.0, 3.0])))
        [ 0.75 -0.25]

    Source:
        OPO, arXiv 2505.23585.
    """
    arrays, where, dtype = read_group("length_weighted", where, scores=scores, lengths=lengths)
    # Center first: the weighted mean of large, nearly equal scores would lose their difference.
    offsets, lengths = center(arrays[0], where)[0], jax.lax.stop_gradient(arrays[1])
    total = jnp.sum(lengths, axis=-1, keepdims=True)
    baseline = jnp.sum(lengths * offsets, axis=-1, keepdims=True) / jnp.where(total > 0, total, 1.0)
    return rounded(fill(offsets - baseline, where), dtype)


def lowered(
    scores: Float[Array, "*b k"], *, shift: Number = 0.1, where: Bool[Array, "*b k"] | None = None
) -> Float[Array, "*b k"]:
    r"""Scores minus a baseline below the mean of their group.

    $$A_i = R_i - (\bar R - \delta)$$

    Args:
        scores: `[*b, k]`, one score per candidate.
        shift: $\delta$, in the unit of the scores, at least 0.
        where: `[*b, k]`, which candidates exist; all by default.

    Returns:
        `[*b, k]`, in the unit of the scores. A constant group has the advantage `shift`.

    Raises:
        TypeError: the scores are integers, `where` does not hold bools, or `shift` is not one number.
        ValueError: the last axis holds no candidate, the shapes differ, or `shift` is below 0.

    Example:
        >>> import jax.numpy as jnp
        >>> from tpo_objectives import advantages
        >>> print(advantages.lowered(jnp.array([1.0, 0.0]), shift=0.25))
        [ 0.75 -0.25]

    Source:
        AsymRE, arXiv 2506.20520.
    """
    (scores,), where, dtype = read_group("lowered", where, scores=scores)
    delta = read_not_negative("lowered", "shift", shift, scores, usual="0 is the mean of the group.")
    return rounded(fill(center(scores, where)[0] + delta, where), dtype)


def against(
    scores: Float[Array, "*b k"],
    baseline: Float[Array, "*b k"],
    *,
    where: Bool[Array, "*b k"] | None = None,
) -> Float[Array, "*b k"]:
    r"""Scores minus your own baseline.

    $$A_i = R_i - B_i$$

    Args:
        scores: `[*b, k]`, one score per candidate.
        baseline: `[*b, k]`, such as the score of the greedy answer to the same prompt, broadcast.
        where: `[*b, k]`, which candidates exist; all by default.

    Returns:
        `[*b, k]`, in the unit of the scores.

    Raises:
        TypeError: an array holds integers, or `where` does not hold bools.
        ValueError: the shapes differ.

    Example:
        >>> import jax.numpy as jnp
        >>> from tpo_objectives import advantages
        >>> print(advantages.against(jnp.array([1.0, 0.0]), jnp.array([1.0, 1.0])))
        [ 0. -1.]

    Source:
        ReMax, arXiv 2310.10505, with the greedy answer's score.
    """
    arrays, _, dtype = read_arrays("against", where, scores=scores, baseline=baseline)
    return rounded(jax.lax.stop_gradient(arrays[0] - arrays[1]), dtype)
