"""Small multiples: one panel per grid point, with a common legend and note."""

import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from .._results import CellResult, axis_values, check_results, grid_axes, group_by_point
from .._text import point_label
from .axes import make_axes
from .labels import drawable
from .style import MethodStyle, method_styles

TITLE_SIZE, LABEL_SIZE, NOTE_SIZE = 9.5, 9.0, 7.5
LEGEND_WIDTH = 60  # characters per line of a name
_MAX_COLUMNS = 4
_GRAY = "#555555"


@dataclass(frozen=True)
class Panel:
    """Axes with their cells, and whether they are the lowest and the leftmost ones."""

    axes: Axes
    point: Mapping[str, object]
    cells: Sequence[CellResult]
    bottom: bool
    left: bool

    def label(self, x: str = "", y: str = "") -> None:
        """Label the axes, where no panel below or to the left does."""
        if x and self.bottom:
            self.axes.set_xlabel(drawable(x), fontsize=LABEL_SIZE)
        if y and self.left:
            self.axes.set_ylabel(drawable(y), fontsize=LABEL_SIZE)


@dataclass(frozen=True)
class Layout:
    """The position of every point: point `i` is at `slots[i]` of `rows` by `columns`.

    `axes` are the grid axes along rows and columns, or None if panels wrap.
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
    """A figure with a panel of `size` inches for each point of some axes, by default of all that vary.

    Two varying axes span rows and columns, with the longer one across if it fits the page. One axis, or more
    than two, wrap into rows of four.
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
        figure: the figure, which is returned.
        styles: the methods of the legend, in order; empty for no legend.
        title: of the figure.
        note: the meaning of lines, bands and dots, and the number of seeds.
        markers: whether the legend shows markers.
        bars: keyword arguments of each method's bars; the legend shows bars instead of lines.
    """
    width, height = figure.get_size_inches()
    figure.supxlabel(drawable(textwrap.fill(note, int(18 * width))), fontsize=NOTE_SIZE, color=_GRAY)
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
    # The legend has the title, because constrained layout draws a suptitle over an outside legend.
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
    # matplotlib omits labels that start with an underscore.
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
        color=style.color,
        linestyle=style.dashes,
        linewidth=1.8,
        marker=style.marker if markers else "",
        markersize=5.5,
        label="method",
    )


def styles_of(results: Iterable[CellResult]) -> dict[str, MethodStyle]:
    """The styles of the methods of results, in reading order."""
    return method_styles(result.method for result in results)
