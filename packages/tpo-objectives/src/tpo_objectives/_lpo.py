"""Listwise Policy Optimization: fit the policy's change over the group to a target from the scores."""

from typing import Literal, TypeAlias

from jaxtyping import Array, Bool, Float

from ._divergences import forward_kl, reverse_kl
from ._inputs import rounded
from ._masked import log_softmax
from ._options import Number, read_choice, read_positive
from ._ratio import difference
from ._sequences import read_sequences
from ._standardize import center

Direction: TypeAlias = Literal["forward", "reverse"]


def lpo(
    logp: Float[Array, "..."],
    old_logp: Float[Array, "..."],
    scores: Float[Array, "*b k"],
    *,
    divergence: Direction = "forward",
    tau: Number = 1.0,
    where: Bool[Array, "..."] | None = None,
) -> Float[Array, "*b"]:
    r"""Listwise Policy Optimization (LPO): a KL divergence between a target and the policy's change.

    $$L = \mathrm{KL}(w \,\|\, P) \ \text{or}\ \mathrm{KL}(P \,\|\, w), \qquad
    P = \mathrm{softmax}(\ell - \ell^{\mathrm{old}}), \quad w = \mathrm{softmax}(s / \tau)$$

    When the answers are sampled, `P` is uniform for all log-probs, so long answers teach as much as short
    ones. The gradient in `logp` is `P - w` for `"forward"` and $P_i (g_i - \sum_j P_j g_j)$ with
    $g = \log P - \log w$ for `"reverse"`. Both sum to 0 over the group, and vanish only at `P = w`.

    Args:
        logp: `[*b, k]`, log-probs in nats of the answers under the current policy, or `[*b, k, t]`, log-probs
            of their tokens, which are summed.
        old_logp: shaped like `logp`, the same when the answers were sampled. Constant.
        scores: `[*b, k]`, one score per answer. One that is not finite makes its group NaN. Constant.
        divergence: `"forward"` covers the whole target, and `"reverse"` seeks its mode.
        tau: temperature of the target in the unit of the scores, above 0. In the paper, 1 with standardized
            scores corresponds to GRPO, and 1 with raw scores to Dr.GRPO.
        where: shaped like `logp`, which answers or tokens exist; all by default. The rest are left out of the
            group.

    Returns:
        `[*b]`, one loss in nats per group, at least 0 and not reduced. The target of a constant group is
        uniform, so it keeps the ratios of its answers equal. An empty group or a group of one answer has loss
        and gradient 0.

    Raises:
        TypeError: an array holds integers, `where` does not hold bools, or an option has the wrong type.
        ValueError: the shapes differ, the last axis holds no candidate, `tau` is not above 0, or there is no
            such divergence.

    Example:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> import numpy as np
        >>> from tpo_objectives import lpo
        >>> old_logp = jnp.array([-10.0, -60.0, -20.0, -30.0])
        >>> scores = jnp.array([1.0, 0.0, 0.0, 0.0])
        >>> print(np.asarray(lpo(old_logp, old_logp, scores)).round(2))
        0.12
        >>> print(np.asarray(jax.grad(lpo)(old_logp, old_logp, scores)).round(2))  # 1/4 - w
        [-0.23  0.08  0.08  0.08]

    Source:
        Qu et al. 2026, arXiv 2605.06139. The paper also makes targets for a policy that has moved since the
        answers were sampled, `softmax(s / tau + log-ratio then)`; ours builds the target at sampling time,
        when that log-ratio is 0. With standardized scores, `"forward"` has the gradient of
        `tpo(..., anchor="ratio")`. An answer with log-prob minus infinity under both policies counts with
        ratio 1.
    """
    choice = read_choice("lpo", "divergence", divergence, ("forward", "reverse"))
    read = read_sequences("lpo", where, logp, old_logp, scores)
    temperature = read_positive("lpo", "tau", tau, read.logp, usual=1.0)
    target = log_softmax(center(read.scores, read.where)[0] / temperature, read.where)
    fit = forward_kl if choice == "forward" else reverse_kl
    return rounded(fit(target, difference(read.logp, read.old_logp), read.where), read.dtype)
