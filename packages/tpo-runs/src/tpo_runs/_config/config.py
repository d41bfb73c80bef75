"""A config file as one frozen value."""

import unicodedata
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, Strict

from .._text import found, one_of
from .evaluation import PROBES, EvaluationSpec
from .executor import EXECUTORS, Executor, InProcessSpec
from .figure import FIGURES, MAX_NAME_LENGTH, Figure, FigureSpec, figure_name
from .objective import OBJECTIVES, Objective, OwnObjectiveSpec
from .optimizer import OPTIMIZERS, Optimizer, OwnOptimizerSpec
from .own import OwnSpec
from .policy import POLICIES, OwnPolicySpec, Policy
from .rollout import ROLLOUTS, Rollout
from .spec import Identity, Names, Spec, check_distinct, invalid, names_among
from .task import TASKS, OwnTaskSpec, Task
from .tracking import TrackingSpec
from .tune import MAX_VALUES, Axes, TuneSpec

# Sections with several kinds, and the class of each kind.
KINDS: Mapping[str, Mapping[str, type[Spec]]] = {
    "task": TASKS,
    "policy": POLICIES,
    "optimizer": OPTIMIZERS,
    "objective": OBJECTIVES,
    "rollout": ROLLOUTS,
    "executor": EXECUTORS,
}
# The class of tables that name a user's own part, in sections that can have one.
OWN: dict[str, type[OwnSpec]] = {
    "task": OwnTaskSpec,
    "policy": OwnPolicySpec,
    "optimizer": OwnOptimizerSpec,
    "objective": OwnObjectiveSpec,
}
# The sections of a cell.
SECTIONS = ("task", "policy", "optimizer", "schedule", "objective", "rollout", "evaluation")
# Those that all methods share and that a method can override.
SHARED_SECTIONS = ("task", "policy", "optimizer", "schedule", "evaluation")
# The sections at the top level of a config.
TOP_SECTIONS = (*SHARED_SECTIONS, "tracking", "executor", "tune")


class Schedule(Spec):
    """How long a cell is trained, and with how many seeds.

    Args:
        steps: rollout batches, each followed by `epochs` gradient steps.
        epochs: full-batch gradient steps on one rollout batch.
        seeds: independent repetitions.
        first_seed: the lowest seed.
        block: seeds trained together in one vectorized program. Part of a cell's identity, because it changes
            the last bits of the results.
        microbatches: parts that the prompts of a batch are split into for its gradient, to save memory. It
            divides `rollout.prompts`.
        checkpoint_minutes: time between two checkpoints.
        keep_policies: whether to store the trained policies, for `tpo-runs export` and `load_policy`, and
            what it takes to train longer.
    """

    steps: Annotated[int, Field(ge=1, le=1_000_000_000)]
    epochs: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    seeds: Annotated[int, Field(ge=1, le=1_000_000), Identity.NEVER] = 1
    first_seed: Annotated[int, Field(ge=0, le=2_000_000_000), Identity.NEVER] = 0
    block: Annotated[int, Field(ge=1, le=4096)] = 4
    microbatches: Annotated[int, Field(ge=1, le=1_000_000), Identity.UNLESS_DEFAULT] = 1
    checkpoint_minutes: Annotated[float, Field(gt=0), Identity.NEVER] = 5.0
    keep_policies: Annotated[bool, Identity.NEVER] = False


# Sections with a single kind.
PLAIN: dict[str, type[Spec]] = {
    "schedule": Schedule,
    "evaluation": EvaluationSpec,
    "tracking": TrackingSpec,
    "tune": TuneSpec,
}


def _check_method_name(name: str) -> str:
    if not name.strip() or name != name.strip() or not name.isprintable():
        raise invalid(f"expected a printable name without spaces around it, found {found(name)}")
    if len(name) > MAX_NAME_LENGTH:
        raise invalid(f"expected a name of at most {MAX_NAME_LENGTH} characters, found {found(name)}")
    return name


Partial = dict[str, Any]
ProbeNames = Annotated[Names, names_among(PROBES, "probe")]


class PointSettings(Spec):
    """What a method sets at some points of the grid.

    Args:
        point: values of axes of the grid; the settings count where the point has all of them.
        task: keys that override the method's; likewise `policy`, `optimizer`, `schedule`, `objective`,
            `rollout` and `evaluation`.
        probes: replaces the method's `probes`.
    """

    point: Annotated[dict[str, Any], Field(min_length=1, description="a table of grid values")]
    task: Partial = {}
    policy: Partial = {}
    optimizer: Partial = {}
    schedule: Partial = {}
    objective: Partial = {}
    rollout: Partial = {}
    evaluation: Partial = {}
    probes: Annotated[ProbeNames | None, Field(description="a list of names")] = None


