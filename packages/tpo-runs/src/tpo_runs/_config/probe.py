"""The known probes, and the cells that can record each of them."""

_ANSWERS = ("single", "sequence_group", "token_group")
_ANSWER_GROUPS = ("sequence_group", "token_group")
_GROUPS = (*_ANSWER_GROUPS, "all_actions", "exact_group")

# For each probe, the sections that it constrains and the kinds that it allows there.
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
