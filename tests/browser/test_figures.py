"""Charts, floor plan, configuration and words on the page; names of strangers in all of them."""

import json
import re

import networkx as nx
import pytest

from loihiseg.report.comparison.index import write_index
from loihiseg.report.comparison.page import comparison_page
from loihiseg.report.comparison.runs import read_runs
from loihiseg.report.deployment import deployment_page
from loihiseg.report.page import Head
from loihiseg.report.run_folder import load_results
from loihiseg.report.viewer import viewer
from partition.places.floorplan import Plan
from partition.places.placement import place_blocks
from partition.places.plan_svg import plan_svg
from tests.browser.hostile import SCRIPTS, hostile
from tests.report.answers import said
from tests.results.examples import example, stopped, timed

CHARTS = (
    "Firing rates by layer", "Quantization loss by layer", "Energy by layer",
    "Synaptic events by layer", "Accuracy against steps", "Floor plan",
)  # fmt: skip

HEAD = Head(SCRIPTS, (SCRIPTS,), ((SCRIPTS, SCRIPTS),), f'{{\n"{SCRIPTS}": "{SCRIPTS}"\n}}')


def test_all_charts_are_there(page):
    shown = [one.text for one in page.driver.find_elements("css selector", "figcaption")]
    assert sorted(shown) == sorted(CHARTS)


@pytest.mark.parametrize("number", range(5))
def test_rows_say_what_they_are(page, runs, number):
    results = load_results(runs / "deploy-1")
    (figure,) = page.run(
        "return [[...document.querySelectorAll('figure.bars')][arguments[0]]]", number
    )
    page.run("arguments[0].id = 'one'", figure)
    rows = page.run("return [...document.querySelectorAll('#one li')].map(e => e.dataset.says)")
    for row in (0, len(rows) - 1):
        page.hover(f"#one li:nth-child({row + 1})")
        assert page.text("#one output") == rows[row]
    first = results.layers[0]
    expected = (
        f"{first.rates.percentile_hz:.0f} Hz", f"{first.quantized_error:.1%} off",
        f"{first.work.energy_uj:,.2f} uJ a tile", f"{first.work.energy_uj:,.2f} uJ a tile",
        "called as at the end",
    )  # fmt: skip
    assert any(expected[number] in row for row in rows)


def test_cores_say_what_they_carry(page, runs):
    results = load_results(runs / "deploy-1")
    cores = page.run(
        "return [...document.querySelectorAll('.plan [data-says]')].map(e => e.dataset.says)"
    )
    assert len(cores) == results.mapping.n_cores
    page.run("document.querySelectorAll('.plan [data-says]')[3].id = 'core'")
    page.hover("#core", 0.2, 0.2)
    shown = page.run("return document.querySelector('.plan').closest('figure').innerText")
    assert cores[3] in shown and re.match(r"chip 0, core \d+: \w+.*; sends [\d.,]+ mess", cores[3])
    plan = page.find(".plan svg")
    page.run("arguments[0].focus()", plan)
    plan.send_keys("\ue014\ue014")  # the right arrow
    shown = page.run("return document.querySelector('.plan').closest('figure').innerText")
    assert cores[1] in shown
    sent = sum(float(re.search(r"sends ([\d.,]+)", one)[1].replace(",", "")) for one in cores)
    heard = sum(float(re.search(r"hears ([\d.,]+)", one)[1].replace(",", "")) for one in cores)
    assert sent == pytest.approx(heard, abs=0.06 * len(cores)) and sent > 0


def test_the_configuration_is_copied(page, runs):
    page.driver.execute_cdp_cmd(
        "Browser.grantPermissions",
        {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]},
    )
    page.find("dl + details summary").click()
    page.find("#copy").click()
    read = "navigator.clipboard.readText().then(arguments[arguments.length - 1])"
    copied = json.loads(page.driver.execute_async_script(read))
    kept = json.loads((runs / "deploy-1" / "config.json").read_text())
    assert copied.keys() == kept.keys() and copied["steps"] == kept["steps"] == 60
    assert page.text("#copied") == "copied"


def test_words_are_explained(page):
    words = page.find("details:last-of-type")
    assert not words.get_attribute("open")
    words.find_element("css selector", "summary").click()
    assert "spikes times the synapses" in words.text


def test_prints_what_is_to_be_read(browser, runs):
    browser.open(runs / "deploy-1" / "index.html", dark=True)
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    shown = "return [...document.querySelectorAll(arguments[0])].map(e => e.checkVisibility())"
    assert not any(browser.run(shown, ".controls, button, details, output"))
    assert all(browser.run(shown, "table, figure, #viewer-images"))
    assert browser.text("#viewer-caption") == (
        "section 20: left of the line section, right of it on chip"
    )
    paper = "return getComputedStyle(document.body).backgroundColor"
    assert browser.run(paper) == "rgb(255, 255, 255)"
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_no_name_runs(browser, tmp_path):
    """Scripts in names of layers, data, networks, options, warnings, titles."""
    results = hostile(stopped(timed(example())))
    graph = nx.DiGraph()
    graph.add_nodes_from((n, {"label": f"{SCRIPTS}[{n}]"}) for n in range(2))
    graph.add_edge(0, 1, weight=2.0)
    plan = plan_svg(graph, Plan(SCRIPTS, [0, 1], place_blocks(graph, [0, 1])))
    text = deployment_page(
        results, HEAD, {SCRIPTS: b"no picture"}, plan,
        lambda room: viewer(said(2, title=SCRIPTS), room),
    )  # fmt: skip
    assert text.count("&lt;img src=x") > 30
    _opened(browser, tmp_path / "page.html", text)
    for row in browser.driver.find_elements("css selector", "[data-says]"):
        browser.run(
            "arguments[0].dispatchEvent(new PointerEvent('pointerover', {bubbles: true}))", row
        )
    browser.hover("#viewer-images")
    assert browser.run("return document.title").startswith("Deployment on 2 chips")


def test_no_name_of_a_folder_runs(browser, runs, tmp_path):
    """Folders and options in the list of runs and in a comparison."""
    name = "<script>document.title = 'ran'<" + SCRIPTS[:60].replace("/", "")
    folder = tmp_path / "all" / name
    folder.mkdir(parents=True)
    for file in ("metrics.json", "index.html"):
        (folder / file).write_bytes((runs / "deploy-2" / file).read_bytes())
    options = json.loads((runs / "deploy-2" / "config.json").read_text()) | {"deployed": SCRIPTS}
    (folder / "config.json").write_text(json.dumps(options))
    text = comparison_page(read_runs([folder, runs / "deploy-1"]))
    assert "&lt;script&gt;" in text
    _opened(browser, tmp_path / "compared.html", text)
    assert browser.run("return document.title") == "Runs compared"
    browser.open(write_index(tmp_path / "all"))
    assert browser.run("return document.title") == "Runs"
    browser.find("table a").click()
    assert "Deployment" in browser.text("h1")


def _opened(browser, path, text):
    path.write_text(text)
    browser.said()
    browser.open(path)
    # The picture that is none is the test's own.
    assert [line for line in browser.said() if "data:image" not in line] == []
    assert not browser.scrolls_sideways()
