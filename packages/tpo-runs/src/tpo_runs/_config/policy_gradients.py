"""`objective` tables of the policy gradients on groups of answers, with ratios and losses for each token."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from .objective_base import ObjectiveSpec

NotNegative = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
BelowOne = Annotated[float, Field(gt=0, lt=1)]


class AnswerObjectiveSpec(ObjectiveSpec):
    """A policy gradient on groups of answers, from log-probs of their tokens."""

    level: ClassVar[str | None] = "group"
    per_token: ClassVar[bool] = True


class PenalizedSpec(AnswerObjectiveSpec):
    """A policy gradient with an optional KL penalty.

    Args:
        kl_coef: weight of the KL penalty towards the policy that sampled the batch; 0 is no penalty.
    """

    kl_coef: NotNegative = 0.0


class TokenGRPOSpec(PenalizedSpec):
    """GRPO as published, with a ratio for each token and the mean over each answer."""

    kind: Literal["token_grpo"] = "token_grpo"
    clip: BelowOne = 0.2
    kl_coef: NotNegative = 0.04


class DrGRPOSpec(PenalizedSpec):
    """Dr.GRPO: centered scores, and sums over tokens divided by the constant `length`."""

    kind: Literal["dr_grpo"] = "dr_grpo"
    clip: BelowOne = 0.2
    length: Positive = 1.0


class DAPOSpec(PenalizedSpec):
    """DAPO's loss: a wider clip above than below, and the mean over all tokens of the batch."""

    kind: Literal["dapo"] = "dapo"
    low: BelowOne = 0.2
    high: Positive = 0.28


class RLOOSpec(PenalizedSpec):
    """REINFORCE with the mean score of the other candidates as the baseline."""

    kind: Literal["rloo"] = "rloo"


class ReinforcePPSpec(PenalizedSpec):
    """REINFORCE++: advantages whitened over the batch; `group_baseline` subtracts the group's mean before."""

    kind: Literal["reinforce_pp"] = "reinforce_pp"
    group_baseline: bool = False
    clip: BelowOne = 0.2


class GSPOSpec(PenalizedSpec):
    """GSPO: one ratio for each answer, the geometric mean of its tokens' ratios."""

    kind: Literal["gspo"] = "gspo"
    low: BelowOne = 3e-4
    high: Positive = 4e-4


class CISPOSpec(PenalizedSpec):
    """CISPO: REINFORCE weighted by a ratio that is clipped to `floor` and `cap`, and constant."""

    kind: Literal["cispo"] = "cispo"
    floor: NotNegative = 0.0
    cap: Positive = 5.0


class SAPOSpec(PenalizedSpec):
    """SAPO: a smooth gate in place of the clip, with a sharpness for each sign of the advantage."""

    kind: Literal["sapo"] = "sapo"
    tau_positive: Positive = 1.0
    tau_negative: Positive = 1.05


class DPPOSpec(PenalizedSpec):
    """DPPO: no gradient once a token's probability has moved by more than `delta` in the wanted direction."""

    kind: Literal["dppo"] = "dppo"
    delta: BelowOne = 0.15
    cap: Positive = 20.0


class GMPOSpec(PenalizedSpec):
    """GMPO: the geometric mean of clipped token ratios; `low` and `high` bound log-ratios."""

    kind: Literal["gmpo"] = "gmpo"
    low: Positive = 0.4
    high: Positive = 0.4


class MaxRLSpec(PenalizedSpec):
    """MaxRL: centered scores divided by the mean score of the group."""

    kind: Literal["maxrl"] = "maxrl"


class OPOSpec(PenalizedSpec):
    """OPO: the group's mean score, weighted by the answers' lengths, as the baseline."""

    kind: Literal["opo"] = "opo"


class GPGSpec(PenalizedSpec):
    """GPG: REINFORCE on centered scores, scaled up for groups of equal scores."""

    kind: Literal["gpg"] = "gpg"


class TOPRSpec(AnswerObjectiveSpec):
    """TOPR: REINFORCE for positive advantages, truncated importance sampling for negative ones."""

    kind: Literal["topr"] = "topr"


class AsymRESpec(AnswerObjectiveSpec):
    """AsymRE: REINFORCE with a baseline `shift` below the group's mean score."""

    kind: Literal["asymre"] = "asymre"
    shift: NotNegative = 0.1


class DROSpec(AnswerObjectiveSpec):
    """DRO: REINFORCE on centered scores with the quadratic penalty `beta` on the log-ratio."""

    kind: Literal["dro"] = "dro"
    beta: NotNegative = 1.0


PolicyGradient = (
    TokenGRPOSpec
    | DrGRPOSpec
    | DAPOSpec
    | RLOOSpec
    | ReinforcePPSpec
    | GSPOSpec
    | CISPOSpec
    | SAPOSpec
    | DPPOSpec
    | GMPOSpec
    | MaxRLSpec
    | OPOSpec
    | GPGSpec
    | TOPRSpec
    | AsymRESpec
    | DROSpec
)
