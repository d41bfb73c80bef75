"""All probes by name."""

from .answer_probes import (
    PASS_AT,
    answer_length,
    clipped_share,
    distinct_right,
    effective_candidates,
    entropy,
    inactive_share,
    largest_probability,
    logp_spread,
    target_shift,
    update_kl,
)
from .bandit_probes import error_after, misalignment
from .group_probes import (
    all_fail_share,
    distinct_candidates,
    gradient_norm,
    success_share,
    zero_variance_share,
)
from .observation import Probe
from .weight_probes import failure_weight, success_weight, target_entropy, target_gap

PROBES: dict[str, Probe] = {
    "misalignment": misalignment,
    "error_after": error_after,
    "gradient_norm": gradient_norm,
    "success_share": success_share,
    "all_fail_share": all_fail_share,
    "zero_variance_share": zero_variance_share,
    "distinct_candidates": distinct_candidates,
    "success_weight": success_weight,
    "failure_weight": failure_weight,
    "target_entropy": target_entropy,
    "target_gap": target_gap,
    "target_shift": target_shift,
    "inactive_share": inactive_share,
    "largest_probability": largest_probability,
    "effective_candidates": effective_candidates,
    "logp_spread": logp_spread,
    "answer_length": answer_length,
    "entropy": entropy,
    "clipped_share": clipped_share,
    "update_kl": update_kl,
    "distinct_right": distinct_right,
    **PASS_AT,
}
