"""Supervised cross-entropy on the best candidates."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ._inputs import fill, read_group, rounded
from ._masked import largest, log_softmax
from ._standardize import MIN_STD, center
from ._weighted import weighted


def cross_entropy(
    logp: Float[Array, "*b k"],
    old_logp: Float[Array, "*b k"],
    scores: Float[Array, "*b k"],
    *,
    where: Bool[Array, "*b k"] | None = None,
) -> Float[Array, "*b"]:
    r"""Cross-entropy to the best-scored candidates of a group: the supervised oracle.

    $$L = -\sum_k w_k \log p_k, \qquad p = \mathrm{softmax}(\ell)$$

    with `w` uniform over the candidates that share the best score. The gradient in `logp` is `p - w`. When
    the group is the whole action set and exactly one action is right, this is the usual `-log p(y*)`.

    Args:
        logp: `[*b, k]`, log-probs in nats of the candidates under the current policy.
        old_logp: `[*b, k]`, not used, but part of the common signature of all objectives.
        scores: `[*b, k]`, one score per candidate. Only their order counts, and one that is not finite makes
            its group NaN. Constant.
        where: `[*b, k]`, which candidates exist; all by default. The rest are left out of the group. A group
            without candidates has loss 0.

    Returns:
        `[*b]`, one loss in nats per group, not reduced. Loss and gradient are 0 in a group whose scores have
        a standard deviation of at most 1e-6, because such a group does not distinguish its candidates.

    Raises:
        TypeError: an array holds integers, or `where` does not hold bools.
        ValueError: the shapes differ, or the last axis holds no candidate.

    Example:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> import numpy as np
        >>> from tpo_objectives import cross_entropy
        >>> logp = jnp.log(jnp.array([0.1, 0.2, 0.3, 0.4]))
        >>> scores = jnp.array([0.0, 1.0, 0.0, 0.0])
        >>> print(np.asarray(cross_entropy(logp, logp, scores)).round(2))  # -log 0.2
        1.61
        >>> print(np.asarray(jax.grad(cross_entropy)(logp, logp, scores)).round(2))
        [ 0.1 -0.8  0.3  0.4]

    Source:
        The CE oracle of arXiv 2604.06159, section 3. The paper has one right action; the mean over ties and
        the 0 of a constant group are ours.
    """
    arrays, where, dtype = read_group("cross_entropy", where, logp=logp, old_logp=old_logp, scores=scores)
    logp, scores = arrays[0], jax.lax.stop_gradient(arrays[2])
    best = fill((scores == largest(scores, where)).astype(scores.dtype), where)
    _, std = center(scores, where)
    # 0, or NaN where a score is not finite.
    weights = jnp.where(std > MIN_STD, best / jnp.sum(best, axis=-1, keepdims=True), 0.0 * std)
    return rounded(jnp.sum(weighted(-weights, log_softmax(logp, where)), axis=-1), dtype)
