"""Entries of `figures`: what is drawn, and how."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, SerializeAsAny, Strict, TypeAdapter

from .._text import found
from .kinds import kinds, of_kind
from .spec import Names, Spec, invalid

Metric = Annotated[str | None, Field(description="the name of a metric")]
Fraction = Annotated[float, Field(ge=0, le=1)]
Floor = Annotated[float, Field(gt=0, lt=1)]

FORMATS = ("png", "pdf")
MAX_NAME_LENGTH = 100
# Device names on Windows, whatever the extension.
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{i}" for port in ("com", "lpt") for i in range(1, 10))}


def _check_file_name(name: str | None) -> str | None:
    """Reject names that are invalid on any system, name a hidden file, or look like a flag."""
    if name is None:
        return None
    if not name.isprintable() or set(name) & set('/\\:*?"<>|'):
        expected = 'without a folder and without : * ? " < > |'
    elif not name.strip() or name != name.strip() or name[0] in ".-" or name[-1] == ".":
        expected = "that does not start with a dot or dash, and does not end in a dot or space"
    elif len(name.encode()) > MAX_NAME_LENGTH:
        expected = f"of at most {MAX_NAME_LENGTH} bytes"
    elif name.partition(".")[0].strip().casefold() in _DEVICES:
        expected = "that is not a device on Windows"
    else:
        return name
    raise invalid(f"expected a file name {expected}, found {found(name)}")


class FigureSpec(Spec):
    """A figure. Keys other than these four are options of the function that draws it.

    Args:
        name: file name without extension; by default the kind.
        title: heading; by default the config's title.
        methods: names of the methods to show; by default all.
    """

    kind: str
    name: Annotated[str | None, Field(description="a file name"), AfterValidator(_check_file_name)] = None
    title: str | None = None
    methods: Annotated[Names, Field(min_length=1, max_length=1000)] | None = None

    def options(self, metric: str) -> dict[str, Any]:
        """The keyword arguments of the drawing function; `metric` is the default metric."""
        options = self.model_dump(exclude={"kind", "name", "title", "methods"})
        return options | ({"metric": options["metric"] or metric} if "metric" in options else {})


class CurvesSpec(FigureSpec):
    """A figure of curves over steps.

    Args:
        band: the band around the mean: Student's 95% interval, one standard error, or none.
        log_x: logarithmic steps.
        log_y: logarithmic values.
        smooth: window of a running mean.
        max_points: longer curves are thinned to this many points.
    """

    band: Literal["interval", "standard_error", "none"] = "interval"
    log_x: bool = False
    log_y: bool = False
    smooth: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    max_points: Annotated[int, Field(ge=2, le=1_000_000)] = 2000


class LearningCurvesSpec(CurvesSpec):
    """A metric over steps, one line per method.

    Args:
        metric: what is drawn; by default the config's `metric`.
        seeds: whether to draw every seed as well.
        floor: on a logarithmic axis, where smaller values are drawn.
    """

    kind: Literal["learning_curves"] = "learning_curves"
    metric: Metric = None
    seeds: bool = False
    floor: Floor = 1e-3


class FinalSpec(FigureSpec):
    """A figure of final values.

    Args:
        metric: what is drawn; by default the config's `metric`.
        fraction: share of the steps that counts as the end.
        floor: on a logarithmic axis, where smaller values are drawn.
    """

    metric: Metric = None
    fraction: Fraction = 0.01
    floor: Floor = 1e-3


class FinalErrorsSpec(FinalSpec):
    """The final value of every seed, with the mean and its interval.

    Args:
        log: logarithmic values.
    """

    kind: Literal["final_errors"] = "final_errors"
    log: bool = False


class SweepSpec(FinalSpec):
    """Final values over one axis of the grid.

    Args:
        axis: the axis; by default the only one with several numbers.
        log_y: logarithmic values.
    """

    kind: Literal["sweep"] = "sweep"
    axis: Annotated[str | None, Field(description="a path of the grid")] = None
    log_y: bool = False


class ProbeCurvesSpec(CurvesSpec):
    """Several metrics over steps, side by side.

    Args:
        names: the metrics; by default all but the error.
    """

    kind: Literal["probe_curves"] = "probe_curves"
    names: Annotated[Names, Field(min_length=1, max_length=100)] | None = None


class BinnedSurplusSpec(FigureSpec):
    """The measure "surplus" by concentration of the wrong classes, after some number of steps.

    Args:
        after: updates before the evaluation that is drawn; a shorter run shows its last one.
    """

    kind: Literal["binned_surplus"] = "binned_surplus"
    after: Annotated[int, Field(ge=1, le=1_000_000_000)]


class Group(Spec):
    """Methods that share a color.

    Args:
        name: their name in the legend.
        methods: their names.
    """

    name: str
    methods: Annotated[Names, Field(min_length=1, max_length=1000)]


Groups = Annotated[tuple[Group, ...], Strict(False), Field(max_length=20, description="a list of tables")]


class OrderSpec(FigureSpec):
    """A figure of the areas under the curves, over all points of the grid.

    Args:
        metric: what is drawn; by default the config's `metric`.
        at: values of axes of the grid; only cells with them are shown.
    """

    metric: Metric = None
    at: Annotated[dict[str, Any], Field(description="a table of grid values")] = {}


class RankingSpec(OrderSpec):
    """The area under the curve of each method over all points of the grid, from the best to the worst.

    Args:
        beside: other values of axes of the grid, which are shown as hollow dots.
        groups: lists of methods that share a color, each with its name in the legend.
    """

    kind: Literal["ranking"] = "ranking"
    beside: Annotated[dict[str, Any], Field(description="a table of grid values")] = {}
    groups: Groups = ()


class PerformanceProfileSpec(OrderSpec):
    """The share of runs with an area under the curve of at most each value, over all points of the grid."""

    kind: Literal["performance_profile"] = "performance_profile"


class DiagnosticsSpec(OrderSpec):
    """The area under the curve of each method, over what its probes show; one panel per probe.

    Args:
        groups: lists of methods that share a color, each with its name in the legend.
        named: the methods whose names are written beside their dots.
    """

    kind: Literal["diagnostics"] = "diagnostics"
    groups: Groups = ()
    named: Names = ()


FIGURES = kinds(
    LearningCurvesSpec,
    FinalErrorsSpec,
    ProbeCurvesSpec,
    SweepSpec,
    BinnedSurplusSpec,
    RankingSpec,
    PerformanceProfileSpec,
    DiagnosticsSpec,
)
# A name of a kind stands for a table without other keys.
Figure = Annotated[str | SerializeAsAny[FigureSpec], of_kind("figure", FIGURES, or_name=True)]
_TABLE: TypeAdapter[FigureSpec] = TypeAdapter(Annotated[FigureSpec, of_kind("figure", FIGURES)])


def figure_spec(figure: Any) -> FigureSpec:
    """The table of an entry, which may be the name of a kind.

    Raises:
        pydantic.ValidationError: the table is wrong, or the kind has keys without a default.
    """
    return _TABLE.validate_python({"kind": figure} if isinstance(figure, str) else figure)


def figure_name(figure: str | FigureSpec) -> str:
    """The file name of a figure without extension. A figure is saved in all formats."""
    name = figure if isinstance(figure, str) else figure.name or figure.kind
    stem, _, ending = name.rpartition(".")
    return stem if stem and ending in FORMATS else name
