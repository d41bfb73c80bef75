"""The whole config file as one frozen value."""

import unicodedata
from typing import Annotated, Any

from pydantic import AfterValidator, Field, Strict

from .._text import found, one_of
from .evaluation import EvaluationSpec
from .executor import EXECUTORS, Executor, InProcessSpec
from .figure import FIGURES, LONGEST_NAME, Figure, FigureSpec, figure_name
from .objective import OBJECTIVES, Objective
from .optimizer import OPTIMIZERS, Optimizer
from .policy import POLICIES, Policy
from .probe import PROBES
from .rollout import ROLLOUTS, Rollout
from .spec import Identity, Spec, check_distinct, names_among, refusal
from .task import TASKS, Task
from .tracking import TrackingSpec

# The classes of the tables that have several kinds.
KINDS: dict[str, dict[str, type[Spec]]] = {
    "task": TASKS,
    "policy": POLICIES,
    "optimizer": OPTIMIZERS,
    "objective": OBJECTIVES,
    "rollout": ROLLOUTS,
    "executor": EXECUTORS,
}
SECTIONS = ("task", "policy", "optimizer", "schedule", "objective", "rollout", "evaluation")
SHARED_SECTIONS = ("task", "policy", "optimizer", "schedule", "evaluation")
# The tables of a config beside its methods: what they share, and what no number depends on.
TOP_SECTIONS = (*SHARED_SECTIONS, "tracking", "executor")


class Schedule(Spec):
    """How long and how often a cell is trained.

    Args:
        steps: rollout batches, each followed by `epochs` gradient steps.
        epochs: full-batch gradient steps on one rollout batch.
        seeds: independent repetitions.
        first_seed: the lowest seed.
        block: seeds trained together in one vectorised program. Part of a cell's identity, because one seed
            and several vectorised seeds differ in the last bits.
        checkpoint_minutes: time between two checkpoints.
    """

    steps: Annotated[int, Field(ge=1, le=1_000_000_000)]
    epochs: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    seeds: Annotated[int, Field(ge=1, le=1_000_000), Identity.NEVER] = 1
    first_seed: Annotated[int, Field(ge=0, le=2_000_000_000), Identity.NEVER] = 0
    block: Annotated[int, Field(ge=1, le=4096)] = 4
    checkpoint_minutes: Annotated[float, Field(gt=0), Identity.NEVER] = 5.0


# Sections of one kind each.
PLAIN: dict[str, type[Spec]] = {
    "schedule": Schedule,
    "evaluation": EvaluationSpec,
    "tracking": TrackingSpec,
}


def _plain_name(name: str) -> str:
    if not name.strip() or name != name.strip() or not name.isprintable():
        raise refusal(f"expected a printable name without blanks around it, found {found(name)}")
    if len(name) > LONGEST_NAME:
        raise refusal(f"expected a name of at most {LONGEST_NAME} characters, found {found(name)}")
    return name


Partial = dict[str, Any]
ProbeNames = Annotated[
    tuple[str, ...],
    Strict(False),
    Field(description="a list of names"),
    names_among(PROBES, "probe"),
]


class Method(Spec):
    """One line of a figure: an objective, a rollout, and what it changes in the shared tables.

    Args:
        name: what tables and legends call it.
        objective: the loss.
        rollout: the sampling.
        task: keys that replace those of `[task]`; likewise `policy`, `optimizer`, `schedule` and
            `evaluation`.
        probes: takes the place of the config's `probes`.
    """

    name: Annotated[str, AfterValidator(_plain_name)]
    objective: Objective
    rollout: Rollout
    task: Partial = {}
    policy: Partial = {}
    optimizer: Partial = {}
    schedule: Partial = {}
    evaluation: Partial = {}
    probes: Annotated[ProbeNames | None, Field(description="a list of names")] = None


def _letters(text: str) -> str:
    """The text in one spelling: an accent may be a character of its own, and look the same."""
    return unicodedata.normalize("NFC", text)


def _distinct_names(methods: tuple[Method, ...]) -> tuple[Method, ...]:
    check_distinct(tuple(method.name for method in methods), "the name", _letters)
    return methods


def _figures(figures: tuple[str | FigureSpec, ...]) -> tuple[str | FigureSpec, ...]:
    for name in (figure for figure in figures if isinstance(figure, str)):
        if name not in FIGURES:
            raise refusal(f"{found(name)} is not a figure{one_of(name, FIGURES)}")
        missing = [key for key, field in FIGURES[name].model_fields.items() if field.is_required()]
        if missing:
            raise refusal(
                f"{found(name)} needs a table with {', '.join(missing)}, as in {{ kind = '{name}' }}"
            )
    # Not every file system tells upper from lower case.
    check_distinct(tuple(map(figure_name, figures)), "the figure", lambda name: _letters(name).casefold())
    return figures


def _axis(values: list[Any]) -> list[Any]:
    check_distinct(tuple(values), "the value")
    return values


MOST_VALUES = 1000
MOST_AXES = 100
Axis = Annotated[list[Any], Field(min_length=1, max_length=MOST_VALUES), AfterValidator(_axis)]


class Config(Spec):
    """A config file.

    Args:
        title: heading of the figures.
        paper: the figure or table of arXiv 2604.06159 that the run belongs to.
        task: what is learned, and by which policy, optimizer and schedule (the next three).
        method: the methods to compare, at least one, with distinct names.
        probes: extra measurements recorded at each step.
        evaluation: measures of the policy on test data.
        tracking: experiment trackers that follow the run.
        executor: where blocks of seeds are trained.
        figures: the figures to draw: the name of a kind, or a table of its options.
        metric: what tables and figures show.
        threshold: the mean of it that counts as solved.
        grid: lists of values by dotted path; cells are made for their product.
        smoke: a partial config that `--smoke` lays over the file.
    """

    title: str = ""
    paper: str = ""
    task: Task
    policy: Policy
    optimizer: Optimizer
    schedule: Schedule
    method: Annotated[
        tuple[Method, ...],
        Strict(False),
        Field(min_length=1, max_length=MOST_VALUES, description=f"1 to {MOST_VALUES} [[method]] tables"),
        AfterValidator(_distinct_names),
    ]
    probes: ProbeNames = ()
    evaluation: EvaluationSpec = EvaluationSpec()
    tracking: TrackingSpec = TrackingSpec()
    executor: Executor = InProcessSpec()
    figures: Annotated[
        tuple[Figure, ...],
        Strict(False),
        Field(max_length=MOST_VALUES, description=f"a list of names and tables, at most {MOST_VALUES}"),
        AfterValidator(_figures),
    ] = ("learning_curves", "final_errors")
    metric: str = "error"
    threshold: Annotated[float, Field(gt=0, lt=1)] = 0.01
    grid: Annotated[
        dict[str, Axis], Field(max_length=MOST_AXES, description=f"a table of at most {MOST_AXES} lists")
    ] = {}
    smoke: Partial = {}


def in_identity(section: str, key: str) -> bool:
    """Whether numbers depend on a key of a section."""
    models = [PLAIN[section]] if section in PLAIN else KINDS[section].values()
    return all(model.counts(key) for model in models)


def effective(config: Config) -> dict[str, Any]:
    """The config with every default filled in, made of what JSON can hold; without the smoke table."""
    return config.model_dump(mode="json", exclude={"smoke"})
