"""The page in a real browser: every plot draws, nothing errs, nothing scrolls sideways."""

import html
import json
import os
import re
import shutil
import subprocess

import pytest
from report_examples import failed, measured, realistic

from pqhw.flow.results import Comparison
from pqhw.report import write_report

pytest.importorskip("jinja2")
pytest.importorskip("plotly")

WATCH = """<script>
const seen = {errors: []};
addEventListener("error", (event) => seen.errors.push("error: " + event.message));
addEventListener("unhandledrejection", (event) => seen.errors.push("promise: " + event.reason));
addEventListener("securitypolicyviolation", (event) => seen.errors.push(
  "policy: " + event.violatedDirective + " " + event.blockedURI));
for (const level of ["error", "warn"]) {
  const original = console[level];
  console[level] = (...words) => { seen.errors.push(level + ": " + words.join(" "));
                                   original.apply(console, words); };
}
</script>"""

TELL = """<script>
setTimeout(() => {
  for (const details of document.querySelectorAll("details")) details.open = true;
  const page = document.documentElement;
  seen.width = page.clientWidth;
  seen.dark = matchMedia("(prefers-color-scheme: dark)").matches;
  seen.scrollWidth = Math.max(page.scrollWidth, document.body.scrollWidth);
  seen.fetched = performance.getEntriesByType("resource").map((entry) => entry.name);
  seen.plots = [...document.querySelectorAll(".plot")].map((plot) => ({
    id: plot.id, svgs: plot.querySelectorAll("svg.main-svg").length,
    marks: plot.querySelectorAll(".point path, path.point, path.box").length,
    fits: [...plot.querySelectorAll("svg.main-svg")].every(
      (svg) => svg.getBoundingClientRect().width <= plot.clientWidth + 1),
    ink: plot.querySelector("text") && getComputedStyle(plot.querySelector("text")).fill}));
  parent.postMessage("SEEN" + JSON.stringify(seen) + "NEES", "*");
}, 2000);
</script>"""


def extremes():
    """One design; a wide spread with long names and failures; nothing but failures."""
    long = "a-name-that-is-longer-than-any-column-is-wide-" * 3
    return [Comparison(title="one", measurements=[measured("only <b>one</b>", "pq")]),
            Comparison(title=long, measurements=[
                measured("slow", cycles=5000, clocks=(80.0, 81.0, 99.0)),
                measured(long, "pq", cycles=1, clocks=(98.0, 101.0)), failed(reason=long * 4),
                measured("unverified", "pq+mac", verified=None)]),
            Comparison(title="none", measurements=[failed()])]


@pytest.fixture(scope="module")
def browser():
    """The first installed Chromium that starts."""
    tried = []
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if (path := shutil.which(name)) is None:
            continue
        version = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=60)
        if version.returncode == 0:
            return path
        tried.append(f"{name} does not start")
    pytest.skip("; ".join(tried) or "no Chromium is installed")


def look(browser, page, folder, width, *, dark=False, height=900):
    """What the page says of itself at a window width.

    The page stands in a frame of that width, as a headless window is not narrower than 500 pixels.
    """
    page = page.replace("<head>", "<head>" + WATCH, 1)
    before, _, after = page.rpartition("</body>")
    (folder / "inner.html").write_text(before + TELL + "</body>" + after, encoding="utf-8")
    (folder / "outer.html").write_text(
        '<!doctype html><body style="margin:0"><script>onmessage = (event) => '
        '{ document.title = event.data; };</script>'
        f'<iframe src="inner.html" style="border:0;width:{width}px;height:{height}px"></iframe>',
        encoding="utf-8")
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
               "--no-first-run", f"--user-data-dir={folder / 'profile'}",
               f"--window-size={max(width, 500)},{height}",
               f"--blink-settings=preferredColorScheme={0 if dark else 1}",
               "--virtual-time-budget=20000", "--dump-dom", (folder / "outer.html").as_uri()]
    run = subprocess.run(command, capture_output=True, text=True, timeout=180,
                         env=os.environ | {"HOME": str(folder)})
    title = re.search("SEEN(.*?)NEES", run.stdout, re.DOTALL)
    assert title, run.stdout[-500:] + run.stderr[-2000:]
    return json.loads(html.unescape(title[1]))


@pytest.mark.parametrize(("width", "dark"), [(390, False), (1920, True)], ids=["phone", "wide"])
def test_every_plot_draws_and_nothing_scrolls_sideways(browser, tmp_path, width, dark):
    path = write_report([realistic(), *extremes()], tmp_path / "report.html")
    seen = look(browser, path.read_text(encoding="utf-8"), tmp_path, width, dark=dark)
    assert seen["errors"] == []
    assert seen["fetched"] == []
    assert seen["dark"] == dark
    assert width - 20 <= seen["width"] <= width, "a scroll bar at most"
    assert seen["scrollWidth"] <= seen["width"]
    assert len(seen["plots"]) == 20, "five for each of four devices; the fifth has none"
    undrawn = [plot for plot in seen["plots"]
               if not plot["svgs"] or not plot["marks"] or not plot["fits"]]
    assert undrawn == []
    assert {plot["ink"] for plot in seen["plots"]} == \
        {"rgb(232, 235, 238)" if dark else "rgb(26, 31, 38)"}


@pytest.mark.parametrize(("sound", "broken", "error"), [
    ("Plotly.react(", "Plotly.missing(", "Plotly.missing is not a function"),
    ("<main>", '<main><img src="https://example.invalid/x.png">', "policy: img-src"),
])
def test_a_broken_page_is_noticed(browser, tmp_path, sound, broken, error):
    page = write_report([realistic()], tmp_path / "report.html").read_text(encoding="utf-8")
    seen = look(browser, page.replace(sound, broken), tmp_path, 390)
    assert any(error in message for message in seen["errors"]), seen["errors"]


def test_a_page_that_scrolls_sideways_is_noticed(browser, tmp_path):
    page = write_report([realistic()], tmp_path / "report.html").read_text(encoding="utf-8")
    wide = '<main><div style="width: 500px">wide</div>'
    seen = look(browser, page.replace("<main>", wide), tmp_path, 390)
    assert seen["scrollWidth"] > seen["width"]
