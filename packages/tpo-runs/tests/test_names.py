"""Names, titles and paths are text: nothing in them is taken for markup, a formula, a flag or a folder."""

import io
import warnings
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from test_hostile_configs import CONFIG, refused, written

from tpo_runs import CellResult, learning_curves, load_config, save_figure
from tpo_runs._cli import main

SVG = "http://www.w3.org/2000/svg"
NAMES = [
    "GRPO [no KL]",
    ":smile: x",
    "TPO [/]",
    "[bold]TPO",
    "A $^$ b",
    "pays $5 to $10",
    "back\\$slash\\",
    "100% _of_ *it*",
    "_hidden",
    "`a` <b>b</b> | c & d",
    "方法",
    "\U0001f600",
    "A, B",
    "kl=0.5",
    "-dash",
    "a.b",
]


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def with_methods(folder, names=NAMES):
    """A config whose methods have these names."""
    head, method, table = CONFIG.partition("[[method]]")
    methods = [method + table.replace('"TPO"', quoted(name)) for name in names]
    return written(folder, head.replace("steps = 10", "steps = 2") + "".join(methods))


def test_check_and_list_show_names_and_paths_as_they_stand(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = with_methods(tmp_path)
    assert main(["check", str(path)]) == 0
    shown = capsys.readouterr().out
    assert [name for name in NAMES if f" {name} " not in shown] == []
    assert main([str(path), "--list", "--out", "res[adam] :smile: [/]"]) == 0
    shown = capsys.readouterr().out
    assert [name for name in NAMES if f" {name} " not in shown] == []
    assert " res[adam] :smile: [/]" in shown


@pytest.mark.parametrize("name", NAMES)
def test_an_override_and_a_selection_take_a_name_as_it_stands(name, tmp_path):
    path = with_methods(tmp_path)
    for words in ([f"--method.{name}.objective.eta", "0.5"], [f"--method.{name}.objective.eta=0.5"]):
        assert main(["show", str(path), f"--methods={name}", *words]) == 0
    overrides = [(f"method.{name}.objective.eta", "0.5")]
    (cell,) = load_config(path, overrides=overrides, methods=name).cells
    assert (cell.method, cell.objective.eta) == (name, 0.5)


@pytest.mark.parametrize(
    "name", ["", " ", "a ", "a\x1b[31m", "two\nlines", "tab\t", "\u202eabc", "a\u200bb", "\x00", "x" * 101]
)
def test_what_cannot_be_a_name_is_refused_in_one_line(name, tmp_path, capsys):
    escaped = "".join(c if c.isprintable() else f"\\u{ord(c):04X}" for c in name)
    path = written(tmp_path, CONFIG.replace('"TPO"', f'"{escaped}"'))
    (line,) = refused(path, capsys)
    assert line.startswith(f"{path}: method ")
    assert line.isprintable()


@pytest.mark.parametrize("key", ["title", "paper", "metric"])
@pytest.mark.parametrize("text", ["a\\u001b]0;b", "two\\nlines", "\\u202eabc"])
def test_text_with_control_characters_is_refused_by_its_key(key, text, tmp_path, capsys):
    path = written(tmp_path, f'{key} = "{text}"\n' + CONFIG.replace('title = "Mini"', ""))
    (line,) = refused(path, capsys)
    assert line.startswith(f"{path}: {key}: ")
    assert line.isprintable()


def test_two_spellings_of_one_accent_are_one_name(tmp_path, capsys):
    second = CONFIG[CONFIG.index("[[method]]") :].replace('"TPO"', '"e\\u0301"')
    (line,) = refused(written(tmp_path, CONFIG.replace('"TPO"', '"é"') + second), capsys)
    assert "appears twice" in line


FILE_NAMES = [
    "../up",
    "a/b",
    "a\\\\b",
    "..",
    ".hidden",
    "-flag",
    "CON",
    "nul.txt",
    "a:b",
    "a*",
    "end.",
    "x" * 300,
]


@pytest.mark.parametrize("name", FILE_NAMES)
def test_a_figure_name_that_is_no_file_name_everywhere_is_refused(name, tmp_path, capsys):
    figure = f'[{{ kind = "learning_curves", name = "{name}" }}]'
    (line,) = refused(written(tmp_path, CONFIG.replace('["learning_curves"]', figure)), capsys)
    assert "figures.1.name: expected a file name" in line


@pytest.mark.parametrize("names", [("a", "a.png"), ("a.pdf", "a.png"), ("a", "A"), ("é", "e\\u0301")])
def test_two_figures_that_would_be_one_file_are_refused(names, tmp_path, capsys):
    figures = ", ".join(f'{{ kind = "learning_curves", name = "{name}" }}' for name in names)
    path = written(tmp_path, CONFIG.replace('["learning_curves"]', f"[{figures}]"))
    (line,) = refused(path, capsys)
    assert "figures: the figure " in line
    assert "appears twice" in line


def cells(*methods, points=({},)):
    curves = {"error": np.linspace(1, 0.2, 12).reshape(2, 6)}
    return [CellResult(method, point, {}, np.arange(2), curves, {}) for method in methods for point in points]


def drawn_texts(figure):
    """The texts of a figure as an SVG has them, where a formula would be in pieces."""
    content = io.BytesIO()
    with matplotlib.rc_context({"svg.fonttype": "none"}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")
        figure.savefig(content, format="svg")
    return [
        "".join(text.itertext()) for text in ElementTree.fromstring(content.getvalue()).iter(f"{{{SVG}}}text")
    ]


def test_a_figure_draws_names_titles_and_grid_values_as_text(tmp_path):
    points = [{"objective.x": "A $^$ b"}, {"objective.x": 1}]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = learning_curves(cells(*NAMES, points=points), title="pays $5 to $10")
        save_figure(figure, tmp_path / "figure")
    texts = drawn_texts(learning_curves(cells(*NAMES, points=points), title="pays $5 to $10"))
    assert [name for name in [*NAMES, "x = A $^$ b"] if name not in texts] == []
    assert texts.count("pays $5 to $10") == 2


def test_a_figure_has_room_for_a_name_of_a_hundred_letters_and_a_long_title(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save_figure(learning_curves(cells("x" * 100, "y" * 100), title="word " * 60), tmp_path / "figure")


def test_a_run_with_any_names_draws_again_and_reports(tmp_path):
    path = with_methods(tmp_path, ["A $^$ b", "`a` <b>b</b> | c & d"])
    path.write_text(path.read_text().replace('"Mini"', "'Rewards of $^$ | <i>each</i>_x_'"))
    out = tmp_path / "[/] $5 $6"
    assert main([str(path), "--out", str(out)]) == 0
    assert main(["draw", str(out)]) == 0
    assert main(["report", str(out)]) == 0
    summary = (out / "figures" / "summary.md").read_text()
    assert "# Rewards of \\$^\\$ \\| \\<i\\>each\\</i\\>\\_x\\_\n" in summary
    assert "| \\`a\\` \\<b\\>b\\</b\\> \\| c \\& d |" in summary
    page = (out / "report.html").read_text()
    assert "<i>each" not in page
    assert "<b>b</b>" not in page


def test_a_path_with_control_characters_does_not_reach_the_terminal(tmp_path, capsys):
    out = tmp_path / "a\x1b]0;title\x07b"
    assert main([str(written(tmp_path)), "--list", "--out", str(out)]) == 0
    assert main(["draw", str(out)]) == 2
    output = capsys.readouterr()
    assert "\x1b" not in output.out + output.err
