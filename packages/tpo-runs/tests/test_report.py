"""The report: what stands in the page, from whole, partial, damaged and large stores."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from plotly.offline import get_plotlyjs
from report_store import make_store

from tpo_runs import ConfigError, Store, load_config
from tpo_runs._cli import main
from tpo_runs._figures import METHOD_STYLES
from tpo_runs._publish import DARK_PAGE, LIGHT_PAGE, MIN_CONTRAST, luminance, readable, render
from tpo_runs._store import manifest


class Page(HTMLParser):
    """The elements of a page and its text, in order; scripts apart."""

    VOID = ("meta", "link", "img", "input")

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.data = ""
        self._open: list[str] = []
        self.feed(text)
        assert self._open == [], "an element is not closed"

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open[-1:] == ["script"]:
            if self.tags[-1][1].get("id") == "data":
                self.data += data
        elif self._open[-1:] != ["style"]:
            self.text += data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def partial(tmp_path_factory):
    """The store of a run whose last cell is missing and one of whose seeds has diverged."""
    return make_store(tmp_path_factory.mktemp("run"), points=2, seeds=3, steps=60)


@pytest.fixture(scope="module")
def page(partial):
    return Page(render(partial))


def test_it_holds_settings_tables_curves_figures_and_provenance(page):
    for text in (
        "Made up <b>& small</b>",
        "Fig. 1 of arXiv 2604.06159",
        "learning_rate = 0.01",
        "tpo, eta = 1.0, anchor = True",
        "task.horizon = [2, 3]",
        "Final error (%) and speed",
        "95% interval",
        "Paired differences",
        "gradient norm",
        "0123abc, with changes that were not committed",
        "0.10.2",
    ):
        assert text in " ".join(page.text.split()), text
    assert len(page.named("img")) == 2
    assert all(image["alt"] for image in page.named("img"))
    charts = json.loads(page.data)
    assert {group: len(items) for group, items in charts.items()} == {"main": 2, "finals": 2, "probes": 4}
    drawn = [tag for tag in page.named("div") if tag.get("class") == "chart"]
    assert len(drawn) == 8
    assert all(tag["role"] == "img" and tag["aria-label"] for tag in drawn)


def test_it_warns_of_what_is_not_complete_and_what_has_diverged(page):
    assert "5 of 6 cells are complete" in page.text
    assert "1 cell of 6 not complete: <script>alert('name')</script>, horizon = 3: not begun" in page.text
    assert "PPO, horizon = 2: seed 1 diverged at step 30" in page.text


def test_a_complete_run_has_no_warnings(tmp_path):
    page = Page(render(make_store(tmp_path, points=1, seeds=2, steps=20, complete=True)))
    assert "Before trusting" not in page.text
    assert "3 of 3 cells are complete" in page.text


def test_names_from_a_config_are_text_and_never_code(page):
    assert "<script>alert('name')</script>" in page.text
    assert len(page.named("script")) == 3  # the data, the library, and what draws
    assert all("src" not in script for script in page.named("script"))


def test_it_needs_nothing_from_elsewhere(page):
    addresses = [value for _, tag in page.tags for key, value in tag.items() if key in ("src", "href")]
    assert all(address.startswith(("data:", "#")) for address in addresses)
    (policy,) = [tag["content"] for tag in page.named("meta") if "http-equiv" in tag]
    assert policy.startswith("default-src 'none'")


def test_the_curves_are_those_of_the_store(page, partial):
    chart = json.loads(page.data)["main"][0]
    results = {result.method: result for result in partial.results() if result.point["task.horizon"] == 2}
    for series in chart["series"]:
        errors = results[series["name"]].metrics["error"]
        mean = np.nanmean(errors, axis=0)
        np.testing.assert_allclose(series["mean"], mean[series["x"]], rtol=1e-3)
        assert all(
            low <= value <= high for low, value, high in zip(series["low"], mean, series["high"], strict=True)
        )
        last = series["seeds"]["seed 1"][-1]
        assert last is None if np.isnan(errors[1, -1]) else last == pytest.approx(errors[1, -1], rel=1e-3)


def test_many_cells_and_long_curves_stay_a_small_page(tmp_path):
    text = render(make_store(tmp_path, points=6, seeds=4, steps=3000, complete=True))
    assert len(text) - len(get_plotlyjs()) < 5_000_000
    charts = json.loads(Page(text).data)
    assert len(charts["main"]) == 6
    # Thinned, and the last step is kept.
    assert {series["x"][-1] for chart in charts["main"] for series in chart["series"]} == {2999}
    assert "is drawn" in charts["main"][0]["alt"]


def test_a_run_without_any_result_has_a_page_too(tmp_path):
    store = make_store(tmp_path, points=1, seeds=2, steps=20)
    for path in (store.root / "cells").iterdir():
        store.remove_cell(path.name)
    page = Page(render(store))
    assert "0 of 3 cells are complete" in page.text
    assert "3 cells of 3 not complete" in page.text
    assert page.named("img") == []


def test_a_cell_that_failed_is_told_with_its_error(tmp_path):
    store = make_store(tmp_path, points=1, seeds=2, steps=20)
    missing = load_config(tmp_path / "made_up.toml").cells[-1].key
    (store.root / "errors").mkdir()
    (store.root / "errors" / f"{missing}.txt").write_text("Traceback ...\nMemoryError: too little\n")
    assert "failed with 0 of 2 seeds: MemoryError: too little" in Page(render(store)).text


def test_more_seeds_wanted_than_there_are(tmp_path):
    store = make_store(tmp_path, points=1, seeds=2, steps=20, complete=True)
    loaded = load_config(tmp_path / "made_up.toml", overrides=[("schedule.seeds", "5")])
    store.write_run(manifest(loaded, store), loaded.config)
    assert "TPO, horizon = 2: 2 of 5 seeds" in Page(render(store)).text


def test_the_program_writes_it_and_names_the_file(partial, tmp_path, capsys):
    assert main(["report", str(partial.root)]) == 0
    assert capsys.readouterr().out == f"{partial.root / 'report.html'}\n"
    assert main(["report", str(partial.root), "--to", str(tmp_path / "page.html")]) == 0
    assert (tmp_path / "page.html").read_bytes() == (partial.root / "report.html").read_bytes()


def test_what_is_no_run_is_refused_with_one_line(tmp_path, capsys):
    assert main(["report", str(tmp_path / "nowhere")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "nowhere/run.json: not found; expected the output directory of a run" in line
    assert not (tmp_path / "nowhere").exists()


def test_a_damaged_store_is_named_and_no_page_written(tmp_path):
    store = make_store(tmp_path, points=1, seeds=2, steps=20)
    path = next(store.root.glob("cells/*/seeds-*/metrics.parquet"))
    content = bytearray(path.read_bytes())
    content[40] ^= 1
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=re.escape(str(path))):
        render(Store(store.root))


@pytest.mark.parametrize("page", [DARK_PAGE, LIGHT_PAGE], ids=["dark", "light"])
@pytest.mark.parametrize("style", METHOD_STYLES.values(), ids=METHOD_STYLES)
def test_every_method_can_be_told_from_the_page(style, page):
    color = readable(style.color, page)
    shade = luminance([int(color[i : i + 2], 16) for i in (1, 3, 5)])
    low, high = sorted((shade, luminance(page)))
    assert (high + 0.05) / (low + 0.05) >= MIN_CONTRAST
