"""`[optimizer]` tables: how gradients become updates."""

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, SerializeAsAny, model_validator

from .kinds import kinds, of_kind
from .own import ImportPath, OwnSpec
from .spec import Identity, Spec, invalid

Decay = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]


class OptimizerSpec(Spec):
    """An optimizer and the schedule of its learning rate.

    A run makes `schedule.steps` times `schedule.epochs` updates; both phases of the learning rate are
    measured in steps, each of which has `epochs` updates.

    Args:
        learning_rate: step size, after the warmup and before the decay.
        warmup_steps: steps in which the learning rate rises linearly from 0. Fewer than `schedule.steps`.
        decay: the learning rate after the warmup: "constant", or down to 0 at the end of the run, "linear" or
            as half a period of a "cosine".
    """

    # Whether updates are the learning rate times what does not depend on it, to the last bit.
    scales_last: ClassVar[bool] = False
    kind: str
    learning_rate: Positive
    warmup_steps: Annotated[int, Field(ge=0, le=1_000_000_000), Identity.UNLESS_DEFAULT] = 0
    decay: Annotated[Literal["constant", "linear", "cosine"], Identity.UNLESS_DEFAULT] = "constant"

    @property
    def keywords(self) -> dict[str, Any]:
        """The keyword arguments of the function of the same name."""
        return self.model_dump(exclude={"kind", "warmup_steps", "decay", "clip_norm"})

    @property
    def factor(self) -> float | None:
        """What updates are multiplied by, outside of the transformation: the learning rate if that may be.

        Cells that differ in it alone share a compiled program. None if the transformation contains it.
        """
        constant = not self.warmup_steps and self.decay == "constant"
        return self.learning_rate if self.scales_last and constant else None

    def build(self, steps: int, epochs: int, function: Callable[..., Any] | None = None) -> Any:
        """The gradient transformation, with a learning rate of 1 if there is a `factor`.

        Args:
            steps: steps of the run.
            epochs: updates in each step.
            function: makes it from the keywords; by default the function of `_learn` named `kind`.
        """
        from .. import _learn

        keywords = self.keywords if self.factor is None else {**self.keywords, "learning_rate": 1.0}
        optimizer = (function or getattr(_learn, self.kind))(**keywords)
        warmup = self.warmup_steps * epochs
        return _learn.scheduled(optimizer, updates=steps * epochs, warmup=warmup, decay=self.decay)


class ClippedSpec(OptimizerSpec):
    """An optimizer that can limit the norm of its gradients.

    Args:
        clip_norm: gradients of a larger Euclidean norm, over all parameters, are scaled down to this norm. By
            default there is no limit.
    """

    clip_norm: Annotated[Positive | None, Identity.UNLESS_DEFAULT] = None

    def build(self, steps: int, epochs: int, function: Callable[..., Any] | None = None) -> Any:
        """The gradient transformation, as in `OptimizerSpec`."""
        from .._learn import clipped

        optimizer = super().build(steps, epochs, function)
        return optimizer if self.clip_norm is None else clipped(optimizer, self.clip_norm)


class MuonSpec(ClippedSpec):
    """Muon for matrices, Adam for the other parameters, at one learning rate and without weight decay.

    Args:
        beta: momentum of Muon.
        newton_schulz_steps: iterations that orthogonalize a momentum matrix.
        adam_b1: decay of Adam's first moment.
        adam_b2: decay of Adam's second moment.
        eps: keeps the denominators of both parts above zero.
    """

    kind: Literal["muon"] = "muon"
    beta: Decay = 0.95
    newton_schulz_steps: Annotated[int, Field(ge=1, le=100)] = 5
    adam_b1: Decay = 0.9
    adam_b2: Decay = 0.999
    eps: Positive = 1e-8


class AdamSpec(ClippedSpec):
    """Adam for every parameter.

    Args:
        b1: decay of the first moment.
        b2: decay of the second moment.
        eps: added to the denominator.
    """

    scales_last: ClassVar[bool] = True
    kind: Literal["adam"] = "adam"
    b1: Decay = 0.9
    b2: Decay = 0.999
    eps: Positive = 1e-8


class AdamWSpec(AdamSpec):
    """Adam with decoupled weight decay, for every parameter.

    Args:
        weight_decay: each update subtracts the learning rate times this share of a parameter.
    """

    kind: Literal["adamw"] = "adamw"
    weight_decay: Annotated[float, Field(ge=0)] = 1e-4


class SGDSpec(ClippedSpec):
    """Gradient descent.

    Args:
        momentum: decay of the sum of earlier gradients; 0 is gradient descent without momentum.
        nesterov: whether to step along the momentum that the next gradient would add to.
    """

    scales_last: ClassVar[bool] = True
    kind: Literal["sgd"] = "sgd"
    momentum: Decay = 0.0
    nesterov: Annotated[bool, Identity.UNLESS_DEFAULT] = False

    @model_validator(mode="after")
    def _check_momentum(self) -> "SGDSpec":
        if self.nesterov and not self.momentum:
            raise invalid("nesterov = true has no effect at momentum = 0; set momentum, such as 0.9")
        return self


class UnitNormSpec(OptimizerSpec):
    """Gradient descent with the gradient scaled to norm 1: an update is as long as the learning rate."""

    kind: Literal["unit_norm"] = "unit_norm"


class OwnOptimizerSpec(ClippedSpec, OwnSpec):
    """A user's own function, named "module:function", which returns an `optax.GradientTransformation`.

    All other keys are passed to it as keywords, except warmup_steps, decay and clip_norm, which work as for
    the other kinds.

    Args:
        learning_rate: passed to the function, if it is set.
    """

    lacks: ClassVar[str] = (
        "warmup_steps and decay of an own optimizer scale its updates, whatever its learning rate does"
    )
    kind: ImportPath
    learning_rate: Annotated[Positive | None, Identity.UNLESS_DEFAULT] = None  # pyright: ignore

    @property
    def keywords(self) -> dict[str, Any]:
        """The keyword arguments of the function."""
        unset = {"learning_rate"} if self.learning_rate is None else set()
        return {key: value for key, value in super().keywords.items() if key not in unset}


OPTIMIZERS = kinds(MuonSpec, AdamSpec, AdamWSpec, SGDSpec, UnitNormSpec)
Optimizer = Annotated[SerializeAsAny[OptimizerSpec], of_kind("optimizer", OPTIMIZERS, OwnOptimizerSpec)]
