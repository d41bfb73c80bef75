"""Target Policy Optimization: build a target distribution over the group, then fit the policy to it."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ._inputs import Number, read_group, read_positive, read_switch, rounded
from ._standardize import standardize
from ._weighted import weighted


def tpo_target(
    old_logp: Float[Array, "*b k"], scores: Float[Array, "*b k"], *, eta: Number = 1.0, anchor: bool = True
) -> Float[Array, "*b k"]:
    r"""The distribution over a group that TPO fits the policy to.

    $$q = \mathrm{softmax}\!\left(\log p^{\mathrm{old}} + u / \eta\right), \qquad
    p^{\mathrm{old}} = \mathrm{softmax}(\ell^{\mathrm{old}}), \quad u = \mathrm{standardize}(s)$$

    Without the anchor, $q = \mathrm{softmax}(u / \eta)$. In both cases `q` is a constant for `jax.grad`.

    Args:
        old_logp: `[*b, k]`, log-probs in nats of the candidates when they were sampled. A constant
            added to a whole group changes nothing.
        scores: `[*b, k]`, one score per candidate, in any unit. One that is not finite
            makes its group NaN.
        eta: temperature, above 0. A small one puts the target on the best candidates.
        anchor: whether the target starts from the old policy, or from the uniform distribution.

    Returns:
        `[*b, k]`, probabilities that sum to 1 over the last axis.

    Raises:
        TypeError: an array holds integers, or an option is not one number.
        ValueError: the shapes differ, the last axis holds no candidate, or `eta` is not above 0.

    Example:
        >>> import jax.numpy as jnp
        >>> import numpy as np
        >>> from tpo_objectives import tpo_target
        >>> old_logp = jnp.log(jnp.array([0.1, 0.2, 0.3, 0.4]))
        >>> scores = jnp.array([1.0, 0.0, 0.0, 0.0])
        >>> print(np.asarray(tpo_target(old_logp, scores)).round(2))
        [0.53 0.1  0.16 0.21]
        >>> print(np.asarray(tpo_target(old_logp, scores, anchor=False)).round(2))
        [0.77 0.08 0.08 0.08]

    Source:
        Target Policy Optimization, arXiv 2604.06159, section 2; without the anchor, figure 8.
    """
    (old_logp, scores), dtype = read_group("tpo_target", old_logp=old_logp, scores=scores)
    temperature = read_positive("tpo_target", "eta", eta, old_logp, usual=1.0)
    logits = standardize(scores) / temperature
    if read_switch("tpo_target", "anchor", anchor):
        # Normalised first: added to a log-prob of -10,000, a float32 score would lose its digits.
        logits = jax.nn.log_softmax(jax.lax.stop_gradient(old_logp), axis=-1) + logits
    return rounded(jax.nn.softmax(logits, axis=-1), dtype)


def tpo(
    logp: Float[Array, "*b k"],
    old_logp: Float[Array, "*b k"],
    scores: Float[Array, "*b k"],
    *,
    eta: Number = 1.0,
    anchor: bool = True,
) -> Float[Array, "*b"]:
    r"""Target Policy Optimization (TPO): the cross-entropy from a fixed target to the policy over a group.

    $$L = -\sum_k q_k \log p_k, \qquad p = \mathrm{softmax}(\ell), \quad q = \mathrm{tpo\_target}$$

    The gradient in `logp` is `p - q`. It vanishes when the policy matches the target, so several
    gradient steps on one batch converge instead of overshooting.

    Args:
        logp: `[*b, k]`, log-probs in nats of the candidates under the current policy.
        old_logp: `[*b, k]`, the same when the candidates were sampled. Constant.
        scores: `[*b, k]`, one score per candidate, in any unit. One that is not finite
            makes its group NaN. Constant.
        eta: temperature of the target, above 0.
        anchor: whether the target starts from the old policy, or from the uniform distribution.

    Returns:
        `[*b]`, one loss in nats per group, not reduced.

    Raises:
        TypeError: an array holds integers, or an option is not one number.
        ValueError: the shapes differ, the last axis holds no candidate, or `eta` is not above 0.

    Example:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> import numpy as np
        >>> from tpo_objectives import tpo
        >>> old_logp = jnp.log(jnp.array([0.1, 0.2, 0.3, 0.4]))
        >>> scores = jnp.array([1.0, 0.0, 0.0, 0.0])
        >>> print(np.asarray(tpo(old_logp, old_logp, scores)).round(2))
        1.77
        >>> print(np.asarray(jax.grad(tpo)(old_logp, old_logp, scores)).round(2))  # p - q
        [-0.43  0.1   0.14  0.19]

    Source:
        Target Policy Optimization, arXiv 2604.06159, section 2.
    """
    (logp, old_logp, scores), dtype = read_group("tpo", logp=logp, old_logp=old_logp, scores=scores)
    eta = read_positive("tpo", "eta", eta, logp, usual=1.0)
    target = tpo_target(old_logp, scores, eta=eta, anchor=read_switch("tpo", "anchor", anchor))
    return rounded(jnp.sum(weighted(-target, jax.nn.log_softmax(logp, axis=-1)), axis=-1), dtype)
