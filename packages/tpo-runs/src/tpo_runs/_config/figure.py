"""Entries of `figures`: what is drawn, and how."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Strict, Tag, TypeAdapter

from .._text import found
from .spec import Spec, kinds, refusal

Band = Literal["interval", "standard_error", "none"]
Floor = Annotated[float, Field(gt=0, lt=1)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Metric = Annotated[str | None, Field(description="the name of a metric")]
Text = Annotated[str | None, Field(description="a string")]
Window = Annotated[int, Field(ge=1, le=1_000_000)]
Points = Annotated[int, Field(ge=2, le=1_000_000)]
Names = Annotated[
    tuple[str, ...], Strict(False), Field(min_length=1, max_length=1000, description="a list of names")
]


FORMATS = ("png", "pdf")
LONGEST_NAME = 100
# What Windows takes for devices, with any ending.
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{i}" for port in ("com", "lpt") for i in range(1, 10))}


def _file_name(name: str | None) -> str | None:
    """Refuse what is no file name on some system, a hidden file, or a flag to other programs."""
    if name is None:
        return None
    if not name.isprintable() or set(name) & set('/\\:*?"<>|'):
        fault = 'expected a file name without a folder and without : * ? " < > |'
    elif not name.strip() or name != name.strip() or name[0] in ".-" or name[-1] == ".":
        fault = "expected a file name that does not start with a dot or dash, nor end in a dot or blank"
    elif len(name.encode()) > LONGEST_NAME:
        fault = f"expected a file name of at most {LONGEST_NAME} bytes"
    elif name.partition(".")[0].strip().casefold() in _DEVICES:
        fault = "expected a file name that is not a device on Windows"
    else:
        return name
    raise refusal(f"{fault}, found {found(name)}")


class FigureSpec(Spec):
    """A figure; the keys besides the four below are options of the function that draws it.

    Args:
        name: stem of the files; by default the kind.
        title: heading; by default that of the config.
        methods: names of the methods it shows; by default all.
    """

    kind: str
    name: Annotated[str | None, Field(description="a file name"), AfterValidator(_file_name)] = None
    title: Text = None
    methods: Names | None = None

    def options(self, metric: str) -> dict[str, Any]:
        """The drawing function's keywords, for a run that shows `metric` where the table names none."""
        options = self.model_dump(exclude={"kind", "name", "title", "methods"})
        return options | ({"metric": options["metric"] or metric} if "metric" in options else {})


class LearningCurvesSpec(FigureSpec):
    """A metric against steps, one line per method.

    Args:
        metric: what is drawn; by default the config's `metric`.
        band: around the mean: Student's 95% interval, one standard error, or nothing.
        seeds: whether every seed is drawn, too.
        log_x: logarithmic steps.
        log_y: logarithmic values.
        floor: on a logarithmic axis, where smaller values are drawn.
        smooth: window of a running mean.
        max_points: longer curves are thinned to this many points.
    """

    kind: Literal["learning_curves"] = "learning_curves"
    metric: Metric = None
    band: Band = "interval"
    seeds: bool = False
    log_x: bool = False
    log_y: bool = False
    floor: Floor = 1e-3
    smooth: Window = 1
    max_points: Points = 2000


class FinalErrorsSpec(FigureSpec):
    """Every seed's last value, with the mean and its interval.

    Args:
        metric: what is drawn; by default the config's `metric`.
        fraction: share of the steps that counts as the end.
        log: logarithmic values.
        floor: on a logarithmic axis, where smaller values are drawn.
    """

    kind: Literal["final_errors"] = "final_errors"
    metric: Metric = None
    fraction: Fraction = 0.01
    log: bool = False
    floor: Floor = 1e-3


class ProbeCurvesSpec(FigureSpec):
    """Several metrics against steps, side by side.

    Args:
        names: the metrics; by default all but the error.
        band: around the mean: Student's 95% interval, one standard error, or nothing.
        log_x: logarithmic steps.
        log_y: logarithmic values.
        smooth: window of a running mean.
        max_points: longer curves are thinned to this many points.
    """

    kind: Literal["probe_curves"] = "probe_curves"
    names: Annotated[
        tuple[str, ...] | None,
        Strict(False),
        Field(min_length=1, max_length=100, description="a list of names of metrics"),
    ] = None
    band: Band = "interval"
    log_x: bool = False
    log_y: bool = False
    smooth: Window = 1
    max_points: Points = 2000


class SweepSpec(FigureSpec):
    """The last values against one axis of the grid.

    Args:
        axis: the axis; by default the only one with several numbers.
        metric: what is drawn; by default the config's `metric`.
        fraction: share of the steps that counts as the end.
        log_y: logarithmic values.
        floor: on a logarithmic axis, where smaller values are drawn.
    """

    kind: Literal["sweep"] = "sweep"
    axis: Annotated[str | None, Field(description="a path of the grid")] = None
    metric: Metric = None
    fraction: Fraction = 0.01
    log_y: bool = False
    floor: Floor = 1e-3


class BinnedSurplusSpec(FigureSpec):
    """The measure "surplus" by how concentrated the wrong classes are, after some number of steps.

    Args:
        after: updates before the evaluation that is drawn; a shorter run shows its last one.
    """

    kind: Literal["binned_surplus"] = "binned_surplus"
    after: Annotated[int, Field(ge=1, le=1_000_000_000)]


FigureTable = Annotated[
    LearningCurvesSpec | FinalErrorsSpec | ProbeCurvesSpec | SweepSpec | BinnedSurplusSpec,
    Field(discriminator="kind"),
]
Figure = Annotated[
    Annotated[str, Tag("name")] | Annotated[FigureTable, Tag("table")],
    Discriminator(lambda value: "name" if isinstance(value, str) else "table"),
]
FIGURES = kinds(FigureTable)
_TABLE = TypeAdapter(FigureTable)


def figure_spec(figure: Any) -> FigureSpec:
    """The table of an entry, which may be the name of a kind.

    Raises:
        pydantic.ValidationError: the table is wrong, or the kind has keys without a default.
    """
    return _TABLE.validate_python({"kind": figure} if isinstance(figure, str) else figure)


def figure_name(figure: str | FigureSpec) -> str:
    """The stem of the figure's files, which come in all formats, whichever its name ends in."""
    name = figure if isinstance(figure, str) else figure.name or figure.kind
    stem, _, ending = name.rpartition(".")
    return stem if stem and ending in FORMATS else name
