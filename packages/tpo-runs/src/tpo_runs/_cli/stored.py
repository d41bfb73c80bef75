"""The commands that read stored runs. Each returns the exit code, and imports only what it needs."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .._errors import ConfigError
from .._text import found, printable
from .commands import Overrides, import_jax

STANDARD_OUTPUT = 1


def draw(sources: Sequence[Path], *, figures: Path | None, to: Path | None, overrides: Overrides) -> int:
    """Draw the figures and tables of a run again from its results or summaries. Trains nothing."""
    if overrides and figures is None:
        flag = printable(overrides[0][0])
        raise ConfigError([f"tpo-runs draw: --{flag}: no config to override; --figures names one"])
    # run.json is a run's manifest: it stands for its directory.
    others = [path for path in sources if path.suffix != ".json" or path.name == "run.json"]
    if not others:
        from .._publish import draw_summaries

        files = draw_summaries(sources, to, figures, overrides)
    else:
        if len(sources) > 1:
            fault = f"unexpected argument {found(str(others[0]))}; expected one OUT, or summaries"
            fix = "to compare runs, use tpo-runs compare OUT OUT --figure FILE"
            raise ConfigError([f"tpo-runs draw: {fault}; {fix}"])
        if to is not None:
            fault = f"--to is for summaries; the figures of a run are drawn in {sources[0]}/figures"
            raise ConfigError([f"tpo-runs draw: {fault}"])
        from .._publish import redraw
        from .._store import check_holds_run

        check_holds_run(sources[0])
        files = redraw(sources[0], figures, overrides)
    print(printable(f"figures and tables: {', '.join(map(str, files))}"))
    return 0


def report(out: Path, *, to: Path | None, watch: bool, port: int | None) -> int:
    """Write one HTML page about a run from its results. Trains nothing.

    With --watch, the page is served on this machine until Ctrl-C, and refreshes while the run trains.
    """
    if watch and to is not None:
        raise ConfigError(["tpo-runs report: --to: cannot be used with --watch, which writes no file"])
    if port is not None and not watch:
        raise ConfigError(["tpo-runs report: --port: needs --watch, which serves the page"])
    from .._publish import serve_report, write_report
    from .._store import check_holds_run

    if not watch:
        return _write(write_report, out, to)
    check_holds_run(out)
    serve_report(out, port or 0, lambda url: print(f"{url} (Ctrl-C ends it)", flush=True))
    return 0


def summarize(out: Path, *, to: Path | None) -> int:
    """Write the numbers and thinned curves of a run to a small JSON file. Trains nothing."""
    from .._publish import write_summary

    return _write(write_summary, out, to)


def frame(out: Path, *, to: Path | None) -> int:
    """Write all metrics of a run as one Parquet file, for pandas and others. Trains nothing.

    The columns are the method, the axes of the grid, the seed, the step and the metrics.
    """
    from .._store import write_frame

    return _write(write_frame, out, to)


def compare(sources: Sequence[Path], *, metric: str | None, figure: Path | None) -> int:
    """Compare runs of the same methods: final errors, and the settings in which they differ. Trains nothing.

    Differences are from the first run, over the seeds that both runs have.
    """
    from .._console import make_console, print_line
    from .._publish import compare_runs

    comparison, console = compare_runs(sources, metric=metric, figure=figure), make_console()
    console.print(comparison.table.rich())
    for line in comparison.lines:
        print_line(console, line)
    if comparison.files:
        print_line(console, f"figure: {', '.join(map(str, comparison.files))}")
    return 0


def choose(out: Path, axes: Sequence[str], *, metric: str) -> int:
    """Print the best values of grid axes for each method: those with the smallest mean over steps and seeds.

    Below the table, the choices are printed as the `at` keys of the methods of a config.
    """
    from rich.console import Console

    from .._config import at_keys
    from .._results import choice_table
    from .._results import choose as choose_values
    from .._store import Store, check_holds_run

    check_holds_run(out)
    try:
        choices = choose_values(Store(out).results(), axes, metric=metric)
    except ValueError as error:
        raise ConfigError([f"tpo-runs choose: {printable(str(error))}"]) from None
    Console().print(choice_table(choices, metric=metric).rich())
    for method in dict.fromkeys(choice.method for choice in choices):
        settings = [(choice.point, choice.values) for choice in choices if choice.method == method]
        print(printable(f"{method}: ") + at_keys(settings))
    return 0


def rank(
    sources: Sequence[Path],
    *,
    at: Sequence[tuple[str, str]],
    against: str | None,
    points: bool,
    markdown: bool,
    metric: str | None,
) -> int:
    """Print the order of methods by the area under their curves, over all points of the grid.

    Methods whose intervals overlap are not ranked. Cells of several runs and summaries are ranked together.
    """
    from rich.console import Console

    from .._config import parse_value
    from .._publish import read_results
    from .._results import at_point, point_tables, ranking_table

    run = read_results(sources)
    shown = {"metric": metric or run.metric, "threshold": run.threshold}
    try:
        cells = at_point(run.cells, {axis: parse_value(value) for axis, value in at})
        tables = [ranking_table(cells, reference=against, **shown)]
        tables += point_tables(cells, **shown) if points else []
    except ValueError as error:
        raise ConfigError([f"tpo-runs rank: {printable(str(error))}"]) from None
    for table in tables:
        if markdown:
            print(table.markdown())
        else:
            Console().print(table.rich())
    return 0


def sample(
    out: Path, *, method: str | None, seed: int | None, prompts: int, answers: int, overrides: Overrides
) -> int:
    """Print answers that a trained policy samples, with their scores. Trains nothing.

    The run must have been trained with schedule.keep_policies = true. Where it has a grid, name the point by
    the values of its axes, such as --task.horizon 7.
    """
    import_jax()
    from .._run import load_trained, sampled_lines, set_up_jax

    set_up_jax(short=True)
    trained = load_trained(out, method, seed=seed, point=_point(overrides))
    for line in sampled_lines(trained, prompts=prompts, candidates=answers):
        print(line)
    return 0


def export(
    out: Path, *, to: Path, method: str | None, seed: int | None, adapter: bool, overrides: Overrides
) -> int:
    """Write a trained language model as a folder that other libraries load. Trains nothing.

    The run must have been trained with schedule.keep_policies = true. Where it has a grid, name the point by
    the values of its axes, such as --policy.lora.rank 8.
    """
    from .._run import export_model

    import_jax()
    point = _point(overrides)
    print(printable(export_model(out, to, method=method, seed=seed, point=point, adapter=adapter)))
    return 0


def _write(write: Callable[[Path, Path | None], Path], out: Path, to: Path | None) -> int:
    """Write a file, and print its name unless it is standard output."""
    from .._files import open_descriptor
    from .._store import check_holds_run

    check_holds_run(out)
    written = write(out, to)
    if to is None or open_descriptor(to) != STANDARD_OUTPUT:
        print(printable(str(written)))
    return 0


def _point(overrides: Overrides) -> dict[str, Any]:
    """The point of a grid that words such as `--task.horizon 7` name."""
    from .._config import parse_value

    return {axis: parse_value(value) for axis, value in overrides}