class SharedPointSettings(PointSettings):
    """What all methods set at some points of the grid.

    Args:
        without: the names of methods that are not trained at these points.
    """

    without: Names = ()


_POINTS = Field(max_length=MAX_VALUES, description=f"a list of tables, at most {MAX_VALUES}")


class Method(Spec):
    """One line of a figure: an objective, a rollout, and the shared keys that it overrides.

    Args:
        name: its name in tables and legends.
        objective: the loss.
        rollout: the sampling.
        task: keys that override those of `[task]`; likewise `policy`, `optimizer`, `schedule` and
            `evaluation`.
        at: what it sets at some points of the grid, such as a learning rate for each horizon.
        tune: values by dotted path that are chosen for this method alone, as `[tune]` says.
        probes: replaces the config's `probes`.
    """

    name: Annotated[str, AfterValidator(_check_method_name)]
    objective: Objective
    rollout: Rollout
    task: Partial = {}
    policy: Partial = {}
    optimizer: Partial = {}
    schedule: Partial = {}
    evaluation: Partial = {}
    at: Annotated[tuple[PointSettings, ...], Strict(False), _POINTS] = ()
    tune: Axes = {}
    probes: ProbeNames | None = None


def _normalized(text: str) -> str:
    """The text in Unicode's composed form: two encodings of an accent look the same."""
    return unicodedata.normalize("NFC", text)


def _check_figures(figures: tuple[str | FigureSpec, ...]) -> tuple[str | FigureSpec, ...]:
    for name in (figure for figure in figures if isinstance(figure, str)):
        if name not in FIGURES:
            raise invalid(f"{found(name)} is not a figure{one_of(name, FIGURES)}")
        missing = [key for key, field in FIGURES[name].model_fields.items() if field.is_required()]
        if missing:
            raise invalid(
                f"{found(name)} needs a table with {', '.join(missing)}, as in {{ kind = '{name}' }}"
            )
    # File names may be case-insensitive.
    check_distinct(map(figure_name, figures), "the figure", lambda name: _normalized(name).casefold())
    return figures


def _check_methods(methods: tuple[Method, ...]) -> tuple[Method, ...]:
    check_distinct([method.name for method in methods], "the name", _normalized)
    return methods


class Config(Spec):
    """A config file.

    Args:
        title: heading of the figures.
        paper: the figure or table of arXiv 2604.06159 that the run reproduces.
        task: what is learned, and by which policy, optimizer and schedule (the next three).
        method: the methods to compare, at least one, with distinct names.
        probes: extra measurements recorded at each step.
        evaluation: measures of the policy on test data.
        tracking: experiment trackers that follow the run.
        executor: where blocks of seeds are trained.
        figures: the figures to draw: the name of a kind, or a table of its options.
        metric: what tables and figures show.
        threshold: the mean of the metric that counts as solved.
        grid: lists of values by dotted path, of one method alone as in "method.TPO.objective.eta", or by a
            name of yours that `at` refers to; cells are made for their product.
        at: what all methods set at some points of the grid, such as a task for each name. It overrides a
            method's own keys, except for its `at`.
        tune: values that are chosen for each method before the run.
        smoke: a partial config that `--smoke` merges into the file.
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
        Field(min_length=1, max_length=MAX_VALUES, description=f"1 to {MAX_VALUES} [[method]] tables"),
        AfterValidator(_check_methods),
    ]
    probes: ProbeNames = ()
    evaluation: EvaluationSpec = EvaluationSpec()
    tracking: TrackingSpec = TrackingSpec()
    executor: Executor = InProcessSpec()
    figures: Annotated[
        tuple[Figure, ...],
        Strict(False),
        Field(max_length=MAX_VALUES, description=f"a list of names and tables, at most {MAX_VALUES}"),
        AfterValidator(_check_figures),
    ] = ("learning_curves", "final_errors")
    metric: str = "error"
    threshold: Annotated[float, Field(gt=0, lt=1)] = 0.01
    grid: Axes = {}
    at: Annotated[tuple[SharedPointSettings, ...], Strict(False), _POINTS] = ()
    tune: TuneSpec = TuneSpec()
    smoke: Partial = {}


def affects_results(section: str, key: str) -> bool:
    """Whether results depend on a key of a section."""
    models = [PLAIN[section]] if section in PLAIN else KINDS[section].values()
    return all(model.affects_results(key) for model in models)


def effective(config: Config) -> dict[str, Any]:
    """The config as JSON values, with every default filled in and without the smoke table."""
    return config.model_dump(mode="json", exclude={"smoke"})
