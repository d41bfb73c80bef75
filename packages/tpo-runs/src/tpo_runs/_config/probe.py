"""The known probes, and the cells that can record each of them."""

_WHOLE_ANSWERS = ("sequence_group",)
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
    "target_shift": {"objective": ("tpo",)},
    "inactive_share": {"rollout": _WHOLE_ANSWERS},
    "largest_probability": {"rollout": _WHOLE_ANSWERS},
    "effective_candidates": {"rollout": _WHOLE_ANSWERS},
    "logp_spread": {"rollout": _WHOLE_ANSWERS},
    "answer_length": {"rollout": _WHOLE_ANSWERS},
    "entropy": {"rollout": _WHOLE_ANSWERS},
    "clipped_share": {"rollout": _WHOLE_ANSWERS},
    "distinct_right": {"rollout": _WHOLE_ANSWERS},
    **{f"pass_at_{k}": {"rollout": _WHOLE_ANSWERS} for k in (1, 2, 4, 8, 16, 32)},
}
