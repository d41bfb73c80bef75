"""Maximum a posteriori policy optimization, with a fixed temperature."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ._inputs import rounded
from ._masked import softmax
from ._options import Number, read_positive
from ._sequences import read_sequences
from ._standardize import center
from ._weighted import weighted

TEMPERATURE = "The paper learns it; 1 is ours."


def mpo(
    logp: Float[Array, "..."],
    old_logp: Float[Array, "..."],
    scores: Float[Array, "*b k"],
    *,
    eta: Number = 1.0,
    where: Bool[Array, "..."] | None = None,
) -> Float[Array, "*b"]:
    r"""Maximum a posteriori policy optimization (MPO): likelihood, weighted by the softmax of the scores.

    $$L = -\sum_i w_i\, \ell_i, \qquad w = \mathrm{softmax}(s / \eta)$$

    The gradient in `logp` is `-w`. The answers are samples from $\pi^{\mathrm{old}}$, so `w` is an estimate
    of the policy $\propto \pi^{\mathrm{old}} e^{s / \eta}$. TPO and LPO fit the policy's softmax over the
    group; MPO fits the likelihood of the whole policy, so the gradient does not vanish.

    Args:
        logp: `[*b, k]`, log-probs in nats of the answers under the current policy, or `[*b, k, t]`, log-probs
            of their tokens, which are summed.
        old_logp: shaped like `logp`, not used, but part of the common signature of all objectives.
        scores: `[*b, k]`, one score per answer. One that is not finite makes its group NaN. Constant.
        eta: temperature, in the unit of the scores, above 0.
        where: shaped like `logp`, which answers or tokens exist; all by default. The rest are left out of the
            group.

    Returns:
        `[*b]`, one loss in nats per group, not reduced. In a constant group, all weights are `1 / k`; in a
        group of one answer, the weight is 1. An empty group has loss and gradient 0.

    Raises:
        TypeError: an array holds integers, `where` does not hold bools, or `eta` is not one number.
        ValueError: the shapes differ, the last axis holds no candidate, or `eta` is not above 0.

    Example:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> import numpy as np
        >>> from tpo_objectives import mpo
        >>> logp = jnp.log(jnp.array([0.1, 0.2, 0.3, 0.4]))
        >>> scores = jnp.array([1.0, 0.0, 0.0, 0.0])
        >>> print(np.asarray(jax.grad(mpo)(logp, logp, scores)).round(2))
        [-0.48 -0.17 -0.17 -0.17]

    Source:
        Abdolmaleki et al. 2018, arXiv 1806.06920, where scores are action values. The paper and RLax find
        `eta` by a dual problem and bound the KL of the fit; ours has a fixed `eta` and no bound, so use few
        gradient steps. A log-prob of minus infinity makes the loss infinite but keeps the gradient finite.
    """
    read = read_sequences("mpo", where, logp, old_logp, scores)
    temperature = read_positive("mpo", "eta", eta, read.logp, usual=TEMPERATURE)
    weights = softmax(center(read.scores, read.where)[0] / temperature, read.where)
    return rounded(jnp.sum(weighted(-weights, read.logp), axis=-1), read.dtype)
