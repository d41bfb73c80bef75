"""On-policy maximum a posteriori policy optimization, with a fixed temperature."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ._inputs import rounded
from ._masked import softmax
from ._mpo import TEMPERATURE
from ._options import Number, read_positive
from ._sequences import read_sequences
from ._standardize import center
from ._weighted import weighted


def v_mpo(
    logp: Float[Array, "..."],
    old_logp: Float[Array, "..."],
    scores: Float[Array, "*b k"],
    *,
    eta: Number = 1.0,
    where: Bool[Array, "..."] | None = None,
) -> Float[Array, "*b"]:
    r"""On-policy MPO (V-MPO): MPO on the better half of the group.

    $$L = -\sum_{i \in H} w_i\, \ell_i, \qquad w = \mathrm{softmax}_{i \in H}(s / \eta)$$

    where `H` holds the `k // 2` best answers, at least one, and all answers that tie with the last of them.
    The gradient in `logp` is `-w` in the better half and 0 in the other.

    Args:
        logp: `[*b, k]`, log-probs in nats of the answers under the current policy, or `[*b, k, t]`, log-probs
            of their tokens, which are summed.
        old_logp: shaped like `logp`, not used, but part of the common signature of all objectives.
        scores: `[*b, k]`, one score per answer. One that is not finite makes its group NaN. Constant.
        eta: temperature, in the unit of the scores, above 0.
        where: shaped like `logp`, which answers or tokens exist; all by default. The rest are left out of the
            group.

    Returns:
        `[*b]`, one loss in nats per group, not reduced. In a constant group, all answers tie and have the
        weight `1 / k`; in a group of one answer, the weight is 1. An empty group has loss and gradient 0.

    Raises:
        TypeError: an array holds integers, `where` does not hold bools, or `eta` is not one number.
        ValueError: the shapes differ, the last axis holds no candidate, or `eta` is not above 0.

    Example:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> import numpy as np
        >>> from tpo_objectives import v_mpo
        >>> logp = jnp.log(jnp.array([0.1, 0.2, 0.3, 0.4]))
        >>> scores = jnp.array([1.0, 0.5, 0.0, 0.0])
        >>> print(np.asarray(jax.grad(v_mpo)(logp, logp, scores)).round(2))
        [-0.62 -0.38 -0.   -0.  ]

    Source:
        Song et al. 2019, arXiv 1909.12238. The paper and RLax take the better half of a whole batch of
        states, with advantages over a learned value. Ours takes the better half of each group, whose scores
        have a common baseline, so groups stay independent. They also find `eta` by a dual problem and bound
        the KL of the fit; ours has a fixed `eta` and no bound. A log-prob of minus infinity in the better
        half makes the loss infinite, and keeps the gradient finite.
    """
    read = read_sequences("v_mpo", where, logp, old_logp, scores)
    temperature = read_positive("v_mpo", "eta", eta, read.logp, usual=TEMPERATURE)
    advantages, _ = center(read.scores, read.where)
    weights = softmax(advantages / temperature, _better_half(advantages, read.where))
    return rounded(jnp.sum(weighted(-weights, read.logp), axis=-1), read.dtype)


def _better_half(scores: Float[Array, "*b k"], where: Bool[Array, "*b k"] | None) -> Bool[Array, "*b k"]:
    exists = jnp.ones(scores.shape, bool) if where is None else where
    ordered = jnp.sort(jnp.where(exists, scores, -jnp.inf), axis=-1, descending=True)
    half = jnp.maximum(jnp.sum(exists, axis=-1, keepdims=True) // 2, 1)
    least = jnp.take_along_axis(ordered, half - 1, axis=-1)
    # Comparisons with NaN are false, so a NaN stays in and propagates.
    return exists & ~(scores < least)
