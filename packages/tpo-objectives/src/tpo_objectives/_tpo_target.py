"""The target of Target Policy Optimization."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ._anchor import Anchor, group_logits, read_anchor
from ._inputs import rounded
from ._masked import log_softmax, softmax
from ._options import Number, read_positive, read_share
from ._sequences import Sequences, read_sequences
from ._standardize import standardize
from ._temperature import temperature_of_kl


def tpo_target(
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
) -> Float[Array, "*b k"]:
    r"""The distribution over a group that TPO fits the policy to.

    $$q = \mathrm{softmax}\!\left(\log p^{\mathrm{old}} + u / \eta\right), \qquad
    p^{\mathrm{old}} = \mathrm{softmax}(z^{\mathrm{old}}), \quad u = \mathrm{standardize}(s)$$

    The anchor determines $z^{\mathrm{old}}$; `tpo` lists the anchors. `q` is a constant for `jax.grad`.

    Args:
        old_logp: `[*b, k]`, log-probs in nats of the answers when they were sampled, or `[*b, k, t]`, those
            of their tokens. A constant added to a whole group of `[*b, k]` changes nothing.
        scores: `[*b, k]`, one score per candidate, in any unit. One that is not finite
            makes its group NaN.
        eta: temperature, above 0. A low temperature puts the target on the best candidates.
        target_kl: the divergence $\mathrm{KL}(q \,\|\, p^{\mathrm{old}})$ in nats, above 0, that sets each
            group's temperature instead of `eta`. Temperatures are from 0.001 to 1,000; a group that cannot
            reach the divergence gets 0.001.
        anchor: what the target starts from, as in `tpo`.
        cap: the maximum spread in nats for `anchor="tempered"` and `anchor="capped"`, above 0.
        std_floor: the `floor` of `standardize`.
        std_shrinkage: the `shrinkage` of `standardize`.
        where: shaped like `old_logp`, which candidates or tokens exist; all by default.

    Returns:
        `[*b, k]`, probabilities that sum to 1 over the last axis, and 0 for entries that do not exist.

    Raises:
        TypeError: an array holds integers, `where` does not hold bools, or an option is not one number.
        ValueError: the shapes differ, the last axis holds no candidate, an option is not above 0, there is no
            such anchor, or `anchor="mean"` has no tokens to count.

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
        Target Policy Optimization, arXiv 2604.06159, section 2; without the anchor, figure 8. The anchors
        "tempered", "capped", "mean" and "ratio", `target_kl` and the options of the standard deviation are
        not in the paper.
    """
    name = read_anchor("tpo_target", anchor)
    read = read_sequences("tpo_target", where, old_logp, old_logp, scores, lengths=name == "mean")
    tilt = read_tilt("tpo_target", read, eta, target_kl, std_floor, std_shrinkage)
    limit = read_positive("tpo_target", "cap", cap, read.logp, usual=1.0)
    return rounded(target_of(read, name, tilt, limit), read.dtype)


class Tilt(NamedTuple):
    """Standardized scores, and the temperature that divides them or the divergence that sets it."""

    scores: Float[Array, "*b k"]
    eta: Any
    kl: Any


def read_tilt(caller: str, read: Sequences, eta: Any, target_kl: Any, floor: Any, shrinkage: Any) -> Tilt:
    """Read the options of the temperature and of the standard deviation, and standardize the scores."""
    temperature = read_positive(caller, "eta", eta, read.logp, usual=1.0)
    kl = target_kl
    if kl is not None:
        kl = read_positive(caller, "target_kl", kl, read.logp, usual="None uses eta.")
    if floor is not None:
        floor = read_positive(caller, "std_floor", floor, read.logp, usual="None switches the floor off.")
    if shrinkage is not None:
        shrinkage = read_share(caller, "std_shrinkage", shrinkage, read.logp)
    scores = standardize(read.scores, floor=floor, shrinkage=shrinkage, where=read.where)
    return Tilt(scores, temperature, kl)


def target_of(read: Sequences, anchor: Anchor, tilt: Tilt, cap: Any) -> Float[Array, "*b k"]:
    """The target, not rounded to the dtype of the inputs."""
    start = None
    if anchor in ("sum", "mean", "capped", "tempered"):
        old = jax.lax.stop_gradient(read.old_logp)
        old = group_logits(anchor, old, old, read.lengths, read.where, cap)
        # Normalize first: a float32 score would lose its digits when added to a log-prob of -10,000.
        start = log_softmax(old, read.where)
    eta = tilt.eta
    if tilt.kl is not None:
        uniform = log_softmax(jnp.zeros_like(tilt.scores), read.where)
        eta = temperature_of_kl(uniform if start is None else start, tilt.scores, tilt.kl, read.where)
    logits = tilt.scores / eta
    return softmax(logits if start is None else start + logits, read.where)
