"""Tables `rollout` of a method: which candidates are sampled, and what counts as a group."""

import math
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from .._text import found, one_of
from .spec import LARGEST, Spec, kinds, refusal
from .task import TOKEN_KINDS

Prompts = Annotated[int, Field(ge=1, le=1_000_000)]
Candidates = Annotated[int, Field(ge=2, le=65536)]
Samples = Annotated[int, Field(ge=1, le=1_000_000)]

# Kinds of tasks that a rollout can sample from.
TOKENS = TOKEN_KINDS
BANDITS = ("symmetric_bandit", "context_table", "images")


class SingleSpec(Spec):
    """One answer per prompt, scored token by token.

    Args:
        prompts: prompts per step.
        baseline: what is subtracted from a token's reward: "batch_mean" at its position, or "none".
    """

    level: ClassVar[str] = "sample"
    serves: ClassVar[tuple[str, ...]] = TOKENS
    kind: Literal["single"] = "single"
    prompts: Prompts
    baseline: Literal["batch_mean", "none"] = "batch_mean"

    def build(self, task: Any) -> Any:
        """The rollout that samples from the task."""
        from .._learn import BASELINES, Single

        return Single(task=task, **{**self.keywords, "baseline": BASELINES[self.baseline]})


class SequenceGroupSpec(Spec):
    """A group of whole answers to each prompt.

    Args:
        prompts: prompts per step.
        candidates: answers per prompt.
    """

    level: ClassVar[str] = "group"
    serves: ClassVar[tuple[str, ...]] = TOKENS
    kind: Literal["sequence_group"] = "sequence_group"
    prompts: Prompts
    candidates: Candidates

    def build(self, task: Any) -> Any:
        """The rollout that samples from the task."""
        from .._learn import SequenceGroup

        return SequenceGroup(task=task, **self.keywords)


class TokenGroupSpec(Spec):
    """One answer per prompt, and a group of next tokens at each of its prefixes. Needs dense rewards.

    Args:
        prompts: prompts per step.
        candidates: next tokens per prefix, of which the first is the answer's own.
    """

    level: ClassVar[str] = "group"
    serves: ClassVar[tuple[str, ...]] = TOKENS
    kind: Literal["token_group"] = "token_group"
    prompts: Prompts
    candidates: Candidates

    def build(self, task: Any) -> Any:
        """The rollout that samples from the task."""
        from .._learn import TokenGroup

        return TokenGroup(task=task, **self.keywords)


def _contexts(value: object) -> object:
    if value == "all" or (type(value) is int and 1 <= value <= 1_000_000):
        return value
    raise refusal(f"expected an integer from 1 to 1000000, or 'all' for each once, found {found(value)}")


Contexts = Annotated[int | str, Field(description="an integer, or 'all'"), BeforeValidator(_contexts)]
# Those that need no more than one sampled action a context, then all.
OWN_BASELINES = ("none", "expected", "standardized_one_hot")
SAMPLED_BASELINES = (*OWN_BASELINES, "batch_mean", "batch_zscore")
EXACT_BASELINES = ("none", "expected", "expected_zscore")


def _finite(value: Any) -> float:
    # An integer may be beyond any float.
    number = math.nan if abs(value) > LARGEST else float(value)
    if not math.isfinite(number):
        raise refusal(f"expected a finite number of at most {LARGEST:g} in size, found {found(value)}")
    return number


def _baseline(*names: str) -> Any:
    def check(value: object) -> object:
        if type(value) in (int, float):
            return _finite(value)
        if isinstance(value, str) and value in names:
            return value
        hint = one_of(value if isinstance(value, str) else "", names)
        raise refusal(f"{found(value)} is not a baseline{hint}, or a number to subtract")

    asked = f"a number to subtract, or one of {', '.join(names)}"
    return Annotated[float | str, Field(description=asked), BeforeValidator(check)]


class SampledActionsSpec(Spec):
    """Actions of a bandit, each a sample of its own.

    Args:
        contexts: contexts per step, drawn with replacement; "all" takes each of them once.
        samples: actions per context.
        baseline: from rewards to advantages. A number is subtracted; "none" leaves the rewards; "expected"
            subtracts `sum_a pi(a)^2`; "standardized_one_hot" is the sampled coordinate of TPO's standardized
            score vector; "batch_mean" and "batch_zscore" standardize over the batch.
    """

    level: ClassVar[str] = "sample"
    serves: ClassVar[tuple[str, ...]] = BANDITS
    kind: Literal["sampled_actions"] = "sampled_actions"
    contexts: Contexts
    samples: Samples = 1
    baseline: _baseline(*SAMPLED_BASELINES)  # pyright: ignore[reportInvalidTypeForm]

    def build(self, task: Any) -> Any:
        """The rollout that samples from the task."""
        from .._learn import SampledActions, bandit_baseline

        return SampledActions(task=task, **{**self.keywords, "baseline": bandit_baseline(self.baseline)})


class AllActionsSpec(Spec):
    """All actions of a context as one group, scored by the sampled ones.

    Args:
        contexts: contexts per step, drawn with replacement; "all" takes each of them once.
        samples: actions per context; the score vector is the mean of their advantages, each at its action.
        baseline: from rewards to advantages, as in "sampled_actions".
    """

    level: ClassVar[str] = "group"
    serves: ClassVar[tuple[str, ...]] = BANDITS
    kind: Literal["all_actions"] = "all_actions"
    contexts: Contexts
    samples: Samples = 1
    baseline: _baseline(*SAMPLED_BASELINES)  # pyright: ignore[reportInvalidTypeForm]

    def build(self, task: Any) -> Any:
        """The rollout that samples from the task."""
        from .._learn import AllActions, bandit_baseline

        return AllActions(task=task, **{**self.keywords, "baseline": bandit_baseline(self.baseline)})


class ExactGroupSpec(Spec):
    """All actions of a context as one group with their true rewards: nothing is left to chance.

    Args:
        contexts: contexts per step, drawn with replacement; "all" takes each of them once.
    """

    level: ClassVar[str] = "group"
    serves: ClassVar[tuple[str, ...]] = BANDITS
    kind: Literal["exact_group"] = "exact_group"
    contexts: Contexts

    def build(self, task: Any) -> Any:
        """The rollout that samples from the task."""
        from .._learn import ExactGroup

        return ExactGroup(task=task, **self.keywords)


class ExactSamplesSpec(Spec):
    """Every action of a context as a sample, weighted by its probability: the expectation of sampling.

    Args:
        contexts: contexts per step, drawn with replacement; "all" takes each of them once.
        baseline: from rewards to advantages. A number is subtracted; "none" leaves the rewards; "expected"
            subtracts `sum_a pi(a)^2`; "expected_zscore" standardizes under the policy.
    """

    level: ClassVar[str] = "sample"
    serves: ClassVar[tuple[str, ...]] = BANDITS
    kind: Literal["exact_samples"] = "exact_samples"
    contexts: Contexts
    baseline: _baseline(*EXACT_BASELINES)  # pyright: ignore[reportInvalidTypeForm]

    def build(self, task: Any) -> Any:
        """The rollout that samples from the task."""
        from .._learn import ExactSamples, bandit_baseline

        return ExactSamples(task=task, **{**self.keywords, "baseline": bandit_baseline(self.baseline)})


Rollout = Annotated[
    SingleSpec
    | SequenceGroupSpec
    | TokenGroupSpec
    | SampledActionsSpec
    | AllActionsSpec
    | ExactGroupSpec
    | ExactSamplesSpec,
    Field(discriminator="kind"),
]
ROLLOUTS = kinds(Rollout)
