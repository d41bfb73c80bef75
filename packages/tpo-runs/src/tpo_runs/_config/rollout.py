"""`rollout` tables of a method: how answers or actions are sampled, and what counts as a group."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, SerializeAsAny

from .._text import found, one_of
from .kinds import kinds, of_kind
from .sampler import SamplerSpec
from .spec import LARGEST, Identity, Spec, invalid
from .task import ANSWER_KINDS, BANDIT_KINDS, TEXT_KINDS, TOKEN_KINDS

Prompts = Annotated[int, Field(ge=1, le=1_000_000)]
Candidates = Annotated[int, Field(ge=2, le=65536)]
Samples = Annotated[int, Field(ge=1, le=1_000_000)]


def _check_contexts(value: object) -> object:
    if value == "all" or (type(value) is int and 1 <= value <= 1_000_000):
        return value
    raise invalid(f"expected an integer from 1 to 1000000, or 'all' for each once, found {found(value)}")


Contexts = Annotated[int | str, Field(description="an integer, or 'all'"), BeforeValidator(_check_contexts)]
# Baselines that work with a single sampled action per context.
ONE_SAMPLE_BASELINES = ("none", "expected", "standardized_one_hot")
SAMPLED_BASELINES = (*ONE_SAMPLE_BASELINES, "batch_mean", "batch_zscore")
EXACT_BASELINES = ("none", "expected", "expected_zscore")


def _baseline(*names: str) -> Any:
    def check(value: Any) -> float | str:
        if isinstance(value, str) and value in names:
            return value
        if not isinstance(value, int | float) or isinstance(value, bool):
            hint = one_of(value if isinstance(value, str) else "", names)
            raise invalid(f"{found(value)} is not a baseline{hint}, or a number to subtract")
        if not abs(value) <= LARGEST:  # also true for NaN
            raise invalid(f"expected a finite number of at most {LARGEST:g} in size, found {found(value)}")
        return float(value)

    description = f"a number to subtract, or one of {', '.join(names)}"
    return Annotated[float | str, Field(description=description), BeforeValidator(check)]


class RolloutSpec(Spec):
    """A rollout of `_learn`.

    `level` is "group" or "sample", for what it makes, and `tasks` are the kinds that it samples.
    """

    level: ClassVar[str]
    tasks: ClassVar[tuple[str, ...]]
    kind: str

    def build(self, task: Any, *, tokens: bool = False) -> Any:
        """The rollout that samples from the task.

        Args:
            task: what the config's task table builds.
            tokens: whether the objective reads the log-probs of an answer's tokens.
        """
        from .. import _learn

        del tokens
        keywords = self.keywords
        if "baseline" in keywords:
            find = _learn.BASELINES.get if self.tasks is TOKEN_KINDS else _learn.bandit_baseline
            keywords["baseline"] = find(keywords["baseline"])
        return getattr(_learn, self.builds)(task=task, **keywords)


class TokenRolloutSpec(RolloutSpec):
    """A rollout that answers prompts.

    Args:
        prompts: prompts per step.
    """

    tasks: ClassVar[tuple[str, ...]] = TOKEN_KINDS
    prompts: Prompts


class SingleSpec(TokenRolloutSpec):
    """One answer per prompt, scored token by token.

    Args:
        baseline: what is subtracted from a token's reward: "batch_mean" at its position, or "none".
    """

    level: ClassVar[str] = "sample"
    kind: Literal["single"] = "single"
    baseline: Literal["batch_mean", "none"] = "batch_mean"


class SequenceGroupSpec(TokenRolloutSpec):
    """A group of complete answers to each prompt, of all tokens or up to the end token, as the task says.

    Args:
        candidates: answers per prompt.
        sampler: how the policy that samples differs from the one that is trained; not at all by default.
        reference_kl: weight of a KL penalty towards the initial policy, which is kept for it.
    """

    level: ClassVar[str] = "group"
    tasks: ClassVar[tuple[str, ...]] = (*TOKEN_KINDS, *ANSWER_KINDS, *TEXT_KINDS)
    kind: Literal["sequence_group"] = "sequence_group"
    candidates: Candidates
    sampler: Annotated[SamplerSpec | None, Identity.UNLESS_DEFAULT] = None
    reference_kl: Annotated[float, Field(ge=0), Identity.UNLESS_DEFAULT] = 0.0

    def build(self, task: Any, *, tokens: bool = False) -> Any:
        """The rollout that samples from the task, as in `RolloutSpec`."""
        from .. import _learn

        # Tasks that reward tokens have a mask as well, but their scores are the means of these rewards.
        kind = _learn.SequenceGroup if hasattr(task, "token_rewards") else _learn.AnswerGroup
        rollout = kind(task, self.prompts, self.candidates, tokens)
        rollout = rollout if self.sampler is None else self.sampler.build(rollout)
        return _learn.WithReference(rollout, self.reference_kl) if self.reference_kl else rollout


class TokenGroupSpec(TokenRolloutSpec):
    """One answer per prompt, and a group of next tokens at each of its prefixes. Needs dense rewards.

    Args:
        candidates: next tokens per prefix; the first is the answer's own.
    """

    level: ClassVar[str] = "group"
    kind: Literal["token_group"] = "token_group"
    candidates: Candidates


class BanditRolloutSpec(RolloutSpec):
    """A rollout that acts in contexts.

    Args:
        contexts: contexts per step, drawn with replacement; "all" takes each of them once.
    """

    tasks: ClassVar[tuple[str, ...]] = BANDIT_KINDS
    contexts: Contexts


class SampledActionsSpec(BanditRolloutSpec):
    """Sampled actions of a bandit, each a sample of its own.

    Args:
        samples: actions per context.
        baseline: turns rewards into advantages. A number is subtracted; "none" keeps the rewards; "expected"
            subtracts `sum_a pi(a)^2`; "standardized_one_hot" is the sampled coordinate of TPO's standardized
            score vector; "batch_mean" and "batch_zscore" standardize over the batch.
    """

    level: ClassVar[str] = "sample"
    kind: Literal["sampled_actions"] = "sampled_actions"
    samples: Samples = 1
    baseline: _baseline(*SAMPLED_BASELINES)  # pyright: ignore[reportInvalidTypeForm]


class ActionGroupSpec(BanditRolloutSpec):
    """The sampled actions of a context as one group, scored by their rewards.

    Args:
        samples: actions per context.
    """

    level: ClassVar[str] = "group"
    kind: Literal["action_group"] = "action_group"
    samples: Candidates


class AllActionsSpec(SampledActionsSpec):
    """All actions of a context as one group, scored by the sampled ones.

    Args:
        samples: actions per context; the score vector is the mean of their advantages, each at its action.
        baseline: turns rewards into advantages, as in "sampled_actions".
    """

    level: ClassVar[str] = "group"
    kind: Literal["all_actions"] = "all_actions"


class ExactGroupSpec(BanditRolloutSpec):
    """All actions of a context as one group with their true rewards. Nothing is sampled."""

    level: ClassVar[str] = "group"
    kind: Literal["exact_group"] = "exact_group"


class ExactSamplesSpec(BanditRolloutSpec):
    """Every action of a context as a sample, weighted by its probability: the expectation of sampling.

    Args:
        baseline: turns rewards into advantages. A number is subtracted; "none" keeps the rewards; "expected"
            subtracts `sum_a pi(a)^2`; "expected_zscore" standardizes under the policy.
    """

    level: ClassVar[str] = "sample"
    kind: Literal["exact_samples"] = "exact_samples"
    baseline: _baseline(*EXACT_BASELINES)  # pyright: ignore[reportInvalidTypeForm]


ROLLOUTS = kinds(
    SingleSpec,
    SequenceGroupSpec,
    TokenGroupSpec,
    SampledActionsSpec,
    ActionGroupSpec,
    AllActionsSpec,
    ExactGroupSpec,
    ExactSamplesSpec,
)
Rollout = Annotated[SerializeAsAny[RolloutSpec], of_kind("rollout", ROLLOUTS)]
