"""One look per method, told apart with and without color vision."""

import itertools

import numpy as np
import pytest
from matplotlib import colors

from tpo_runs import CellResult, learning_curves
from tpo_runs._figures import METHOD_STYLES, binned_surplus, method_styles
from tpo_runs._results import family_of, reading_order

VARIANTS = ["DG, 1 epoch", "DG, 4 epochs", "DG (interactions)", "DG 8", "DG 16"]


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("TPO", "TPO"),
        ("tpo_token", "TPO"),
        ("TPO (no anchor), H=8", "TPO (no anchor)"),
        ("GRPO (interactions)", "GRPO"),
        ("GRPO, no KL", "GRPO (no KL)"),
        ("group_pg", "Group PG"),
        ("PG", "REINFORCE"),
        ("TPOx", None),
        ("my TPO", None),
        ("", None),
    ],
)
def test_families(name, family):
    assert family_of(name) == family


def test_reading_order_is_the_papers():
    assert reading_order(["zeta", *reversed(METHOD_STYLES), "alpha", "TPO, 1 epoch"]) == [
        "TPO",
        "TPO, 1 epoch",
        *list(METHOD_STYLES)[1:],
        "zeta",
        "alpha",
    ]


@pytest.mark.parametrize("method", METHOD_STYLES)
def test_a_known_method_looks_the_same_beside_any_others(method):
    others = ["mine", *VARIANTS, *METHOD_STYLES]
    assert method_styles([method])[method] == method_styles(others)[method] == METHOD_STYLES[method]


def test_variants_have_shades_of_the_familys_color_and_lines_of_their_own():
    styles = method_styles(["DG", *VARIANTS])
    first, second, *others = (style.color for style in styles.values())
    assert first == second == METHOD_STYLES["DG"].color
    hues = [colors.rgb_to_hsv(colors.to_rgb(color))[0] for color in (first, *others)]
    assert hues == pytest.approx(hues[:1] * len(hues), abs=0.01)
    assert len({style.dashes for style in styles.values()}) == len(styles)


def test_unknown_methods_have_colors_of_their_own():
    names = ["mine", "yours", "theirs", "ours", "his", "hers"]
    styles = method_styles(names)
    colors = {style.color for style in styles.values()}
    assert len(colors) == 6
    assert not colors & {style.color for style in METHOD_STYLES.values()}
    assert method_styles(["mine"])["mine"] == method_styles(["mine"])["mine"]


def linear(color):
    srgb = np.array(colors.to_rgb(color))
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def lightness(rgb):
    luminance = float(rgb @ [0.2126, 0.7152, 0.0722])
    return 116 * luminance ** (1 / 3) - 16


# Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB.
VISION = {
    "normal": np.eye(3),
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritan": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("pair", [*itertools.combinations(METHOD_STYLES, 2)], ids="-".join)
def test_methods_can_be_told_apart_without_color_vision_and_in_gray(vision, pair):
    first, second = (METHOD_STYLES[method] for method in pair)
    assert first.dashes != second.dashes
    assert first.marker != second.marker
    one, other = (
        np.clip(VISION[vision] @ linear(style.color), 0, 1) ** (1 / 2.2) for style in (first, second)
    )
    assert np.linalg.norm(one - other) > 0.1


@pytest.mark.parametrize("method", METHOD_STYLES)
def test_every_color_stands_out_on_white(method):
    assert lightness(linear(METHOD_STYLES[method].color)) < 75


LOOK_ALIKES = [
    ["TPO", "TPO+"],
    ["TPO+", "TPO", "tpo", "TPO \u03b7", "TPO (no anchor)", "TPO (no anchor)!"],
    ["GRPO", "GRPO*", "GRPO, no KL", "GRPO (no KL)"],
    ["DG", "DG'"],
    ["PG", "REINFORCE"],
    [f"method {letter}" for letter in "ABCDEFGHIJ"],
    [f"DG, {epochs} epochs" for epochs in range(20)],
    [*(f"method {i}" for i in range(30)), *(f"TPO {i}" for i in range(30))],
]


@pytest.mark.parametrize("names", LOOK_ALIKES, ids=lambda names: f"{names[0]} and {len(names) - 1} more")
def test_no_two_methods_of_a_figure_have_the_same_line(names):
    curves = {"error": np.linspace(1, 0.2, 100).reshape(1, 100)}  # too long for markers
    figure = learning_curves([CellResult(name, {}, {}, np.arange(1), curves, {}) for name in names])
    looks = {
        (colors.to_hex(line.get_color()), line.get_linestyle(), str(line._unscaled_dash_pattern))
        for line in figure.axes[0].lines
    }
    assert len(looks) == len(names)


@pytest.mark.parametrize("names", LOOK_ALIKES[:5], ids=lambda names: names[0])
def test_a_known_name_keeps_its_look_beside_one_like_it(names):
    styles = method_styles(names)
    assert all(styles[name] == METHOD_STYLES[name] for name in names if name in METHOD_STYLES)


def test_bars_of_one_color_differ_in_their_hatches():
    bins = {f"surplus_bin_{i}": np.ones((2, 3)) for i in range(4)}
    names = ["DG", "DG, 1 epoch", "DG, 2 epochs", "TPO"]
    figure = binned_surplus(
        [CellResult(name, {}, {}, np.arange(2), {"error": np.ones((2, 3)), **bins}, {}) for name in names],
        after=3,
    )
    looks = [(bar.get_facecolor(), bar.get_edgecolor(), bar.get_hatch()) for bar in figure.axes[0].patches]
    assert len(set(looks)) == len(names)
    assert len({(patch.get_edgecolor(), patch.get_hatch()) for patch in figure.legends[0].get_patches()}) == 4
