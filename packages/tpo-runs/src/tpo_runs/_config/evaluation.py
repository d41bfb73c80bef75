"""What a cell records besides error and loss: probes at each step, and the `[evaluation]` table."""

from typing import Annotated

from pydantic import Field

from .spec import Identity, Names, Spec, names_among

_WHOLE_ANSWERS = ("sequence_group",)
_ANSWERS = ("single", "sequence_group", "token_group")
_ANSWER_GROUPS = ("sequence_group", "token_group")
_GROUPS = (*_ANSWER_GROUPS, "action_group", "all_actions", "exact_group")

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
    "update_kl": {"rollout": _WHOLE_ANSWERS},
    "distinct_right": {"rollout": _WHOLE_ANSWERS},
    **{f"pass_at_{k}": {"rollout": _WHOLE_ANSWERS} for k in (1, 2, 4, 8, 16, 32)},
}

# Bins of the share that the likeliest wrong class has in the probability of all. The last bin includes 1.
CONCENTRATION_EDGES = (0.0, 0.25, 0.5, 0.75, 1.01)

# Answers to each problem of the measure "held_out_sampled".
SAMPLED_ANSWERS = 8
# The columns that each measure records.
MEASURES: dict[str, tuple[str, ...]] = {
    "test_error": ("test_error",),
    "surplus": tuple(f"surplus_bin_{i}" for i in range(len(CONCENTRATION_EDGES) - 1)),
    "held_out": ("held_out_error",),
    "held_out_sampled": ("held_out_pass_at_1", f"held_out_pass_at_{SAMPLED_ANSWERS}"),
}
# The task that each measure needs.
MEASURED_TASKS = {"test_error": "images", "surplus": "images", "held_out": "text", "held_out_sampled": "text"}


class EvaluationSpec(Spec):
    """Measures of the policy on the task's test images or held-out problems.

    Args:
        every: steps between evaluations, and before the first one.
        measures: of images, "test_error", the share of images whose likeliest class is wrong, and "surplus",
            the gain of the method's update over its symmetric surrogate, by concentration of the wrong
            classes; of text, "held_out", the error of the most probable answers to held-out problems, and
            "held_out_sampled", the mean score of 8 sampled answers and the share of problems that one of them
            solves.
        before: whether the first step records the measures of the initial policy.
        samples: held-out problems in text whose answers are stored, before and after training.
    """

    every: Annotated[int, Field(ge=1, le=1_000_000)] = 200
    measures: Annotated[Names, names_among(MEASURES, "measure")] = ()
    before: Annotated[bool, Identity.UNLESS_DEFAULT] = False
    samples: Annotated[int, Field(ge=0, le=1000), Identity.NEVER] = 8

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the recorded metrics."""
        return tuple(column for name in self.measures for column in MEASURES[name])
