"""The report as a person sees it: in Chromium, on a desk and on a phone, in light and in dark."""

import base64
import os
import queue
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from report_store import PROVENANCE, TIMING, make_store

from tpo_runs import load_config
from tpo_runs._publish import serve_report, write_report

pytestmark = pytest.mark.browser

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--disable-dev-shm-usage",
)
# Where pictures of the page are left for a person to look at; nowhere by default.
PICTURES = os.environ.get("TPO_REPORT_PICTURES")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of a run on a grid that is partly complete, with a diverged seed and probes."""
    return write_report(make_store(tmp_path_factory.mktemp("run"), points=2, seeds=3, steps=120).root)


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def browser(scheme: str) -> Iterator[Any]:
    selenium = pytest.importorskip("selenium.webdriver", reason="needs selenium: nox -s browser")
    binary = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not binary or not driver:
        if os.environ.get("TPO_BROWSER_REQUIRED"):
            pytest.fail("no Chromium with its driver was found: apt-get install chromium chromium-driver")
        pytest.skip("no Chromium with its driver was found: apt-get install chromium chromium-driver")
    options = selenium.ChromeOptions()
    options.binary_location = binary
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        chrome = selenium.Chrome(options, selenium.ChromeService(driver))
        try:
            media = [{"name": "prefers-color-scheme", "value": scheme}]
            chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
            yield chrome
        finally:
            chrome.quit()


def show(browser: Any, page: Path, width: int, height: int, *, mobile: bool) -> None:
    """Load the page at a size, and scroll through it, so that all charts are drawn."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(page.as_uri())
    browser.set_script_timeout(120)
    browser.execute_async_script(
        """
        const done = arguments[0];
        const pause = () => new Promise((resolve) => setTimeout(resolve, 60));
        (async () => {
          for (let y = 0; y < document.body.scrollHeight; y += innerHeight / 2) {
            scrollTo(0, y); await pause();
          }
          scrollTo(0, 0); await pause(); done();
        })();
        """
    )


def keep_picture(browser: Any, name: str) -> None:
    if PICTURES:
        Path(PICTURES).mkdir(parents=True, exist_ok=True)
        height = browser.execute_script("return document.documentElement.scrollHeight")
        width = browser.execute_script("return innerWidth")
        clip = {"x": 0, "y": 0, "width": width, "height": min(height, 12_000), "scale": 1}
        shot = {"captureBeyondViewport": True, "clip": clip}
        data = browser.execute_cdp_cmd("Page.captureScreenshot", shot)["data"]
        (Path(PICTURES) / f"{name}.png").write_bytes(base64.b64decode(data))


