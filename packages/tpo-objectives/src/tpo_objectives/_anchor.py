"""How the log-probs of whole answers enter the softmaxes of TPO."""

from typing import Any, Literal, TypeAlias, cast, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ._masked import mean
from ._ratio import difference

Anchor: TypeAlias = Literal["sum", "mean", "ratio", "capped", "tempered", "none"]


def read_anchor(caller: str, anchor: Any) -> Anchor:
    """The anchor by name; True is "sum", False is "none".

    Raises:
        TypeError: it is neither a name nor a bool, for example a traced value.
        ValueError: there is no anchor of that name.
    """
    names = get_args(Anchor)
    if isinstance(anchor, bool | np.bool_):
        return "sum" if anchor else "none"
    if not isinstance(anchor, str):
        raise TypeError(
            f"{caller}: anchor must be True, False or one of {', '.join(names)}, got {anchor!r}. "
            'Under jax.jit, make it static, as in static_argnames="anchor".'
        )
    if anchor not in names:
        raise ValueError(f"{caller}: anchor must be one of {', '.join(names)}, got {anchor!r}.")
    return cast(Anchor, anchor)


def group_logits(
    anchor: Anchor,
    logp: Float[Array, "*b k"],
    old_logp: Float[Array, "*b k"],
    lengths: Float[Array, "*b k"] | None,
    where: Bool[Array, "*b k"] | None,
    cap: Any,
) -> Float[Array, "*b k"]:
    """The logits of the policy over the group: log-probs of answers, transformed by the anchor."""
    if anchor == "ratio":
        return difference(logp, old_logp)
    if anchor == "mean" and lengths is not None:
        return logp / jnp.maximum(lengths, 1)
    if anchor in ("capped", "tempered"):
        old_logp = jax.lax.stop_gradient(old_logp)
        scale = spread_scale(old_logp, where, cap)
        if anchor == "capped":
            return logp / scale
        # Compute the ratio first: it keeps digits that differences of long log-probs would lose.
        moved = difference(logp, old_logp) + old_logp / scale
        return jnp.where(jnp.isneginf(old_logp), logp, moved)
    return logp


def spread_scale(
    old_logp: Float[Array, "*b k"], where: Bool[Array, "*b k"] | None, cap: Any
) -> Float[Array, "*b 1"]:
    """`max(1, std / cap)` of the old log-probs over the group, a constant."""
    possible = jnp.isfinite(old_logp) if where is None else where & jnp.isfinite(old_logp)
    known = jnp.where(possible, old_logp, 0.0)
    # Subtract the mean twice: the sums of long answers are far from 0.
    centered = jnp.where(possible, known - mean(known, possible), 0.0)
    std = jnp.sqrt(mean(jnp.square(centered), possible))
    return jax.lax.stop_gradient(jnp.maximum(1.0, std / cap))
