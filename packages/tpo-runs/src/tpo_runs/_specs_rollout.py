"""Tables `rollout` of a method: which candidates are sampled, and what counts as a group."""

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from ._spec import Family, Spec

Prompts = Annotated[int, Field(ge=1, le=1_000_000)]
Candidates = Annotated[int, Field(ge=2, le=65536)]


class SingleSpec(Spec):
    """One answer per prompt, scored token by token.

    Args:
        prompts: prompts per step.
        baseline: what is subtracted from a token's reward: "batch_mean" at its position, or "none".
    """

    level: ClassVar[str] = "sample"
    kind: Literal["single"] = "single"
    prompts: Prompts
    baseline: Literal["batch_mean", "none"] = "batch_mean"


class SequenceGroupSpec(Spec):
    """A group of whole answers to each prompt.

    Args:
        prompts: prompts per step.
        candidates: answers per prompt.
    """

    level: ClassVar[str] = "group"
    kind: Literal["sequence_group"] = "sequence_group"
    prompts: Prompts
    candidates: Candidates


class TokenGroupSpec(Spec):
    """One answer per prompt, and a group of next tokens at each of its prefixes. Needs dense rewards.

    Args:
        prompts: prompts per step.
        candidates: next tokens per prefix, of which the first is the answer's own.
    """

    level: ClassVar[str] = "group"
    kind: Literal["token_group"] = "token_group"
    prompts: Prompts
    candidates: Candidates


ROLLOUTS = Family(
    "rollout", {"single": SingleSpec, "sequence_group": SequenceGroupSpec, "token_group": TokenGroupSpec}
)
Rollout = Annotated[SingleSpec | SequenceGroupSpec | TokenGroupSpec, BeforeValidator(ROLLOUTS.parse)]
