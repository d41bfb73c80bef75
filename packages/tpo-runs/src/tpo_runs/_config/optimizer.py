"""`[optimizer]` tables: how gradients become updates."""

from typing import Annotated, Any, Literal

from pydantic import Field

from .spec import Spec, kinds

Decay = Annotated[float, Field(ge=0, lt=1)]
Epsilon = Annotated[float, Field(gt=0)]


class OptimizerSpec(Spec):
    """An optimizer. `kind` is the name of its function in `_learn`.

    Args:
        learning_rate: step size.
    """

    kind: str
    learning_rate: Annotated[float, Field(gt=0)]

    def build(self) -> Any:
        """The Optax gradient transformation."""
        from .. import _learn

        return getattr(_learn, self.kind)(**self.keywords)


class MuonSpec(OptimizerSpec):
    """Muon for matrices and Adam for other parameters, at one learning rate and without weight decay.

    Args:
        learning_rate: step size of both parts.
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
    eps: Epsilon = 1e-8


class AdamSpec(OptimizerSpec):
    """Adam for every parameter.

    Args:
        b1: decay of the first moment.
        b2: decay of the second moment.
        eps: added to the denominator.
    """

    kind: Literal["adam"] = "adam"
    b1: Decay = 0.9
    b2: Decay = 0.999
    eps: Epsilon = 1e-8


class UnitNormSpec(OptimizerSpec):
    """Gradient descent with the gradient scaled to norm 1.

    Args:
        learning_rate: length of every step.
    """

    kind: Literal["unit_norm"] = "unit_norm"


Optimizer = Annotated[MuonSpec | AdamSpec | UnitNormSpec, Field(discriminator="kind")]
OPTIMIZERS = kinds(Optimizer)
