"""All sections on the page, looked at with pointer and keys."""

import pytest
import tifffile

KINDS = ("section", "trained network", "on chip", "disagreement", "truth", "on chip: errors")


def clipped(page):
    """From where on the right image is shown, as a share of the width."""
    style = page.run("return document.getElementById('viewer-image-right').style.clipPath")
    return float(style.removesuffix("%)").rpartition(" ")[2]) / 100


def alternatives(page):
    return [page.find(f"#viewer-image-{side}").get_attribute("alt") for side in ("left", "right")]


def test_the_slider_moves_through_all_sections(page):
    slider, seen = page.find("#viewer-section"), []
    for _ in range(4):
        seen.append(
            (page.text("#viewer-title"), page.find("#viewer-image-left").get_attribute("src"))
        )
        slider.send_keys("\ue014")  # the right arrow
    assert [title for title, _ in seen] == [f"section {20 + number}" for number in range(4)]
    assert len({image for _, image in seen}) == 4
    assert page.text("#viewer-title") == "section 23"


@pytest.mark.parametrize("side", ["left", "right"])
def test_toggles_choose_what_is_shown(page, side):
    for kind in KINDS:
        page.find(f"input[name='viewer-{side}'][value='{kind}']").click()
        shown = page.find(f"#viewer-image-{side}")
        assert shown.get_attribute("alt") == f"section 20, {kind}"
        data = "JSON.parse(document.getElementById('viewer-data').textContent)"
        assert shown.get_attribute("src") == page.run(f"return {data}.images['{kind}'][0]")
        assert page.run("return arguments[0].naturalWidth", shown) == 256


def test_the_line_is_swiped(page):
    assert clipped(page) == 0.5
    page.drag("#viewer-images", (0.5, 0.5), (0.4, 0.5), (0.2, 0.6))
    assert clipped(page) == pytest.approx(0.2, abs=0.01)
    assert page.find("#viewer-line").get_attribute("value") == "20"
    # Let go, it stays where it is.
    page.hover("#viewer-images", 0.9, 0.5)
    assert clipped(page) == pytest.approx(0.2, abs=0.01)
    page.drag("#viewer-images", (0.7, 0.1))
    assert clipped(page) == pytest.approx(0.7, abs=0.01)


def test_what_is_left_and_right_of_the_line(page):
    page.find("input[name='viewer-left'][value='truth']").click()
    page.find("input[name='viewer-right'][value='on chip: errors']").click()
    at = (
        "const b = document.getElementById('viewer-images').getBoundingClientRect();"
        "for (const i of document.querySelectorAll('#viewer-images img')) "
        "i.style.pointerEvents = 'auto';"
        "return document.elementFromPoint(b.x + arguments[0] * b.width, b.y + 20).id"
    )
    page.centred("#viewer-images")
    assert page.run(at, 0.3) == "viewer-image-left"
    assert page.run(at, 0.7) == "viewer-image-right"


def test_the_pointer_says_what_is_there(page, runs):
    page.find("input[name='viewer-left'][value='truth']").click()
    chip = tifffile.imread(runs / "deploy-1" / "map-chip.tif")[0] / 255
    for row, column in ((10, 200), (128, 31), (250, 77)):
        page.hover("#viewer-images", (column + 0.5) / 256, (row + 0.5) / 256)
        where, truth, said = page.text("#viewer-says").split("; ")
        assert where == f"row {row}, column {column}"
        assert truth in ("truth: membrane", "truth: cell")
        name, _, value = said.partition(": membrane with about ")
        assert name == "on chip" and float(value) == pytest.approx(chip[row, column], abs=0.15)


def test_errors_are_named(page, runs):
    page.find("input[name='viewer-left'][value='truth']").click()
    page.find("input[name='viewer-right'][value='on chip: errors']").click()
    words = {"membrane, missed", "membrane, found", "membrane, invented", "cell, right"}
    seen = set()
    for row in range(5, 256, 25):
        for column in range(5, 256, 25):
            page.hover("#viewer-images", (column + 0.5) / 256, (row + 0.5) / 256)
            _, truth, error = page.text("#viewer-says").split("; ")
            said = error.removeprefix("on chip: errors: ")
            is_membrane = said in ("membrane, missed", "membrane, found")
            assert truth == f"truth: {'membrane' if is_membrane else 'cell'}"
            seen.add(said)
    assert {"membrane, found", "cell, right"} <= seen <= words


def test_keys_do_all_of_it(page):
    images = page.find("#viewer-images")
    page.run("arguments[0].focus()", images)
    images.send_keys("\ue015\ue015\ue013")  # down, down, up
    assert page.text("#viewer-title") == "section 21"
    images.send_keys("\ue012\ue012")  # left
    assert clipped(page) == 0.46
    images.send_keys("\ue010")  # end
    assert clipped(page) == 1
    images.send_keys("4")
    assert alternatives(page) == ["section 21, section", "section 21, disagreement"]
    images.send_keys("9")
    assert alternatives(page) == ["section 21, section", "section 21, disagreement"]
