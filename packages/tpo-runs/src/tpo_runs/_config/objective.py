"""`objective` tables of a method: the loss and its keyword arguments."""

import functools
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, SerializeAsAny, WithJsonSchema

from .._text import did_you_mean, found
from .kinds import kinds, of_kind
from .objective_base import BelowOne, Fraction, GroupObjectiveSpec, NotNegative, ObjectiveSpec, Positive
from .own import ImportPath, OwnSpec
from .policy_gradients import POLICY_GRADIENTS
from .spec import Identity, invalid
from .target_objectives import TARGET_OBJECTIVES

ANCHORS = ("tempered", "ratio", "capped", "mean")


def _check_anchor(value: Any) -> bool | str:
    if isinstance(value, bool) or (isinstance(value, str) and value in ANCHORS):
        return value
    hint = did_you_mean(value, ANCHORS) if isinstance(value, str) else ""
    allowed = f"true, false, {', '.join(map(repr, ANCHORS))}"
    raise invalid(f"expected one of {allowed}, found {found(value)}{hint}")


Anchor = Annotated[
    bool | str,
    BeforeValidator(_check_anchor),
    WithJsonSchema({"anyOf": [{"type": "boolean"}, {"type": "string", "enum": list(ANCHORS)}]}),
]


class TPOSpec(GroupObjectiveSpec):
    """Target Policy Optimization.

    Args:
        eta: temperature of the target.
        anchor: what the target starts from: true is the old policy, false the uniform distribution.
            "tempered", "ratio", "capped" and "mean" are for long answers.
        cap: the spread of a group's log-probs in nats that the anchors "tempered" and "capped" keep.
        target_kl: the KL in nats between target and old policy that each group's temperature is chosen for,
            in place of `eta`.
        std_floor: the smallest standard deviation that a group's scores are divided by.
        std_shrinkage: how far the variances of groups move toward their mean over the batch, from 0 to 1.
    """

    parts: ClassVar[str] = "target softmax(log p_old + u / eta); cross-entropy"
    kind: Literal["tpo"] = "tpo"
    eta: Positive = 1.0
    anchor: Anchor = True
    cap: Annotated[Positive, Identity.UNLESS_DEFAULT] = 1.0
    target_kl: Annotated[Positive | None, Identity.UNLESS_DEFAULT] = None
    std_floor: Annotated[Positive | None, Identity.UNLESS_DEFAULT] = None
    std_shrinkage: Annotated[Fraction | None, Identity.UNLESS_DEFAULT] = None

    @property
    def takes_tokens(self) -> bool:
        """Whether the loss needs the lengths of the answers."""
        return self.anchor == "mean"

    def target(self) -> Callable[..., Any]:
        """TPO's target, with its keywords set."""
        from tpo_objectives import tpo_target

        return functools.partial(tpo_target, **self.keywords)

    def fitted(self) -> Callable[..., Any]:
        """The policy over a group under the anchor."""
        from tpo_objectives import tpo_policy

        options: dict[str, Any] = {"anchor": self.anchor, "cap": self.cap}
        return functools.partial(tpo_policy, **options)


class GRPOSpec(GroupObjectiveSpec):
    """GRPO; `informative_only` drops the groups whose scores are all equal ("GRPO (masked)")."""

    parts: ClassVar[str] = "advantage standardized; ratio of whole answers; surrogate clipped; KL penalty k3"
    kind: Literal["grpo"] = "grpo"
    clip: BelowOne = 0.2
    kl_coef: NotNegative = 0.04
    informative_only: bool = False

    @property
    def keywords(self) -> dict[str, Any]:
        """The keyword arguments of the loss."""
        return self.model_dump(exclude={"kind", "informative_only"})

    def build(self, function: Callable[..., Any] | None = None) -> Callable[..., Any]:
        """The loss with its keyword arguments set."""
        from tpo_objectives import informative_only

        loss = super().build(function)
        return informative_only(loss) if self.informative_only else loss


class GroupPGSpec(GroupObjectiveSpec):
    """Policy gradient weighted by the scores standardized over the group."""

    parts: ClassVar[str] = "advantage standardized / eta; surrogate plain"
    kind: Literal["group_pg"] = "group_pg"
    eta: Positive = 1.0


class CrossEntropySpec(GroupObjectiveSpec):
    """Cross-entropy to the best candidates of the group: the oracle."""

    parts: ClassVar[str] = "target uniform over the best; cross-entropy"
    kind: Literal["cross_entropy"] = "cross_entropy"


class PPOSpec(ObjectiveSpec):
    """PPO's clipped surrogate."""

    level: ClassVar[str | None] = "sample"
    parts: ClassVar[str] = "advantage from the rollout; ratio; surrogate clipped"
    kind: Literal["ppo"] = "ppo"
    clip: BelowOne = 0.2


class DGSpec(ObjectiveSpec):
    """Delightful policy gradient."""

    level: ClassVar[str | None] = "sample"
    parts: ClassVar[str] = "advantage from the rollout; surrogate plain, gated by advantage times surprisal"
    kind: Literal["dg"] = "dg"
    eta: Positive = 1.0


class ReinforceSpec(ObjectiveSpec):
    """REINFORCE."""

    level: ClassVar[str | None] = "sample"
    parts: ClassVar[str] = "advantage from the rollout; surrogate plain"
    kind: Literal["reinforce"] = "reinforce"


class OwnObjectiveSpec(ObjectiveSpec, OwnSpec):
    """A user's own function, named "module:function"; all other keys are passed to it as keywords."""

    arrays: ClassVar[tuple[str, ...]] = ("logp", "old_logp", "scores")
    lacks: ClassVar[str] = "an own objective has no probes of a target, and no log-probs of tokens"
    kind: ImportPath


OBJECTIVES = kinds(
    TPOSpec,
    GRPOSpec,
    GroupPGSpec,
    CrossEntropySpec,
    PPOSpec,
    DGSpec,
    ReinforceSpec,
    *POLICY_GRADIENTS,
    *TARGET_OBJECTIVES,
)
Objective = Annotated[SerializeAsAny[ObjectiveSpec], of_kind("objective", OBJECTIVES, OwnObjectiveSpec)]
