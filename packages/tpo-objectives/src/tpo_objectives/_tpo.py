"""Target Policy Optimization: build a target distribution over the group, then fit the policy to it."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ._anchor import Anchor, group_logits, read_anchor
from ._inputs import rounded
from ._masked import log_softmax, softmax
from ._options import Number, read_positive
from ._sequences import read_sequences
from ._tpo_target import read_tilt, target_of
from ._weighted import weighted


def tpo_policy(
    logp: Float[Array, "..."],
    old_logp: Float[Array, "..."],
    scores: Float[Array, "*b k"],
    *,
    anchor: bool | Anchor = True,
    cap: Number = 1.0,
    where: Bool[Array, "..."] | None = None,
) -> Float[Array, "*b k"]:
    r"""The policy over a group that TPO fits to its target.

    $$p = \mathrm{softmax}(z)$$

    with the `z` of the anchor, as in `tpo`. The gradient of `tpo` in `z` is `p - tpo_target(...)`.

    Args:
        logp: `[*b, k]`, log-probs in nats of the answers under the current policy, or `[*b, k, t]`, log-probs
            of their tokens, which are summed.
        old_logp: shaped like `logp`, the same when the candidates were sampled. Constant.
        scores: `[*b, k]`, as for `tpo`. Only their shape matters: it distinguishes answers from tokens.
        anchor: how `p` is computed, as in `tpo`.
        cap: the maximum spread in nats for `anchor="tempered"` and `anchor="capped"`, above 0.
        where: shaped like `logp`, which candidates or tokens exist; all by default.

    Returns:
        `[*b, k]`, probabilities that sum to 1 over the last axis, and 0 for entries that do not exist.

    Raises:
        TypeError: an array holds integers, `where` does not hold bools, or an option is not one number.
        ValueError: the shapes differ, the last axis holds no candidate, `cap` is not above 0, there is no
            such anchor, or `anchor="mean"` has no tokens to count.

    Example:
        >>> import jax.numpy as jnp
        >>> import numpy as np
        >>> from tpo_objectives import tpo_policy
        >>> logp = jnp.array([0.0, -20.0])  # the old policy all but never gives the second answer
        >>> scores = jnp.array([0.0, 1.0])
        >>> print(np.asarray(tpo_policy(logp, logp, scores)).round(2))
        [1. 0.]
        >>> print(np.asarray(tpo_policy(logp, logp, scores, anchor="tempered")).round(2))
        [0.88 0.12]
        >>> print(np.asarray(tpo_policy(logp, logp, scores, anchor="ratio")).round(2))
        [0.5 0.5]

    Source:
        Target Policy Optimization, arXiv 2604.06159, section 2, for the default anchor; for the others, see
        `tpo`.
    """
    name = read_anchor("tpo_policy", anchor)
    read = read_sequences("tpo_policy", where, logp, old_logp, scores, lengths=name == "mean")
    limit = read_positive("tpo_policy", "cap", cap, read.logp, usual=1.0)
    logits = group_logits(name, read.logp, read.old_logp, read.lengths, read.where, limit)
    return rounded(softmax(logits, read.where), read.dtype)


def tpo(
    logp: Float[Array, "..."],
    old_logp: Float[Array, "..."],
    scores: Float[Array, "*b k"],
    *,
    eta: Number = 1.0,
    target_kl: Number | None = None,
    anchor: bool | Anchor = True,
    cap: Number = 1.0,
    std_floor: Number | None = None,
    std_shrinkage: Number | None = None,
    where: Bool[Array, "..."] | None = None,
) -> Float[Array, "*b"]:
    r"""Target Policy Optimization (TPO): the cross-entropy from a fixed target to the policy over a group.

    $$L = -\sum_k q_k \log p_k, \qquad p = \mathrm{softmax}(z), \quad q = \mathrm{tpo\_target}$$

    The gradient in `z` is `p - q`. It vanishes when the policy matches the target, so several
    gradient steps on one batch converge instead of overshooting.

    The anchor determines how the log-probs $\ell$ of whole answers, of `t` tokens each, become `z`:

    - `"sum"` or True: $z = \ell$, as in the paper. The target starts from the old policy. If the log-probs of
      a group differ by many nats, as those of language models do, one answer holds nearly all of `p`, and
      the group teaches nothing. Then use `"ratio"`.
    - `"tempered"`: $z = \ell - (1 - 1/c)\, \ell^{\mathrm{old}}$ with one constant
      $c = \max(1, \sigma(\ell^{\mathrm{old}}) / \mathrm{cap})$ for each group. It has the fixed point of
      `"sum"`, $\ell = \ell^{\mathrm{old}} + u / \eta$ up to a constant, and equals `"sum"` if the spread of
      the group is at most `cap` nats. `p` starts with a spread of at most `cap` nats.
    - `"ratio"`: $z = \ell - \ell^{\mathrm{old}}$, and the target is $\mathrm{softmax}(u / \eta)$. It also has
      the fixed point of `"sum"`. `p` is uniform before the first gradient step, so no group is inactive.
    - `"capped"`: $z = \ell / c$. Its fixed point is $\ell = \ell^{\mathrm{old}} + c u / \eta$.
    - `"mean"`: $z = \ell / t$. It requires token log-probs.
    - `"none"` or False: $z = \ell$, and the target is $\mathrm{softmax}(u / \eta)$.

    The gradient in the log-probs is `p - q` for `"sum"`, `"tempered"`, `"ratio"` and `"none"`,
    `(p - q) / c` for `"capped"`, and `(p - q) / t` for `"mean"`.

    Args:
        logp: `[*b, k]`, log-probs in nats of the answers under the current policy, or `[*b, k, t]`, log-probs
            of their tokens, which are summed.
        old_logp: shaped like `logp`, the same when the candidates were sampled. Constant.
        scores: `[*b, k]`, one score per candidate, in any unit. One that is not finite
            makes its group NaN. Constant.
        eta: temperature of the target, above 0.
        target_kl: the KL divergence in nats that sets each group's temperature, as in `tpo_target`.
        anchor: how `p` and the target are computed; see above.
        cap: the maximum spread in nats for `anchor="tempered"` and `anchor="capped"`, above 0.
        std_floor: the `floor` of `standardize`.
        std_shrinkage: the `shrinkage` of `standardize`.
        where: shaped like `logp`, which candidates or tokens exist; all by default. The rest are left out of
            the group. A group without candidates has loss 0.

    Returns:
        `[*b]`, one loss in nats per group, not reduced.

    Raises:
        TypeError: an array holds integers, `where` does not hold bools, or an option is not one number.
        ValueError: the shapes differ, the last axis holds no candidate, an option is not above 0, there is no
            such anchor, or `anchor="mean"` has no tokens to count.

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
        >>> long = 20 * old_logp  # one answer holds nearly all of p
        >>> print(np.abs(jax.grad(tpo)(long, long, scores)).max().round(2))
        0.0
        >>> print(np.abs(jax.grad(lambda x: tpo(x, long, scores, anchor="tempered"))(long)).max().round(2))
        0.24

    Source:
        Target Policy Optimization, arXiv 2604.06159, section 2; without the anchor, figure 8. The anchors
        "tempered", "capped", "mean" and "ratio", `target_kl` and the options of the standard deviation are
        not in the paper.
    """
    name = read_anchor("tpo", anchor)
    read = read_sequences("tpo", where, logp, old_logp, scores, lengths=name == "mean")
    tilt = read_tilt("tpo", read, eta, target_kl, std_floor, std_shrinkage)
    limit = read_positive("tpo", "cap", cap, read.logp, usual=1.0)
    target = target_of(read, name, tilt, limit)
    logits = group_logits(name, read.logp, read.old_logp, read.lengths, read.where, limit)
    losses = jnp.sum(weighted(-target, log_softmax(logits, read.where)), axis=-1)
    return rounded(losses, read.dtype)
