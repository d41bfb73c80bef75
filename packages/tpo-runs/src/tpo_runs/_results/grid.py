"""Cells by the points of their grid."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from .._text import one_of, point_label
from .cell import CellResult
from .order import reading_order


def axis_values(results: Iterable[CellResult], axis: str) -> list[Any]:
    """The distinct values of a grid axis: numbers in ascending order, others in order of appearance."""
    values = list(dict.fromkeys(result.point.get(axis) for result in results))
    return sorted(values) if all(map(is_number, values)) else values  # pyright: ignore[reportArgumentType, reportCallIssue]


def is_number(value: object) -> bool:
    """Whether a value of a grid axis is a number, which true and false are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def grid_axes(results: Sequence[CellResult], *, varying: bool = True) -> list[str]:
    """The grid axes in order of appearance; with `varying`, only those with more than one value."""
    axes = dict.fromkeys(axis for result in results for axis in result.point)
    return [axis for axis in axes if not varying or len(axis_values(results, axis)) > 1]


def group_by_point(
    results: Sequence[CellResult], axes: Sequence[str] | None = None
) -> list[tuple[dict[str, object], list[CellResult]]]:
    """The cells of each point of some axes, by default of all that vary.

    Points are in grid order, and the methods of each in reading order.
    """
    axes = grid_axes(results) if axes is None else axes
    values = {axis: axis_values(results, axis) for axis in axes}
    methods = reading_order(result.method for result in results)
    groups: dict[tuple[int, ...], list[CellResult]] = {}
    for result in sorted(results, key=lambda result: methods.index(result.method)):
        place = tuple(values[axis].index(result.point.get(axis)) for axis in axes)
        groups.setdefault(place, []).append(result)
    return [
        ({axis: values[axis][i] for axis, i in zip(axes, place, strict=True)}, groups[place])
        for place in sorted(groups)
    ]


def at_point(results: Sequence[CellResult], values: Mapping[str, Any]) -> list[CellResult]:
    """The cells whose points have these values.

    Raises:
        ValueError: there are no results, an axis is not in the grid, or no cell has the values.
    """
    check_results(results)
    check_axes(results, values)
    kept = [cell for cell in results if all(cell.point.get(a) == value for a, value in values.items())]
    if not kept:
        raise ValueError(f"no cell has {point_label(values)}")
    return kept


def on_all_axes(results: Sequence[CellResult]) -> list[CellResult]:
    """The cells with points extended to the axes of all, with missing values from the settings.

    Of equal cells, only the one with the most seeds is kept.
    """
    axes = grid_axes(results, varying=False)
    filled: dict[str, CellResult] = {}
    for result in results:
        point = {axis: value for axis, value in _point_on(result, axes).items() if value is not None}
        same = repr((result.method, sorted(point.items()), result.spec))
        if same not in filled or len(result.seeds) > len(filled[same].seeds):
            filled[same] = replace(result, point=point)
    return list(filled.values())


def on_axes(results: Sequence[CellResult], axes: Iterable[str]) -> list[CellResult]:
    """The cells with points on exactly these axes, with missing values from the settings, or None."""
    axes = list(axes)
    return [replace(result, point=_point_on(result, axes)) for result in results]


def _point_on(result: CellResult, axes: Iterable[str]) -> dict[str, Any]:
    return {axis: result.point.get(axis, setting_at(result.spec, axis)) for axis in axes}


def setting_at(spec: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path, or None."""
    value: Any = spec
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def check_axes(results: Sequence[CellResult], axes: Iterable[str]) -> None:
    """Raise ValueError unless all of these are axes of the grid."""
    known = grid_axes(results, varying=False)
    for axis in axes:
        if axis not in known:
            raise ValueError(f"{axis!r} is not an axis of the grid{one_of(axis, known)}")


def check_results(results: Sequence[CellResult]) -> None:
    """Raise ValueError unless there are results, and method and point identify each of them."""
    if not results:
        raise ValueError("there are no results; train at least one cell first")
    axes = grid_axes(results)
    seen: set[tuple[object, ...]] = set()
    for result in results:
        key = (result.method, *(result.point.get(axis) for axis in axes))
        if key in seen:
            raise ValueError(
                f"two results are named {result.method!r} at {point_label(result.point) or 'no grid'}: "
                "select one of them, or give the methods different names"
            )
        seen.add(key)
