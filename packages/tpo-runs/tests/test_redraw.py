"""Figures and tables drawn again from a store: nothing is trained, and the results stay as they are."""

import pytest
from report_store import UNDRAWN, make_store

from tpo_runs._cli import main
from tpo_runs._publish import write_summary
from tpo_runs._store import locked


@pytest.fixture
def store(tmp_path):
    """Two grid points of three methods, the last cell missing."""
    return make_store(tmp_path, points=2, seeds=2, steps=20)


@pytest.fixture
def undrawn(tmp_path):
    """The same without figures."""
    return make_store(tmp_path, points=2, seeds=2, steps=20, config=UNDRAWN)


def results(store):
    return {path: path.read_bytes() for path in store.root.glob("cells/**/*") if path.is_file()}


@pytest.mark.usefixtures("unrendered")
def test_what_is_there_of_a_run_is_drawn(store, capsys):
    before = results(store)
    assert main(["draw", str(store.root)]) == 0
    assert {path.name for path in store.figures.iterdir()} >= {"learning_curves.png", "summary.md"}
    assert "figures and tables:" in capsys.readouterr().out
    assert results(store) == before


def test_drawing_twice_gives_the_same_bytes(tmp_path):
    store = make_store(tmp_path, points=1, seeds=2, steps=20)

    def drawn():
        assert main(["draw", str(store.root)]) == 0
        return {path.name: path.read_bytes() for path in store.figures.iterdir()}

    assert drawn() == drawn()


def test_drawing_a_summary_twice_gives_the_same_bytes(tmp_path):
    summary = write_summary(make_store(tmp_path, points=1, seeds=2, steps=20).root)

    def drawn(name):
        assert main(["draw", str(summary), "--to", str(tmp_path / name)]) == 0
        return {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}

    assert drawn("first") == drawn("second")


@pytest.mark.usefixtures("unrendered")
def test_another_config_may_say_what_is_drawn(store, tmp_path):
    config = tmp_path / "made_up.toml"
    text = config.read_text().replace("Made up <b>& small</b>", "Another title")
    config.write_text('figures = ["final_errors"]\n' + text)
    assert main(["draw", str(store.root), "--figures", str(config)]) == 0
    assert {path.stem for path in store.figures.glob("*.p*")} == {"final_errors"}
    assert "# Another title" in (store.figures / "summary.md").read_text()


def test_another_config_is_refused_while_the_run_goes_on(store, tmp_path, capsys):
    with locked(store.root):
        assert main(["draw", str(store.root), "--figures", str(tmp_path / "made_up.toml")]) == 2
    assert str(store.root) in capsys.readouterr().err


@pytest.mark.parametrize("command", ["draw", "report"])
def test_where_nothing_is_there_one_line_says_so(command, tmp_path, capsys):
    assert main([command, str(tmp_path)]) == 2
    expected = f"{tmp_path / 'run.json'}: not found; expected the output directory of a run\n"
    assert capsys.readouterr().err == expected


@pytest.mark.parametrize(
    ("given", "fault", "meant"),
    [
        ("results", "results/run.json: not found", ["results/mnist", "results/mnist-smoke"]),
        ("results/mnistt", "results/mnistt/run.json: not found", ["results/mnist"]),
        ("results/mnist/run.json", "results/mnist/run.json: is a file", ["results/mnist"]),
        ("mnist.toml", "mnist.toml: is a file", []),
    ],
)
def test_the_runs_that_may_be_meant_are_named(given, fault, meant, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mnist.toml").touch()
    for name in ("mnist", "mnist-smoke"):
        (tmp_path / "results" / name).mkdir(parents=True)
        (tmp_path / "results" / name / "run.json").touch()
    hint = f"; did you mean {' or '.join(map(repr, meant))}?" if meant else ""
    assert main(["draw", given]) == 2
    assert capsys.readouterr().err == f"{fault}; expected the output directory of a run{hint}\n"


def test_where_nothing_is_complete_one_line_says_so(undrawn, capsys):
    for cell in undrawn.manifest()["cells"]:
        undrawn.remove_cell(cell["key"])
    assert main(["draw", str(undrawn.root)]) == 2
    assert "no block of seeds is complete yet" in capsys.readouterr().err


def other_config(tmp_path, *changes):
    """The run's own config with other looks."""
    path = tmp_path / "other.toml"
    text = (tmp_path / "made_up.toml").read_text()
    for old, new in changes:
        text = text.replace(old, new)
    path.write_text(text)
    return str(path)


UNRECORDED = ('probes = ["gradient_norm"]', 'probes = ["success_share"]\nmetric = "success_share"')


def test_a_config_whose_metric_the_run_lacks_changes_nothing(undrawn, tmp_path, capsys):
    before = (undrawn.root / "run.json").read_bytes()
    config = other_config(tmp_path, UNRECORDED)
    assert main(["draw", str(undrawn.root), "--figures", config]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{config}: metric: ")
    assert "'success_share'" in line
    assert "gradient_norm" in line
    assert (undrawn.root / "run.json").read_bytes() == before
    assert main(["draw", str(undrawn.root)]) == 0


@pytest.mark.parametrize("command", ["draw", "report", "summarize"])
def test_a_store_that_asks_for_a_metric_it_lacks_says_so_and_recovers(command, undrawn, tmp_path, capsys):
    undrawn.write_manifest(undrawn.manifest() | {"metric": "success_share"})
    assert main([command, str(undrawn.root)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{undrawn.root / 'run.json'}: metric: ")
    assert "draw OUT --figures CONFIG" in line
    assert main(["draw", str(undrawn.root), "--figures", other_config(tmp_path)]) == 0
    assert main([command, str(undrawn.root)]) == 0


@pytest.mark.usefixtures("unrendered")
@pytest.mark.parametrize("figure", ["unheard_of", {"kind": "sweep", "name": "../up"}])
def test_a_store_that_asks_for_a_figure_there_is_not_is_drawn_without_it(figure, store, capsys):
    store.write_manifest(store.manifest() | {"figures": [figure, "final_errors"]})
    for command in ("draw", "report"):
        assert main([command, str(store.root)]) == 0
    assert "is not drawn: " in capsys.readouterr().out
    assert {path.stem for path in store.figures.glob("*.png")} == {"final_errors"}
