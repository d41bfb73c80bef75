"""Names in `probes`, and the cells in which each of them has a meaning."""

_ANSWERS = ("single", "sequence_group", "token_group")
_ANSWER_GROUPS = ("sequence_group", "token_group")
_GROUPS = (*_ANSWER_GROUPS, "all_actions", "exact_group")

# For each probe, the tables of a cell that it asks something of, and the kinds that they may have.
PROBES: dict[str, dict[str, tuple[str, ...]]] = {
    "misalignment": {"policy": ("logit_table",)},
    "error_after": {"policy": ("logit_table",)},
    "gradient_norm": {},
    "success_share": {"rollout": _ANSWERS},
    "all_fail_share": {"rollout": _ANSWER_GROUPS},
    "zero_variance_share": {"rollout": _GROUPS},
    "distinct_candidates": {"rollout": _ANSWER_GROUPS},
    "success_weight": {"rollout": _ANSWERS},
    "failure_weight": {"rollout": _ANSWERS},
    "target_entropy": {"objective": ("tpo",)},
    "target_gap": {"objective": ("tpo",)},
}
