"""The `sampler` table of a rollout: how the policy that samples differs from the one that is trained."""

import functools
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from .spec import Identity, Spec, invalid

Correction = Literal["none", "truncated", "masked"]


class SamplerSpec(Spec):
    """A sampler that is older, at another temperature, or less precise than the trained policy.

    Args:
        stale_steps: steps by which the sampling policy is older.
        temperature: divides the logits when answers are sampled.
        top_p: below 1, each token is drawn only from the most probable ones whose probability reaches
            `top_p` together. Language models alone can.
        precision: number format of the sampling policy's parameters.
        old_logp: whose log-probs at sampling time the objective gets: those of the "sampler", or of the
            "trainer", the policy before the step's updates.
        correction: weights of tokens for an objective that gets the trainer's log-probs: "truncated" is the
            ratio of trainer to sampler, at most `cap`; "masked" drops tokens whose ratio is below `low` or
            above `high`.
        cap: the largest weight of "truncated".
        low: the smallest ratio that "masked" keeps.
        high: the largest ratio that "masked" keeps.
    """

    stale_steps: Annotated[int, Field(ge=0, le=1024)] = 0
    temperature: Annotated[float, Field(gt=0)] = 1.0
    top_p: Annotated[float, Field(gt=0, le=1), Identity.UNLESS_DEFAULT] = 1.0
    precision: Literal["float32", "bfloat16"] = "float32"
    old_logp: Literal["sampler", "trainer"] = "sampler"
    correction: Correction = "none"
    cap: Annotated[float, Field(gt=0)] = 2.0
    low: Annotated[float, Field(gt=0)] = 0.5
    high: Annotated[float, Field(gt=0)] = 5.0

    @model_validator(mode="after")
    def _check_correction(self) -> "SamplerSpec":
        if self.correction != "none" and self.old_logp != "trainer":
            raise invalid(
                f"correction = '{self.correction}' needs the trainer's log-probs; set old_logp = 'trainer'"
            )
        if self.low > self.high:
            raise invalid(f"expected low at most high, found low = {self.low:g} and high = {self.high:g}")
        return self

    def build(self, rollout: Any) -> Any:
        """The rollout that samples with it."""
        from tpo_objectives import corrections

        from .._learn import OffPolicy

        options = {"truncated": {"cap": self.cap}, "masked": {"low": self.low, "high": self.high}}
        correction = None
        if self.correction != "none":
            function = getattr(corrections, self.correction)
            correction = functools.partial(function, **options[self.correction])
        return OffPolicy(
            rollout,
            stale_steps=self.stale_steps,
            temperature=None if self.temperature == 1 else self.temperature,
            top_p=None if self.top_p == 1 else self.top_p,
            dtype=None if self.precision == "float32" else self.precision,
            trainer_logp=self.old_logp == "trainer",
            correction=correction,
        )
