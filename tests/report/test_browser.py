"""The page in a real browser: no errors, every chart drawn, every series reachable."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")

PROBE = """
<script type="module">
const soon = () => new Promise((resolve) => setTimeout(resolve, 0)); // charts are drawn in a later task
const painted = (id) => [...document.querySelectorAll(`#${id} canvas`)].map((canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return data.some((value, i) => i % 4 === 3 && value > 0);
});
const drawn = [];
const choose = document.getElementById("series");
for (const option of [...choose.options]) {
  choose.value = option.value;
  choose.dispatchEvent(new Event("change"));
  await soon();
  const charts = ["forecast", "parts", "effects"].map(painted);
  drawn.push([option.value, document.getElementById("caption").textContent, ...charts]);
}
const lines = [...document.querySelectorAll("#toggles input")];
lines.forEach((box) => box.click());
const windows = document.getElementById("window");
const readouts = [];
for (const value of [...windows.options].map((option) => option.value)) {
  windows.value = value;
  windows.dispatchEvent(new Event("change"));
  const plot = document.getElementById("forecast");
  const press = (key) => plot.dispatchEvent(new KeyboardEvent("keydown", { key }));
  ["ArrowRight", "ArrowRight", "+", "-", "0"].forEach(press);
  await soon();
  readouts.push(document.getElementById("readout").textContent);
}
document.getElementById("values").open = true;
document.getElementById("worst").click();
const { scrollWidth, clientWidth } = document.documentElement;
const found = { drawn, lines: lines.length, readouts, overflow: scrollWidth - clientWidth };
document.body.dataset.found = JSON.stringify(found);
</script>
"""


def browse(page: Path, *options: str) -> tuple[str, str]:
    """The page's elements after its scripts, and what it wrote to the console."""
    command = [str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", *options]
    command += [f"--user-data-dir={page.parent / 'profile'}", "--dump-dom", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout, "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)


@needs_chromium
def test_every_chart_is_drawn_and_every_series_is_reachable(report: Path, tmp_path: Path) -> None:
    page = tmp_path / "probed.html"
    page.write_text(report.read_text("utf-8").replace("</body>", f"{PROBE}</body>"), "utf-8")
    elements, console = browse(page, "--window-size=400,900", "--hide-scrollbars", "--virtual-time-budget=5000")
    assert console == ""
    text = re.search(r'data-found="(.*?)"', elements)
    assert text
    found = json.loads(text[1].replace("&quot;", '"'))
    assert sorted(name for name, *_ in found["drawn"]) == ["s0 y0", "s0 y1", "s1 y0", "s1 y1"]
    for name, caption, *painted in found["drawn"]:
        assert caption.startswith(name)
        assert painted == [[True]] * 3
    assert all("forecast" in readout or "actual" in readout for readout in found["readouts"])
    assert len(found["readouts"]) == 5  # all windows, and each of four
    assert found["lines"] > 4
    assert found["overflow"] == 0
    assert "Numbers as a table" in elements


def test_without_scripts_there_are_charts_and_tables(report: Path) -> None:
    page = report.read_text("utf-8")
    fallback = re.search(r"<noscript>(.*?)</noscript>", page, re.DOTALL)
    assert fallback
    assert fallback[1].count("<svg") == 4
    outside = page.replace(fallback[0], "")
    assert outside.count('<svg class="chart"') == 4  # error by step, PIT, two learning curves
    assert outside.count('role="img" aria-label="') == 4
    assert page.count("<caption>") > 6
