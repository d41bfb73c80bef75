"""`objective` tables of the losses that fit the policy to a target over the group."""

from typing import ClassVar, Literal

from .objective_base import BelowOne, Fraction, GroupObjectiveSpec, NotNegative, Positive


class LPOSpec(GroupObjectiveSpec):
    """LPO: the target `softmax(scores / tau)`, fitted by the policy's ratios over the group."""

    parts: ClassVar[str] = "target softmax(scores / tau); fit of the ratios by a KL"
    kind: Literal["lpo"] = "lpo"
    divergence: Literal["forward", "reverse"] = "forward"
    tau: Positive = 1.0


class DMPOSpec(GroupObjectiveSpec):
    """DMPO: GRPO's surrogate and `beta` times the distance of the policy to a target over the group."""

    per_token: ClassVar[bool] = True
    parts: ClassVar[str] = "surrogate clipped, and target softmax(advantage / tau); fit of mean log-probs"
    kind: Literal["dmpo"] = "dmpo"
    divergence: Literal["mse", "js"] = "mse"
    beta: NotNegative = 1.0
    tau: Positive = 1 / 15
    clip: BelowOne = 0.2


class GVPOSpec(GroupObjectiveSpec):
    """GVPO: centered log-ratios, times `beta`, are fitted to centered scores."""

    parts: ClassVar[str] = "residual of centered scores and beta times centered log-ratios; least squares"
    kind: Literal["gvpo"] = "gvpo"
    beta: Positive = 0.1


class OPMDSpec(GroupObjectiveSpec):
    """OPMD: a policy gradient on centered scores with the penalty `tau` on squared log-ratios."""

    parts: ClassVar[str] = "advantage centered; surrogate plain; penalty tau / 2 times squared log-ratios"
    kind: Literal["opmd"] = "opmd"
    tau: NotNegative = 0.01


class RebelSpec(GroupObjectiveSpec):
    """REBEL: differences of log-ratios are fitted to differences of scores, over all pairs of the group."""

    parts: ClassVar[str] = (
        "residual of score differences and log-ratio differences / eta; least squares over pairs"
    )
    kind: Literal["rebel"] = "rebel"
    eta: Positive = 1.0


class AWRSpec(GroupObjectiveSpec):
    """AWR: log-probs weighted by `exp(advantage / beta)`, at most `max_weight`."""

    parts: ClassVar[str] = "weights exp(advantage centered / beta); maximum likelihood"
    kind: Literal["awr"] = "awr"
    beta: Positive = 1.0
    max_weight: Positive = 20.0


class MPOSpec(GroupObjectiveSpec):
    """MPO with a fixed temperature: cross-entropy to `softmax(scores / eta)` over the group."""

    parts: ClassVar[str] = "weights softmax(scores / eta); maximum likelihood"
    kind: Literal["mpo"] = "mpo"
    eta: Positive = 1.0


class VMPOSpec(GroupObjectiveSpec):
    """V-MPO with a fixed temperature: MPO over the better half of the group."""

    parts: ClassVar[str] = "weights softmax(scores / eta) over the better half; maximum likelihood"
    kind: Literal["v_mpo"] = "v_mpo"
    eta: Positive = 1.0


class PMPOSpec(GroupObjectiveSpec):
    """PMPO: raise accepted answers, lower rejected ones, and stay close by a KL penalty `beta`."""

    parts: ClassVar[str] = "likelihood of accepted and of rejected answers; KL penalty beta"
    kind: Literal["pmpo"] = "pmpo"
    alpha: Fraction = 0.5
    beta: NotNegative = 1.0


class MDPOSpec(GroupObjectiveSpec):
    """MDPO: a policy gradient with a KL to the sampling policy in place of a clip; `step` is its weight."""

    parts: ClassVar[str] = "advantage centered; ratio of whole answers; KL penalty 1 / step"
    kind: Literal["mdpo"] = "mdpo"
    step: Positive = 1.0


TARGET_OBJECTIVES = (
    LPOSpec,
    DMPOSpec,
    GVPOSpec,
    OPMDSpec,
    RebelSpec,
    AWRSpec,
    MPOSpec,
    VMPOSpec,
    PMPOSpec,
    MDPOSpec,
)
