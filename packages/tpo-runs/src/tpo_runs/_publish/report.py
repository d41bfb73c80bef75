"""One self-contained HTML page about a run, as a function of its results store."""

import base64
import math
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from .._config import has_settings, is_sealed
from .._errors import ConfigError, as_config_error, as_storage_error
from .._figures import figure_bytes
from .._files import write_named_file
from .._results import ABSENT, CellResult, TextTable, final_error, summarize
from .._store import CONFIG, MANIFEST, Store
from .._text import ascii_safe, point_label
from .charts import curve_charts, final_charts
from .draw import figures_of, having, tables_of
from .status import cell_states, provenances, warnings_of

DOTS_PER_INCH = 130
NAME = "report.html"


def write_report(out: Path, to: Path | None = None) -> Path:
    """Write the page.

    Args:
        out: the directory of a run's results, complete or not.
        to: the file; by default `report.html` in it.

    Returns:
        The file.

    Raises:
        ConfigError: there is no run, or a file of it is damaged.
        StorageError: the page cannot be written.
    """
    store = Store(out)
    page = render(store)
    path = to or out / NAME
    with as_storage_error(path, "the results are intact; --to names another file"):
        write_named_file(path, page.encode())
    return path


def render(store: Store) -> str:
    """The page as text. It loads nothing from anywhere, and works without a network.

    Raises:
        ConfigError: there is no run, or a file of it is damaged.
    """
    manifest, results = store.manifest(), store.results()
    metric = manifest.get("metric", "error")
    names = list(dict.fromkeys(name for result in results for name in result.metrics))
    others = [name for name in names if name != metric]
    config = _config(store, manifest.get("settings", {}))
    states = cell_states(store, manifest)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tpo_runs", "data"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    shown = having(results, metric, store.root / MANIFEST)
    tables = tables_of(shown, manifest["threshold"], metric) if shown else []
    return environment.get_template("report.html.j2").render(
        title=manifest["title"] or ascii_safe(store.root.name),
        paper=manifest.get("paper", ""),
        metric=metric,
        states=states,
        warnings=warnings_of(states, results),
        settings=manifest.get("settings", {}) | {"grid": _parsed(config).get("grid", {})},
        methods=_parsed(config).get("method", []),
        config=config,
        tables=tables,
        charts={
            "main": curve_charts(results, [metric] if metric in names else []),
            "finals": final_charts(results, metric),
            "probes": curve_charts(results, others),
        },
        probes=_probe_table(results, others),
        figures=_figures(manifest, results),
        provenances=provenances(store, states),
        plotly=Markup(get_plotlyjs()),
    )


def _config(store: Store, settings: Mapping[str, Any]) -> str:
    """The config as it took effect; nothing where the file is missing.

    Raises:
        ConfigError: it is not the one that the run has written.
    """
    path = store.root / CONFIG
    if not path.exists():
        return ""
    with as_config_error(path):
        content = path.read_bytes()
    text = content.partition(b"\n")[2].decode("utf-8", "replace")
    fault = "" if is_sealed(content) else "damaged or edited"
    if not fault and not has_settings(text, settings):
        fault = "belongs to a run with other settings"
    if fault:
        fix = "run the config again, which writes it anew, or remove it, and the page goes without"
        raise ConfigError([f"{path}: {fault}; {fix}"])
    return text


def _parsed(config: str) -> dict[str, Any]:
    try:
        return tomllib.loads(config)
    except tomllib.TOMLDecodeError:
        return {}


def _probe_table(results: Sequence[CellResult], names: Sequence[str]) -> TextTable | None:
    """The last value of every metric, as a mean over seeds with its interval."""
    rows = []
    for result in results:
        cells = []
        for name in names:
            try:
                summary = summarize(final_error(result, metric=name), None)
            except ValueError:
                cells.append(ABSENT)
                continue
            if math.isnan(summary.mean):
                cells.append(ABSENT)
                continue
            low, high = summary.interval
            cells.append(f"{summary.mean:.3g}" + (f" [{low:.3g}, {high:.3g}]" if low == low else ""))
        rows.append((result.method, point_label(result.point), *cells))
    columns = ("method", "grid point", *(name.replace("_", " ") for name in names))
    notes = ("Mean over seeds of the last 1% of steps, with Student's 95% interval.",)
    if not rows or not names:
        return None
    return TextTable("Last values of all other metrics", columns, tuple(rows), 2, notes)


def _figures(manifest: Mapping[str, Any], results: Sequence[CellResult]) -> list[dict[str, str]]:
    """The figures that the config asks for, as embedded images, or why they could not be drawn."""
    drawn = []
    for name, figure in figures_of(manifest, results):
        if isinstance(figure, ValueError):
            drawn.append({"name": name, "fault": str(figure), "data": ""})
            continue
        content = figure_bytes(figure, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})
        drawn.append({"name": name, "fault": "", "data": base64.b64encode(content).decode()})
    return drawn
