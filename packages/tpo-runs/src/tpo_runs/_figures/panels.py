"""Small multiples: one panel per grid point, one legend, one note on what lines and bands mean."""

import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from .._results import CellResult, axis_values, check_results, diverged_steps, grid_axes, group_by_point
from .._text import point_label
from .style import MethodStyle, method_styles

TITLE_SIZE, LABEL_SIZE, TICK_SIZE, NOTE_SIZE = 9.5, 9.0, 8.0, 7.5
LEGEND_WIDTH = 60  # characters of a name in one line
_MAX_COLUMNS = 4
_GREY = "#555555"


def drawable(text: str) -> str:
    r"""A text that matplotlib draws as it stands, with no formula between dollar signs.

    >>> drawable("pays $5 to $10")
    'pays \\$5 to \\$10'
    """
    return text.replace("$", r"\$")


@dataclass(frozen=True)
class Panel:
    """Axes with the cells that belong there; `bottom` and `left` tell which axis labels it carries."""

    axes: Axes
    point: Mapping[str, object]
    cells: Sequence[CellResult]
    bottom: bool
    left: bool


@dataclass(frozen=True)
class Layout:
    """Where every point goes: point `i` at `slots[i]` of `rows` by `columns`.

    `axes` are the grid axes that go down and across, or None where panels just wrap.
    """

    rows: int
    columns: int
    slots: Sequence[tuple[int, int]]
    axes: tuple[str, str] | None = None


def _layout(results: Sequence[CellResult], axes: Sequence[str], points: Sequence[Mapping]) -> Layout:
    count = len(points)
    if len(axes) == 2:
        sizes = {axis: len(axis_values(results, axis)) for axis in axes}
        down, across = axes
        if sizes[across] < sizes[down] <= _MAX_COLUMNS:
            down, across = across, down
        if sizes[down] * sizes[across] == count:
            ranks = [[axis_values(results, axis).index(p[axis]) for p in points] for axis in (down, across)]
            return Layout(sizes[down], sizes[across], list(zip(*ranks, strict=True)), (down, across))
    columns = min(count, _MAX_COLUMNS if count != 2 * (_MAX_COLUMNS - 1) else _MAX_COLUMNS - 1)
    return Layout(math.ceil(count / columns), columns, [divmod(i, columns) for i in range(count)])


def make_panels(
    results: Sequence[CellResult],
    *,
    size: tuple[float, float],
    axes: Sequence[str] | None = None,
) -> tuple[Figure, list[Panel]]:
    """A figure with one panel per grid point.

    Two varying axes span rows and columns, the longer one across if it fits the page; one axis, or more
    than two, wrap into rows of four.

    Args:
        results: the cells.
        size: width and height of a panel in inches.
        axes: the grid axes that make panels; default all that vary.

    Returns:
        the figure, and its panels in grid order.
    """
    check_results(results)
    axes = grid_axes(results) if axes is None else list(axes)
    groups = group_by_point(results, axes)
    layout = _layout(results, axes, [point for point, _ in groups])
    figure, grid = make_axes(layout.rows, layout.columns, size)
    used = set(layout.slots)
    for slot, axes_there in np.ndenumerate(grid):
        axes_there.set_visible(slot in used)
    panels = []
    for (point, cells), (row, column) in zip(groups, layout.slots, strict=True):
        bottom = (row + 1, column) not in used
        panel = Panel(grid[row, column], point, cells, bottom, left=column == 0)
        panel.axes.tick_params(labelbottom=bottom, labelleft=panel.left)
        _name(panel, layout, row, column)
        panels.append(panel)
    return figure, panels


def make_axes(
    rows: int, columns: int, size: tuple[float, float], *, share_y: Literal["all", "col"] = "all"
) -> tuple[Figure, np.ndarray]:
    """A figure of `rows` by `columns` axes of one look, `size` inches each, with room for legend and note."""
    # The legend and the note need some width even around a single panel.
    width = max(columns * size[0] + 0.5, 5.0)
    figure = Figure(figsize=(width, rows * size[1] + 1.0), layout="constrained")
    cast(ConstrainedLayoutEngine, figure.get_layout_engine()).set(w_pad=0.07, h_pad=0.06)
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=share_y)
    for axes in grid.flat:
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="#E4E4E4", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.tick_params(labelsize=TICK_SIZE)
    return figure, grid


def _name(panel: Panel, layout: Layout, row: int, column: int) -> None:
    if layout.axes is None:
        width = 34 if layout.columns > 1 else 60
        title = textwrap.fill(point_label(panel.point), width, break_long_words=False)
        panel.axes.set_title(drawable(title), fontsize=TITLE_SIZE)
        return
    down, across = layout.axes
    if row == 0:
        panel.axes.set_title(drawable(point_label({across: panel.point[across]})), fontsize=TITLE_SIZE)
    if column == layout.columns - 1:
        panel.axes.text(
            1.03,
            0.5,
            drawable(point_label({down: panel.point[down]})),
            transform=panel.axes.transAxes,
            rotation=-90,
            va="center",
            fontsize=TITLE_SIZE,
        )


