"""`objective` tables of a method: the loss and its keyword arguments."""

import functools
import keyword
import math
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Discriminator, Field, Tag, WithJsonSchema

from .._text import did_you_mean, found
from .objective_base import BelowOne, GroupObjectiveSpec, NotNegative, ObjectiveSpec, Positive
from .policy_gradients import PolicyGradient
from .spec import Identity, invalid, kinds
from .target_objectives import TargetObjective

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
    target_kl: Annotated[
        float | None, Field(gt=0, description="a number above 0"), Identity.UNLESS_DEFAULT
    ] = None
    std_floor: Annotated[
        float | None, Field(gt=0, description="a number above 0"), Identity.UNLESS_DEFAULT
    ] = None
    std_shrinkage: Annotated[
        float | None, Field(ge=0, le=1, description="a number from 0 to 1"), Identity.UNLESS_DEFAULT
    ] = None

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


def _check_import_path(kind: str) -> str:
    module, _, function = kind.partition(":")
    names = [*module.split("."), function]
    if not all(name.isidentifier() and not keyword.iskeyword(name) for name in names):
        raise invalid(f"expected a module and a function, as in {_suggested_path(kind)}, found {found(kind)}")
    return kind


def _suggested_path(kind: str) -> str:
    """The import path for a file path such as "./losses/mine.py:loss", or the general pattern."""
    file, _, function = kind.partition(":")
    names = [name for name in file.removesuffix(".py").split("/") if name not in ("", ".")]
    usable = names and all(name.isidentifier() for name in [*names, function])
    return found(f"{'.'.join(names)}:{function}") if usable else "'module:function'"


def check_json(value: Any) -> Any:
    """Reject what JSON cannot represent: dates, infinities, and integers beyond 64 bits."""
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            check_json(item)
    elif isinstance(value, float) and not math.isfinite(value):
        raise invalid(f"expected a finite number, found {found(value)}")
    elif isinstance(value, int) and value.bit_length() > 63:
        raise invalid(f"expected an integer of at most 64 bits, found {found(value)}")
    elif not isinstance(value, str | bool | int | float):
        raise invalid(f"expected a string, a number, true or false, a list or a table, found {found(value)}")
    return value


JsonValue = Annotated[Any, AfterValidator(check_json)]


class CustomSpec(ObjectiveSpec):
    """A user's own function, named "module:function"; all other keys are passed to it as keywords."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, JsonValue]  # pyright: ignore
    kind: Annotated[str, AfterValidator(_check_import_path)]


NamedObjective = Annotated[
    TPOSpec
    | GRPOSpec
    | GroupPGSpec
    | CrossEntropySpec
    | PPOSpec
    | DGSpec
    | ReinforceSpec
    | PolicyGradient
    | TargetObjective,
    Field(discriminator="kind"),
]


def _named_or_custom(table: Any) -> str:
    kind = table.get("kind") if isinstance(table, dict) else getattr(table, "kind", None)
    return "custom" if isinstance(kind, str) and ":" in kind else "named"


Objective = Annotated[
    Annotated[NamedObjective, Tag("named")] | Annotated[CustomSpec, Tag("custom")],
    Discriminator(_named_or_custom),
]
OBJECTIVES = kinds(NamedObjective)
