"""TPO's first gradient step as an advantage estimator for verl, without importing verl.

verl's policy losses get no group ids, so TPO cannot be a policy loss there. `docs/guides/verl.md` lists the
settings of verl for which these advantages give TPO's gradient.
"""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from .torch import tpo_target

__all__ = ["targeted_advantages"]


def targeted_advantages(
    token_level_rewards: Float[Tensor, "n t"],
    response_mask: Tensor,
    index: np.ndarray,
    *,
    eta: float = 1.0,
    target_kl: float | None = None,
    std_floor: float | None = None,
    **_: Any,
) -> tuple[Float[Tensor, "n t"], Float[Tensor, "n t"]]:
    r"""TPO's target minus the sampling policy, as token advantages.

    $$A_{it} = k\, (q_i - p_i) = k\, q_i - 1, \qquad q = \mathrm{softmax}(u / \eta)$$

    over the `k` answers with one `index`, and 0 where the response mask is 0. While the policy is still the
    sampling policy, verl's loss with `loss_agg_mode="seq-mean-token-sum"` has the gradient of
    `tpo(..., anchor="ratio")`.

    Args:
        token_level_rewards: `[n, t]`, whose sums over tokens are the scores of the answers.
        response_mask: `[n, t]`, 1 for tokens of the answer.
        index: `[n]`, the ids of the prompts, in any order; verl's `uid`.
        eta: temperature of the target, above 0.
        target_kl: the KL divergence in nats that sets each group's temperature, as in `tpo_target`.
        std_floor: the smallest standard deviation of the scores to divide by, above 0.
        **_: other arguments that verl passes to estimators, such as its config; not used.

    Returns:
        The advantages `[n, t]` twice, because verl also expects returns.

    Raises:
        TypeError: the rewards are not floats, or an option is not one number.
        ValueError: there is not one id for each answer, or an option is not above 0.

    Example:
        >>> import numpy as np
        >>> import torch
        >>> from tpo_objectives.verl import targeted_advantages
        >>> rewards = torch.tensor([[0.0, 1.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
        >>> mask = torch.tensor([[1, 1], [1, 0], [1, 1], [1, 1]])
        >>> targeted_advantages(rewards, mask, np.array(["a", "a", "a", "a"]))[0]
        tensor([[ 2.0818,  2.0818],
                [-0.6939, -0.0000],
                [-0.6939, -0.6939],
                [-0.6939, -0.6939]])

    Source:
        Target Policy Optimization, arXiv 2604.06159, section 2. We derived the form as advantages.
    """
    ids = np.asarray(index)
    if ids.shape != token_level_rewards.shape[:1]:
        raise ValueError(
            f"targeted_advantages: index must hold one id for each of the {len(token_level_rewards)} "
            f"answers, got shape {ids.shape}. Pass the uid of each answer's prompt."
        )
    _, group, sizes = np.unique(ids, return_inverse=True, return_counts=True)
    order = np.argsort(group, kind="stable")
    # The place of each answer in its group, counted from the group's first answer after sorting by group.
    place = np.empty_like(order)
    place[order] = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    rows, columns = torch.as_tensor(group), torch.as_tensor(place)
    scores = token_level_rewards.sum(dim=-1)
    padded = scores.new_zeros(len(sizes), int(sizes.max()))
    where = torch.zeros(padded.shape, dtype=torch.bool, device=scores.device)
    padded[rows, columns], where[rows, columns] = scores, True
    options = {"eta": eta, "target_kl": target_kl, "std_floor": std_floor, "where": where}
    target = tpo_target(torch.zeros_like(padded), padded, anchor="ratio", **options)
    advantages = (where.sum(-1, keepdim=True) * target - 1.0)[rows, columns]
    by_token = advantages[:, None] * response_mask.to(advantages.dtype)
    return by_token, by_token
