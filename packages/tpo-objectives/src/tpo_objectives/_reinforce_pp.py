"""REINFORCE++."""

from jaxtyping import Array, Bool, Float

from . import advantages, kl
from ._clipping import clipped_on_both_sides
from ._options import Number, read_switch
from ._policy_gradient import compose


def reinforce_pp(
    logp: Float[Array, "..."],
    old_logp: Float[Array, "..."],
    scores: Float[Array, "*b k"],
    *,
    group_baseline: bool = False,
    clip: Number = 0.2,
    kl_coef: Number = 0.0,
    ref_logp: Float[Array, "..."] | None = None,
    weights: Float[Array, "..."] | None = None,
    where: Bool[Array, "..."] | None = None,
) -> Float[Array, "*b k"]:
    r"""REINFORCE++: scores whitened over the whole batch, and a clipped ratio for each token.

    $$L_i = -\frac{1}{T_i} \sum_t
    \min\left(r_{it} A_i,\ \mathrm{clip}(r_{it}, 1 - \epsilon, 1 + \epsilon) A_i\right), \qquad
    A_i = \frac{R_i - \mathrm{mean}(R)}{\mathrm{std}(R)}$$

    with both over the whole batch. With `group_baseline`, $R_i - \bar R_i$ replaces $R_i$, where $\bar R_i$
    is the mean over the group. The gradient in the log-prob of a token is $-r_{it} A_i / T_i$, and 0 where
    the token is clipped. The whitening couples the batch: for micro-batches, use `logp_gradient`.

    Args:
        logp: `[*b, k, t]`, log-probs in nats of the tokens under the current policy, or `[*b, k]` for answers
            of one token.
        old_logp: shaped like `logp`, the same at sampling time. Constant.
        scores: `[*b, k]`, one score per answer, in any unit. One that is not finite makes the batch NaN.
            Constant.
        group_baseline: whether to subtract the mean of the group first. Needs more than one answer per
            prompt.
        clip: half-width of the clip range around 1, above 0.
        kl_coef: weight of a KL penalty per token (`kl.k2`), at least 0.
        ref_logp: shaped like `logp`, log-probs under the reference of the penalty; by default, those at
            sampling time.
        weights: shaped like `logp`, constant weights of the tokens, for example from `corrections`.
        where: shaped like `logp`, which tokens exist; all by default. Answers without tokens are left out of
            all means.

    Returns:
        `[*b, k]`, one loss per answer, not reduced.

    Raises:
        TypeError: an array holds integers, `where` does not hold bools, `group_baseline` is not a bool, or
            another option is not one number.
        ValueError: the shapes do not fit, there is no candidate, or an option is out of range.

    Example:
        >>> import jax.numpy as jnp
        >>> import numpy as np
        >>> from tpo_objectives import reinforce_pp
        >>> old_logp = jnp.log(jnp.array([[0.5, 0.5], [0.2, 0.8]]))  # two prompts, two answers of one token
        >>> scores = jnp.array([[1.0, 1.0], [1.0, 0.0]])
        >>> print(np.asarray(reinforce_pp(old_logp, old_logp, scores)).round(2))
        [[-0.58 -0.58]
         [-0.58  1.73]]
        >>> print(np.asarray(reinforce_pp(old_logp, old_logp, scores, group_baseline=True)).round(2))
        [[-0.   -0.  ]
         [-1.41  1.41]]

    Source:
        Hu et al. 2025, arXiv 2501.03262. The paper, OpenRLHF (`reinforce`, `reinforce_baseline`) and verl
        (`reinforce_plus_plus`, `reinforce_plus_plus_baseline`) whiten over tokens, so long answers count more
        in the mean and the deviation; ours whitens over answers. Without the baseline, they subtract the KL
        from the score; ours adds `kl.k2` to the loss.
    """
    grouped = read_switch("reinforce_pp", "group_baseline", group_baseline)
    return compose(
        "reinforce_pp",
        logp,
        old_logp,
        scores,
        advantage=_whitened_offsets if grouped else advantages.whitened,
        surrogate=clipped_on_both_sides("reinforce_pp", clip),
        kl_coef=kl_coef,
        kl_estimator=kl.k2,
        ref_logp=ref_logp,
        weights=weights,
        where=where,
    )


def _whitened_offsets(
    scores: Float[Array, "*b k"], *, where: Bool[Array, "*b k"] | None
) -> Float[Array, "*b k"]:
    return advantages.whitened(advantages.centered(scores, where=where), where=where)
