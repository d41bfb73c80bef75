"""The style of each method: the same color, line style and marker in every figure."""

import itertools
import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from .._results import family_of, is_plain, reading_order

LineStyle = tuple[int, tuple[float | int, ...]]

SOLID: LineStyle = (0, ())


@dataclass(frozen=True)
class MethodStyle:
    """How a method is drawn: `color` (hex), `dashes` (matplotlib's on-off form) and `marker`."""

    color: str
    dashes: LineStyle
    marker: str


# Okabe and Ito's eight colors without yellow, which is too pale on white, plus a dark brown and two grays.
# Similar colors have different dash patterns, so that methods differ in grayscale, too.
METHOD_STYLES: dict[str, MethodStyle] = {
    "TPO": MethodStyle("#0072B2", SOLID, "o"),
    "TPO (no anchor)": MethodStyle("#56B4E9", (0, (4, 1.5)), "h"),
    "GRPO": MethodStyle("#D55E00", (0, (6, 1.5)), "s"),
    "GRPO (no KL)": MethodStyle("#E69F00", (0, (5, 1.2, 1, 1.2)), "D"),
    "GRPO (masked)": MethodStyle("#6B2E00", (0, (1.5, 1)), "P"),
    "Group PG": MethodStyle("#CC79A7", (0, (5, 1, 1, 1, 1, 1)), "^"),
    "PPO": MethodStyle("#000000", (0, (3, 1, 1, 1)), "v"),
    "DG": MethodStyle("#009E73", (0, (1, 1)), "X"),
    "REINFORCE": MethodStyle("#707070", (0, (8, 2)), "<"),
    "CE": MethodStyle("#4D4D4D", (0, (1, 2.5)), "*"),
}

# For names outside all families.
_SPARE_COLORS = ("#332288", "#882255", "#117733", "#999933", "#AA4499", "#44AA99")
# For the members of a family after its plain name, such as "DG, 4 epochs".
_VARIANT_DASHES: tuple[LineStyle, ...] = (
    (0, (2.5, 1)),
    (0, (7, 1, 2, 1)),
    (0, (1, 1.6)),
    (0, (4, 1, 1, 1, 1, 1, 1, 1)),
    (0, (10, 1.5)),
    (0, (2, 3)),
)
# Gray level and share mixed into the family's color: none for its first variant, then white or black.
_SHADES = ((0, 0.0), (255, 0.45), (0, 0.55), (255, 0.65), (0, 0.3))
_MARKERS = ("o", "s", "D", "^", "v", "P", "X", "<", ">", "h", "*")


def method_styles(methods: Iterable[str]) -> dict[str, MethodStyle]:
    """The style of every method of a figure, in reading order. Each has its own color and dash pattern.

    A known method looks the same in every figure. A variant such as "DG, 4 epochs" has its family's color, or
    a shade of it if there are several, and its own line style and marker within the figure. An unknown name
    has a spare color that depends on its spelling, or the next free one if another name of the figure has it.

    >>> styles = method_styles(["DG", "DG, 4 epochs"])
    >>> [style.color for style in styles.values()]
    ['#009E73', '#009E73']
    """
    styles: dict[str, MethodStyle] = {}
    variants = Counter[str]()
    taken: set[tuple[int, int]] = set()
    for method in reading_order(methods):
        family = family_of(method)
        if family is None:
            styles[method] = _spare_style(method, taken)
        elif is_plain(method) and METHOD_STYLES[family] not in styles.values():
            styles[method] = METHOD_STYLES[family]
        else:
            styles[method] = _variant_style(METHOD_STYLES[family], variants[family])
            variants[family] += 1
    return styles


def _variant_style(style: MethodStyle, index: int) -> MethodStyle:
    markers = [m for m in _MARKERS if m != style.marker]
    mixed = _mixed(style.color, *_SHADES[index % len(_SHADES)])
    return replace(style, color=mixed, dashes=_dashes(index), marker=markers[index % len(markers)])


def _mixed(color: str, gray: int, share: float) -> str:
    """A color with a share of a gray level from 0, black, to 255, white."""
    levels = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round((1 - share) * level + share * gray):02X}" for level in levels)


def _spare_style(method: str, taken: set[tuple[int, int]]) -> MethodStyle:
    count = len(_SPARE_COLORS)
    start = zlib.crc32(method.encode())
    turns = ((turn, (start + i) % count) for turn in itertools.count() for i in range(count))
    turn, index = next(place for place in turns if place not in taken)
    taken.add((turn, index))
    return MethodStyle(_SPARE_COLORS[index], _dashes(index + turn), _MARKERS[start % len(_MARKERS)])


def _dashes(index: int) -> LineStyle:
    """The dash patterns of variants, repeated with additional dots after the last one."""
    dots, base = divmod(index, len(_VARIANT_DASHES))
    return (0, (*_VARIANT_DASHES[base][1], *(1, 1) * dots))
