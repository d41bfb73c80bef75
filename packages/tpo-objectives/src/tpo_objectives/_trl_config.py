"""The settings of `TargetPolicyTrainer`, and the settings of TRL that it rejects."""

from dataclasses import dataclass, field, fields

try:
    from trl import GRPOConfig
except ImportError as error:
    raise ImportError(
        f"tpo_objectives.trl needs TRL 1.16 or later: pip install 'tpo-objectives[trl]' ({error})"
    ) from None

from ._torch_inputs import read_options

# Settings of losses and penalties that TPO does not have. Changing one would have no effect.
UNUSED = (
    *("beta", "delta", "epsilon", "epsilon_high", "importance_sampling_level", "loss_type"),
    *("entropy_coef", "use_adaptive_entropy", "top_entropy_quantile", "off_policy_mask_threshold"),
    *("multi_objective_aggregation", "scale_rewards"),
)


@dataclass
class TargetPolicyConfig(GRPOConfig):
    """The settings of `TargetPolicyTrainer`: those of TRL's `GRPOConfig`, and the options of `tpo`.

    Args:
        eta: temperature of the target, above 0. A lower one takes larger steps.
        target_kl: the KL divergence in nats that sets each group's temperature instead of `eta`.
        anchor: how log-probs become the policy and the target over a group: "ratio" for answers of many
            tokens, "sum" as in the paper, or another anchor of `tpo_objectives.tpo`.
        cap: the maximum spread in nats for the anchors "tempered" and "capped", above 0.
        std_floor: the smallest standard deviation of the rewards of a group to divide by, in their unit.

    Raises:
        TypeError: an option of `tpo` is not one number.
        ValueError: an option of `tpo` is out of range; a setting of `GRPOConfig` that TPO does not use is
            changed; or the batches would not hold whole groups.

    Example:
        >>> from tpo_objectives.trl import TargetPolicyConfig
        >>> args = TargetPolicyConfig("out", per_device_train_batch_size=16, num_generations=8, report_to=[])
        >>> args.anchor
        'ratio'
    """

    eta: float = field(default=1.0, metadata={"help": "Temperature of the target, above 0."})
    target_kl: float | None = field(
        default=None, metadata={"help": "Divergence in nats that replaces eta: each group gets its own."}
    )
    anchor: str = field(
        default="ratio", metadata={"help": "ratio, sum (the paper's), tempered, capped, mean or none."}
    )
    cap: float = field(default=1.0, metadata={"help": "Spread in nats that tempered and capped keep."})
    std_floor: float | None = field(
        default=None, metadata={"help": "Smallest standard deviation of the rewards to divide by."}
    )

    def __post_init__(self):
        super().__post_init__()
        read_options(
            "TargetPolicyConfig", self.eta, self.target_kl, self.anchor, self.cap, self.std_floor, None
        )
        self._refuse_unused()
        self._refuse_split_groups("per_device_train_batch_size", "num_generations")
        if self.do_eval and self.eval_strategy != "no":
            own = "num_generations_eval" if self.num_generations_eval else "num_generations"
            self._refuse_split_groups("per_device_eval_batch_size", own)

    def _refuse_unused(self):
        defaults = {item.name: item.default for item in fields(GRPOConfig)}
        changed = [name for name in UNUSED if name in defaults and getattr(self, name) != defaults[name]]
        if changed:
            got = ", ".join(f"{name}={getattr(self, name)!r}" for name in changed)
            raise ValueError(
                f"TargetPolicyConfig: {got} belongs to other losses and would change nothing here. Leave out "
                f"{', '.join(changed)}. TPO stays close to the old policy by eta or target_kl."
            )

    def _refuse_split_groups(self, batch_size: str, group_size: str):
        batch, group = getattr(self, batch_size), getattr(self, group_size)
        if batch % group:
            raise ValueError(
                f"TargetPolicyConfig: {batch_size}={batch} would split a group of {group_size}={group} "
                "completions over forward passes or processes, and TPO needs whole groups. Set "
                f"{batch_size} to a multiple of {group_size}, such as {group * (batch // group + 1)}, and "
                "lower gradient_accumulation_steps to keep the batch. If memory is short, use "
                "gradient_checkpointing, or fewer generations."
            )
