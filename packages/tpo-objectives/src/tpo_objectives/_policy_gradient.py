"""The policy gradient on groups, as a composition of parts."""

from collections.abc import Callable
from typing import Any, Literal, TypeAlias, get_args

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from . import aggregates, kl, surrogates
from ._answer_inputs import read_answers, read_tokens
from ._inputs import fill, rounded
from ._masked import mean
from ._options import Number, read_not_negative
from ._standardize import standardize

Advantage: TypeAlias = Callable[..., Float[Array, "*b k"]]
Surrogate: TypeAlias = Callable[..., Float[Array, "*b k t"]]
Aggregate: TypeAlias = Callable[..., Float[Array, "*b k"]]
Estimator: TypeAlias = Callable[..., Float[Array, "*b k t"]]
RatioLevel: TypeAlias = Literal["token", "sequence_mean", "sequence_sum"]


def policy_gradient(
    logp: Float[Array, "..."],
    old_logp: Float[Array, "..."],
    scores: Float[Array, "*b k"],
    *,
    advantage: Advantage = standardize,
    ratio: RatioLevel = "token",
    surrogate: Surrogate = surrogates.clipped,
    aggregate: Aggregate = aggregates.sequence_mean,
    kl_coef: Number = 0.0,
    kl_estimator: Estimator = kl.k3,
    ref_logp: Float[Array, "..."] | None = None,
    weights: Float[Array, "..."] | None = None,
    where: Bool[Array, "..."] | None = None,
) -> Float[Array, "*b k"]:
    r"""A policy gradient on groups of answers, composed from its parts.

    $$L_i = \mathrm{aggregate}_t\left[\, w_{it}\, \mathrm{surrogate}(\ell_{it}, \ell^{\mathrm{old}}_{it}, A_i)
    + \beta\, \mathrm{KL}(\ell_{it}, \ell^{\mathrm{ref}}_{it}) \right], \qquad
    A = \mathrm{advantage}(s)$$

    By default, the surrogate is applied to tokens. With `ratio="sequence_mean"`, it is applied once per
    answer, to the mean log-prob of its tokens; with `"sequence_sum"`, to their sum. `aggregate` then gives
    each token of an answer the loss of the answer.

    Args:
        logp: `[*b, k, t]`, log-probs in nats of the tokens under the current policy. `[*b, k]` are answers of
            one token, such as actions or whole answers.
        old_logp: shaped like `logp`, the same at sampling time. Constant.
        scores: `[*b, k]`, one score per answer. Constant.
        advantage: a function of `tpo_objectives.advantages`, or your own with its signature.
        ratio: the unit of the surrogate.
        surrogate: a function of `tpo_objectives.surrogates`, or your own with its signature.
        aggregate: a function of `tpo_objectives.aggregates`, or your own with its signature.
        kl_coef: weight $\beta$ of the KL penalty, at least 0.
        kl_estimator: a function of `tpo_objectives.kl`.
        ref_logp: shaped like `logp`, log-probs under the reference; those at sampling time by default.
            Constant.
        weights: shaped like `logp`, constant weights of the tokens, for example from
            `tpo_objectives.corrections`.
        where: shaped like `logp`, which tokens exist; all by default. Answers without tokens are left out of
            all means.

    Returns:
        `[*b, k]`, one loss per answer, not reduced. The loss of the batch is `batch_mean(losses,
        where=where)`.

    Raises:
        TypeError: an array holds integers, `where` does not hold bools, or `kl_coef` is not one number.
        ValueError: the shapes do not fit, there is no candidate, or an option is out of range.

    Example:
        >>> import functools
        >>> import jax.numpy as jnp
        >>> import numpy as np
        >>> from tpo_objectives import advantages, aggregates, batch_mean, policy_gradient, surrogates
        >>> logp = jnp.log(jnp.array([[[0.5, 0.5], [0.2, 1.0]]]))  # one prompt, two answers of two tokens
        >>> scores = jnp.array([[1.0, 0.0]])
        >>> where = jnp.array([[[True, True], [True, False]]])  # the second answer has one token
        >>> losses = policy_gradient(
        ...     logp,
        ...     logp,
        ...     scores,
        ...     advantage=advantages.leave_one_out,
        ...     surrogate=surrogates.plain,
        ...     aggregate=aggregates.token_mean,
        ...     where=where,
        ... )
        >>> print(np.asarray(losses).round(2))
        [[ 0.92 -1.07]]
        >>> print(batch_mean(losses, where=where).round(2))
        -0.07
    """
    return compose(
        "policy_gradient",
        logp,
        old_logp,
        scores,
        advantage=advantage,
        ratio=ratio,
        surrogate=surrogate,
        aggregate=aggregate,
        kl_coef=kl_coef,
        kl_estimator=kl_estimator,
        ref_logp=ref_logp,
        weights=weights,
        where=where,
    )


def compose(
    caller: str,
    logp: Float[Array, "..."],
    old_logp: Float[Array, "..."],
    scores: Float[Array, "*b k"],
    *,
    advantage: Advantage = standardize,
    ratio: RatioLevel = "token",
    surrogate: Surrogate = surrogates.clipped,
    aggregate: Aggregate = aggregates.sequence_mean,
    kl_coef: Number = 0.0,
    kl_estimator: Estimator = kl.k3,
    ref_logp: Float[Array, "..."] | None = None,
    weights: Float[Array, "..."] | None = None,
    where: Bool[Array, "..."] | None = None,
) -> Float[Array, "*b k"]:
    """`policy_gradient`, with error messages that name the objective `caller`."""
    read = read_answers(caller, where, logp, old_logp, scores)
    penalty = read_not_negative(caller, "kl_coef", kl_coef, read.logp, usual="0 is no penalty.")
    estimates = jax.lax.stop_gradient(advantage(read.scores, where=read.exists))
    # Advantages of answers that do not exist have no effect, even if they are NaN.
    estimates = fill(estimates, read.exists)[..., None]
    now, old = (_units(caller, tokens, read.where, ratio) for tokens in (read.logp, read.old_logp))
    losses = surrogate(now, old, jnp.broadcast_to(estimates, now.shape))
    losses = jnp.broadcast_to(losses, read.logp.shape)
    if weights is not None:
        losses = jax.lax.stop_gradient(read_tokens(caller, "weights", weights, read)) * losses
    if not (isinstance(penalty, float) and penalty == 0):
        reference = read.old_logp if ref_logp is None else read_tokens(caller, "ref_logp", ref_logp, read)
        losses = losses + penalty * kl_estimator(read.logp, reference)
    return rounded(aggregate(losses, where=read.where), read.dtype)


def _units(
    caller: str, tokens: Float[Array, "*b k t"], where: Any, ratio: RatioLevel
) -> Float[Array, "*b k u"]:
    """The log-probs of the units: of tokens, or one for each answer."""
    if ratio == "token":
        return tokens
    if ratio not in get_args(RatioLevel):
        raise ValueError(f"{caller}: ratio must be one of {', '.join(get_args(RatioLevel))}, got {ratio!r}.")
    if ratio == "sequence_sum":
        return jnp.sum(tokens, axis=-1, keepdims=True)
    return mean(tokens, where)
