"""`objective` tables of the policy gradients on groups of answers, with ratios and losses for each token."""

from typing import ClassVar, Literal

from .objective_base import BelowOne, GroupObjectiveSpec, NotNegative, Positive


class AnswerObjectiveSpec(GroupObjectiveSpec):
    """A policy gradient on groups of answers, from log-probs of their tokens."""

    per_token: ClassVar[bool] = True
    takes_weights: ClassVar[bool] = True


class PenalizedSpec(AnswerObjectiveSpec):
    """A policy gradient with an optional KL penalty.

    Args:
        kl_coef: weight of the KL penalty towards the policy that sampled the batch; 0 is no penalty.
    """

    kl_coef: NotNegative = 0.0


class TokenGRPOSpec(PenalizedSpec):
    """GRPO as published, with a ratio for each token and the mean over each answer."""

    parts: ClassVar[str] = "advantage standardized; ratio token; surrogate clipped; aggregate sequence_mean"
    kind: Literal["token_grpo"] = "token_grpo"
    clip: BelowOne = 0.2
    kl_coef: NotNegative = 0.04


class DrGRPOSpec(PenalizedSpec):
    """Dr.GRPO: centered scores, and sums over tokens divided by the constant `length`."""

    parts: ClassVar[str] = "advantage centered; ratio token; surrogate clipped; aggregate sequence_sum"
    kind: Literal["dr_grpo"] = "dr_grpo"
    clip: BelowOne = 0.2
    length: Positive = 1.0


class DAPOSpec(PenalizedSpec):
    """DAPO's loss: a wider clip above than below, and the mean over all tokens of the batch."""

    parts: ClassVar[str] = "advantage standardized; ratio token; surrogate clipped; aggregate token_mean"
    kind: Literal["dapo"] = "dapo"
    low: BelowOne = 0.2
    high: Positive = 0.28


class RLOOSpec(PenalizedSpec):
    """REINFORCE with the mean score of the other candidates as the baseline."""

    parts: ClassVar[str] = "advantage leave_one_out; ratio none; surrogate plain; aggregate sequence_sum"
    kind: Literal["rloo"] = "rloo"


class ReinforcePPSpec(PenalizedSpec):
    """REINFORCE++: advantages whitened over the batch; `group_baseline` subtracts the group's mean before."""

    parts: ClassVar[str] = "advantage whitened; ratio token; surrogate clipped; aggregate sequence_mean"
    kind: Literal["reinforce_pp"] = "reinforce_pp"
    group_baseline: bool = False
    clip: BelowOne = 0.2


class GSPOSpec(PenalizedSpec):
    """GSPO: one ratio for each answer, the geometric mean of its tokens' ratios."""

    parts: ClassVar[str] = (
        "advantage standardized; ratio sequence_mean; surrogate clipped; aggregate sequence_mean"
    )
    kind: Literal["gspo"] = "gspo"
    low: BelowOne = 3e-4
    high: Positive = 4e-4


class CISPOSpec(PenalizedSpec):
    """CISPO: REINFORCE weighted by a ratio that is clipped to `floor` and `cap`, and constant."""

    parts: ClassVar[str] = "advantage standardized; ratio token; surrogate cispo; aggregate token_mean"
    kind: Literal["cispo"] = "cispo"
    floor: NotNegative = 0.0
    cap: Positive = 5.0


class SAPOSpec(PenalizedSpec):
    """SAPO: a smooth gate in place of the clip, with a sharpness for each sign of the advantage."""

    parts: ClassVar[str] = "advantage standardized; ratio token; surrogate sapo; aggregate sequence_mean"
    kind: Literal["sapo"] = "sapo"
    tau_positive: Positive = 1.0
    tau_negative: Positive = 1.05


class DPPOSpec(PenalizedSpec):
    """DPPO: no gradient once a token's probability has moved by more than `delta` in the wanted direction."""

    parts: ClassVar[str] = "advantage standardized; ratio token; surrogate dppo; aggregate token_mean"
    kind: Literal["dppo"] = "dppo"
    delta: BelowOne = 0.15
    cap: Positive = 20.0


class GMPOSpec(PenalizedSpec):
    """GMPO: the geometric mean of clipped token ratios; `low` and `high` bound log-ratios."""

    parts: ClassVar[str] = (
        "advantage standardized; ratio geometric mean of clipped token ratios; "
        "surrogate minus ratio times advantage; aggregate sequence_mean"
    )
    kind: Literal["gmpo"] = "gmpo"
    low: Positive = 0.4
    high: Positive = 0.4


class MaxRLSpec(PenalizedSpec):
    """MaxRL: centered scores divided by the mean score of the group."""

    parts: ClassVar[str] = "advantage relative; ratio none; surrogate plain; aggregate sequence_sum"
    kind: Literal["maxrl"] = "maxrl"


class OPOSpec(PenalizedSpec):
    """OPO: the group's mean score, weighted by the answers' lengths, as the baseline."""

    parts: ClassVar[str] = "advantage length_weighted; ratio none; surrogate plain; aggregate sequence_sum"
    kind: Literal["opo"] = "opo"


class GPGSpec(PenalizedSpec):
    """GPG: REINFORCE on centered scores, scaled up for groups of equal scores."""

    parts: ClassVar[str] = (
        "advantage centered, times groups per informative group; ratio none; "
        "surrogate plain; aggregate token_mean"
    )
    kind: Literal["gpg"] = "gpg"


class TOPRSpec(AnswerObjectiveSpec):
    """TOPR: REINFORCE for positive advantages, truncated importance sampling for negative ones."""

    parts: ClassVar[str] = "advantage the scores; ratio sequence_sum; surrogate topr; aggregate sequence_mean"
    kind: Literal["topr"] = "topr"


class AsymRESpec(AnswerObjectiveSpec):
    """AsymRE: REINFORCE with a baseline `shift` below the group's mean score."""

    parts: ClassVar[str] = "advantage lowered; ratio none; surrogate plain; aggregate sequence_sum"
    kind: Literal["asymre"] = "asymre"
    shift: NotNegative = 0.1


class DROSpec(AnswerObjectiveSpec):
    """DRO: REINFORCE on centered scores with the quadratic penalty `beta` on the log-ratio."""

    parts: ClassVar[str] = "advantage centered; ratio sequence_sum; surrogate dro; aggregate sequence_mean"
    kind: Literal["dro"] = "dro"
    beta: NotNegative = 1.0


POLICY_GRADIENTS = (
    TokenGRPOSpec,
    DrGRPOSpec,
    DAPOSpec,
    RLOOSpec,
    ReinforcePPSpec,
    GSPOSpec,
    CISPOSpec,
    SAPOSpec,
    DPPOSpec,
    GMPOSpec,
    MaxRLSpec,
    OPOSpec,
    GPGSpec,
    TOPRSpec,
    AsymRESpec,
    DROSpec,
)