def ratio(one: str, other: str) -> float:
    """The contrast of two colors as CSS computes them, by WCAG."""

    def luminance(color: str) -> float:
        parts = [float(part) / 255 for part in color[color.index("(") + 1 : -1].split(",")[:3]]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(
    ("width", "height", "mobile"), [(1280, 900, False), (375, 740, True)], ids=["desk", "phone"]
)
def test_the_page_is_readable_and_complains_of_nothing(browser, page, scheme, width, height, mobile):
    show(browser, page, width, height, mobile=mobile)
    keep_picture(browser, f"{scheme}-{width}")

    # Nothing on the console, and nothing asked of any network.
    assert browser.get_log("browser") == []
    requests = [entry["message"] for entry in browser.get_log("performance")]
    assert not [text for text in requests if "Network.requestWillBeSent" in text and '"url":"http' in text]

    # Every chart is drawn inside the page, with a visible line for each method, and every picture shows.
    charts = browser.execute_script(
        """
        return [...document.querySelectorAll(".chart")].map((chart) => {
          const box = chart.getBoundingClientRect(), svg = chart.querySelector("svg.main-svg");
          const lines = [...chart.querySelectorAll(".scatterlayer .trace")];
          return {
            label: chart.getAttribute("aria-label"), left: box.left, right: box.right, height: box.height,
            drawn: svg !== null && svg.getBoundingClientRect().width > 200,
            traces: lines.filter((line) => line.getBoundingClientRect().width > 2).length,
            ink: svg && getComputedStyle(chart.querySelector(".ytick text, .xtick text")).fill,
          };
        });
        """
    )
    assert len(charts) == 2 * 2 + 2 * 2  # curves and last values of the error, and two probes, at two points
    for chart in charts:
        assert chart["drawn"], chart
        assert chart["label"]
        assert chart["traces"] >= 2, chart
        assert chart["left"] >= 0, chart
        assert chart["right"] <= width, chart
        assert chart["height"] >= 300, chart
    pictures = browser.execute_script(
        "return [...document.images].map((i) => "
        "[i.complete && i.naturalWidth > 100, i.getBoundingClientRect().right, i.alt])"
    )
    assert len(pictures) == 2
    assert all(shows and right <= width and alt for shows, right, alt in pictures)

    # Nothing sticks out of the page; text is large and dark enough.
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    sizes = browser.execute_script(
        "return [...document.querySelectorAll('p, td, th, li, figcaption')]"
        ".map((e) => parseFloat(getComputedStyle(e).fontSize))"
    )
    assert min(sizes) >= 14
    background = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (ratio(background, "rgb(255, 255, 255)") < 1.1) == (scheme == "light")
    inks = browser.execute_script(
        "return [...document.querySelectorAll('p, td, th, figcaption, a')]"
        ".map((e) => getComputedStyle(e).color)"
    )
    assert min(ratio(ink, background) for ink in {*inks, *(chart["ink"] for chart in charts)}) >= 4.5


def test_tables_scroll_by_themselves_on_a_phone(browser, page):
    show(browser, page, 375, 740, mobile=True)
    wide = browser.execute_script(
        "return [...document.querySelectorAll('.scroll')].filter((e) => e.scrollWidth > e.clientWidth)"
        ".map((e) => [e.tabIndex, e.getAttribute('aria-label'), getComputedStyle(e).overflowX])"
    )
    assert wide
    assert all(index == 0 and label and overflow == "auto" for index, label, overflow in wide)


def test_the_switches_redraw_all_charts(browser, page):
    show(browser, page, 1280, 900, mobile=False)
    count = "return document.querySelector('.chart').querySelectorAll('.scatterlayer .trace').length"
    before = browser.execute_script(count)
    browser.execute_script("document.getElementById('seeds').click(); document.getElementById('log').click()")
    assert browser.execute_script(count) > before
    assert browser.execute_script("return document.querySelector('.chart').layout.yaxis.type") == "log"
    assert browser.get_log("browser") == []


def test_a_watched_page_refreshes_where_the_reader_is(browser, tmp_path):
    store = make_store(tmp_path, points=2, seeds=3, steps=120)
    addresses: queue.Queue[str] = queue.Queue()
    threading.Thread(target=serve_report, args=(store.root, 0, addresses.put), daemon=True).start()
    url = addresses.get(timeout=60)
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": False},
    )
    browser.get(url)
    browser.execute_script(
        "document.getElementById('seeds').click();"
        "document.querySelector('details').open = true;"
        "scrollTo(0, document.getElementById('tables').offsetTop + 40)"
    )
    place = "return document.getElementById('tables').getBoundingClientRect().top"
    before = browser.execute_script(place)
    assert "5 of 6 cells" in browser.find_element("css selector", "header").text

    cell = load_config(tmp_path / "made_up.toml").cells[-1]
    errors = np.full((3, 120), 0.5, np.float32)
    store.write_block(cell, range(3), {"error": errors, "loss": errors}, PROVENANCE, TIMING)
    deadline = time.monotonic() + 60
    while "6 of 6 cells" not in browser.execute_script("return document.querySelector('header').innerText"):
        assert time.monotonic() < deadline, "the page has not refreshed"
        time.sleep(0.2)
    # The result above has a row more; what the reader looks at has not moved.
    assert browser.execute_script(place) == pytest.approx(before, abs=2)
    assert browser.execute_script("return document.getElementById('seeds').checked")
    assert browser.execute_script("return document.querySelector('details').open")
    assert browser.get_log("browser") == []
