"""TPO for PyTorch: `tpo_target` and `tpo`, with the results and options of the JAX functions.

The other objectives exist only in JAX. To train with TRL, see `tpo_objectives.trl`.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ._anchor import Anchor
from ._torch_inputs import read_groups, read_options, rounded
from ._torch_target import group_logits, log_softmax, target_of

__all__ = ["tpo", "tpo_target"]


def tpo_target(
    old_logp: Float[Tensor, "..."],
    scores: Float[Tensor, "*b k"],
    *,
    eta: float = 1.0,
    target_kl: float | None = None,
    anchor: bool | Anchor = True,
    cap: float = 1.0,
    std_floor: float | None = None,
    std_shrinkage: float | None = None,
    where: Bool[Tensor, "..."] | None = None,
) -> Float[Tensor, "*b k"]:
    r"""The distribution over a group that TPO fits the policy to, like `tpo_objectives.tpo_target`.

    $$q = \mathrm{softmax}\!\left(\log p^{\mathrm{old}} + u / \eta\right), \qquad
    p^{\mathrm{old}} = \mathrm{softmax}(z^{\mathrm{old}}), \quad u = \mathrm{standardize}(s)$$

    Args:
        old_logp: `[*b, k]`, log-probs in nats of the answers when they were sampled, or `[*b, k, t]`, those
            of their tokens.
        scores: `[*b, k]`, one score per candidate, in any unit.
        eta: temperature, above 0.
        target_kl: the KL divergence in nats that sets each group's temperature instead of `eta`.
        anchor: what the target starts from, as in `tpo_objectives.tpo`.
        cap: the maximum spread in nats for `anchor="tempered"` and `anchor="capped"`, above 0.
        std_floor: the smallest standard deviation of the scores to divide by, above 0.
        std_shrinkage: how far variances move toward their mean over the groups, from 0 to 1.
        where: shaped like `old_logp`, which candidates or tokens exist; all by default.

    Returns:
        `[*b, k]`, probabilities that sum to 1 over the last axis, and 0 for entries that do not exist. A
        constant for autograd.

    Raises:
        TypeError: an argument is not a tensor of floats, or an option is not one number.
        ValueError: the shapes differ, an option is out of range, there is no such anchor, or
            `anchor="mean"` has no tokens to count.

    Example:
        >>> import torch
        >>> from tpo_objectives.torch import tpo_target
        >>> old_logp = torch.log(torch.tensor([0.1, 0.2, 0.3, 0.4]))
        >>> tpo_target(old_logp, torch.tensor([1.0, 0.0, 0.0, 0.0]))
        tensor([0.5280, 0.1049, 0.1573, 0.2098])

    Source:
        Target Policy Optimization, arXiv 2604.06159, section 2. `tpo_objectives.tpo_target` says what is not
        in the paper. Options are Python numbers here.
    """
    options = read_options("tpo_target", eta, target_kl, anchor, cap, std_floor, std_shrinkage)
    mean = options.anchor == "mean"
    read = read_groups("tpo_target", old_logp, old_logp, scores, where, lengths=mean)
    return rounded(target_of(read, options), read.dtype)


def tpo(
    logp: Float[Tensor, "..."],
    old_logp: Float[Tensor, "..."],
    scores: Float[Tensor, "*b k"],
    *,
    eta: float = 1.0,
    target_kl: float | None = None,
    anchor: bool | Anchor = True,
    cap: float = 1.0,
    std_floor: float | None = None,
    std_shrinkage: float | None = None,
    where: Bool[Tensor, "..."] | None = None,
) -> Float[Tensor, "*b"]:
    r"""Target Policy Optimization (TPO): the cross-entropy from a fixed target to the policy over a group.

    $$L = -\sum_k q_k \log p_k, \qquad p = \mathrm{softmax}(z), \quad q = \mathrm{tpo\_target}$$

    The gradient in `z` is `p - q`. `tpo_objectives.tpo` defines `z` for each anchor. Gradients flow only into
    `logp`.

    Args:
        logp: `[*b, k]`, log-probs in nats of the answers under the current policy, or `[*b, k, t]`, log-probs
            of their tokens, which are summed.
        old_logp: shaped like `logp`, the same when the candidates were sampled.
        scores: `[*b, k]`, one score per candidate, in any unit. One that is not finite makes its group NaN.
        eta: as in `tpo_target`.
        target_kl: as in `tpo_target`.
        anchor: as in `tpo_objectives.tpo`. For long answers, use "ratio".
        cap: as in `tpo_target`.
        std_floor: as in `tpo_target`.
        std_shrinkage: as in `tpo_target`.
        where: shaped like `logp`, which candidates or tokens exist; all by default. A group without any has
            loss 0.

    Returns:
        `[*b]`, one loss in nats per group, not reduced.

    Raises:
        TypeError: an argument is not a tensor of floats, or an option is not one number.
        ValueError: the shapes differ, an option is out of range, there is no such anchor, or
            `anchor="mean"` has no tokens to count.

    Example:
        >>> import torch
        >>> from tpo_objectives.torch import tpo
        >>> old_logp = torch.log(torch.tensor([0.1, 0.2, 0.3, 0.4]))
        >>> logp = old_logp.clone().requires_grad_()
        >>> tpo(logp, old_logp, torch.tensor([1.0, 0.0, 0.0, 0.0])).backward()
        >>> logp.grad  # p - q
        tensor([-0.4280,  0.0951,  0.1427,  0.1902])

    Source:
        Target Policy Optimization, arXiv 2604.06159, section 2. `tpo_objectives.tpo` says what is not in the
        paper. Options are Python numbers here.
    """
    options = read_options("tpo", eta, target_kl, anchor, cap, std_floor, std_shrinkage)
    read = read_groups("tpo", logp, old_logp, scores, where, lengths=options.anchor == "mean")
    target = target_of(read, options)
    log_policy = log_softmax(group_logits(read.logp, read, options), read.where)
    # Entries without weight contribute nothing, even if they are impossible: 0 times infinity gives no NaN.
    losses = -(target * torch.where((target == 0) & log_policy.isneginf(), 0.0, log_policy)).sum(-1)
    return rounded(losses, read.dtype)