def finish(
    figure: Figure,
    styles: Mapping[str, MethodStyle],
    *,
    title: str | None,
    note: str,
    markers: bool = False,
    bars: Mapping[str, Mapping[str, Any]] | None = None,
) -> Figure:
    """Add the title, one legend for all panels, and the note below them.

    Args:
        figure: the figure.
        styles: the methods of the legend, in order; empty for no legend.
        title: above everything, or None.
        note: what lines, bands and dots mean, and over how many seeds.
        markers: whether the legend's lines carry the methods' markers.
        bars: the look of each method's bars, which the legend shows in place of lines.

    Returns:
        the same figure.
    """
    width, height = figure.get_size_inches()
    figure.supxlabel(drawable(textwrap.fill(note, int(18 * width))), fontsize=NOTE_SIZE, color=_GREY)
    if title is not None:
        title = drawable(textwrap.fill(title, int(10 * width)))
    bold = {"size": TITLE_SIZE + 1.5, "weight": "bold"}
    if not styles:
        if title is not None:
            figure.suptitle(title, fontproperties=bold)  # pyright: ignore[reportArgumentType]
        return figure
    names = [drawable(textwrap.fill(name, LEGEND_WIDTH)) for name in styles]
    longest = max(len(line) for name in names for line in name.splitlines())
    per_row = max(1, int(width / (0.085 * longest + 0.65)))
    rows = math.ceil(len(styles) / per_row)
    lines = rows + sum(name.count("\n") for name in names)
    figure.set_figheight(height + 0.2 * (lines - 1) + (0.25 * (title.count("\n") + 1) if title else 0.0))
    # The title is the legend's: constrained layout would draw a suptitle over an outside legend.
    legend = figure.legend(
        handles=[
            Patch(**bars[method], label="method") if bars else _handle(style, markers)
            for method, style in styles.items()
        ],
        loc="outside upper center",
        ncols=math.ceil(len(styles) / rows),
        fontsize=LABEL_SIZE,
        frameon=False,
        handlelength=1.2 if bars else 3.2,
        title=title,
        title_fontproperties=bold,
    )
    # Given as a label, a name that starts with an underscore would be left out.
    for text, name in zip(legend.get_texts(), names, strict=True):
        text.set_text(name)
    return figure


def add_remarks(figure: Figure, remarks: Iterable[str]) -> None:
    """Add lines to the note below a figure."""
    width, height = figure.get_size_inches()
    lines = [textwrap.fill(remark, int(18 * width)) for remark in remarks]
    if lines:
        figure.supxlabel("\n".join([figure.get_supxlabel(), *map(drawable, lines)]))
        figure.set_figheight(height + 0.12 * sum(line.count("\n") + 1 for line in lines))


def _handle(style: MethodStyle, markers: bool) -> Line2D:
    return Line2D(
        [],
        [],
        color=style.colour,
        linestyle=style.dashes,
        linewidth=1.8,
        marker=style.marker if markers else "",
        markersize=5.5,
        label="method",
    )


def styles_of(results: Iterable[CellResult]) -> dict[str, MethodStyle]:
    """The styles of the methods of some results, in reading order."""
    return method_styles(result.method for result in results)


def count_label(counts: Iterable[int], word: str) -> str:
    """A count that may differ between cells: "1 seed", "20 seeds", "4 to 20 seeds"."""
    low, high = min(counts := list(counts)), max(counts)
    return f"{low} {word}{'' if low == 1 else 's'}" if low == high else f"{low} to {high} {word}s"


def seeds_label(results: Sequence[CellResult]) -> str:
    """The number of seeds of some results, and how many diverged: "20 seeds", "4 to 20 seeds, 3 diverged"."""
    words = count_label((len(result.seeds) for result in results), "seed")
    diverged = sum(int(np.isfinite(diverged_steps(result)).sum()) for result in results)
    return f"{words}, {diverged} diverged" if diverged else words


def log_error_axis(axes: Axes, floor: float, *, vertical: bool = True) -> None:
    """A log axis for an error in [0, 1] whose lowest tick says that everything below is drawn there."""
    decades = [10.0**e for e in range(math.ceil(math.log10(floor) + 1e-9), 1)]
    ticks = [floor, *decades[decades[:1] == [floor] :]]
    axis = axes.yaxis if vertical else axes.xaxis
    (axes.set_yscale if vertical else axes.set_xscale)("log")
    (axes.set_ylim if vertical else axes.set_xlim)(floor * 0.8, 1.25)
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda v, _: f"≤{v:g}" if math.isclose(v, floor) else f"{v:g}"))


def log_steps_axis(axes: Axes) -> None:
    """A log axis over steps, from step 1, with plain numbers."""
    axes.set_xscale("log")
    axes.set_xlim(left=1)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))


def check_floor(floor: float) -> None:
    """Refuse a floor that a log axis up to 1 cannot have."""
    if not 0 < floor < 1:
        raise ValueError(f"floor must be above 0 and below 1, got {floor}")
