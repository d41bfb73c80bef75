"""All probes by name."""

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
}
