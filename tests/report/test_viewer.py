"""All sections on the page: what each image shows, how many there are, and nothing that runs."""

import base64
import json
import re

import imagecodecs
import numpy as np
import pytest

from loihiseg.report.page import Parts, page_html
from loihiseg.report.viewer import MOST_PIXELS, viewer
from tests.report.answers import said


def data_of(page):
    text = re.search(r'id="viewer-data">(.*?)</script>', page, re.DOTALL)[1]
    return json.loads(text.replace("&lt;", "<"))


def decoded(address):
    kind, text = re.fullmatch(r"data:image/(\w+);base64,(.*)", address).groups()
    decode = {"webp": imagecodecs.webp_decode, "jpeg": imagecodecs.jpeg8_decode}[kind]
    return decode(base64.b64decode(text))


def grey(image):
    """The same in three colours."""
    return np.repeat(image[..., None], 3, axis=2)


def test_images_are_what_they_are_called():
    answers = said()
    data = data_of(viewer(answers))
    assert data["titles"] == ["section 0", "section 1"]
    assert set(data["images"]) == {
        "section", "truth", "trained network", "on chip", "on chip: errors", "disagreement",
    }  # fmt: skip
    for row in range(2):
        found = {name: decoded(images[row]) for name, images in data["images"].items()}
        np.testing.assert_array_equal(found["truth"], grey(np.where(answers.membrane[row], 0, 255)))
        chip = 255 * (1 - answers.spiking[row])
        assert np.abs(found["on chip"] - chip).mean() < 20  # JPEG of noise
        ours, theirs = answers.spiking[row] > 0.5, answers.trained[row] > 0.5
        alike = grey(np.where(ours == theirs, 255, 0))
        np.testing.assert_array_equal(found["disagreement"], alike)
        missed = answers.membrane[row] & ~ours
        assert (found["on chip: errors"][missed] == found["on chip: errors"][missed][0]).all()


def test_without_truth_there_is_none():
    answers = said()
    answers.membrane = None
    assert set(data_of(viewer(answers))["images"]) == {
        "section", "trained network", "on chip", "disagreement",
    }  # fmt: skip


def test_as_many_sections_as_fit():
    page = viewer(said(6), 15_000)
    n_shown = len(data_of(page)["titles"])
    assert 1 <= n_shown < 6 and f"The first {n_shown} of 6 are here." in page
    images = data_of(page)["images"].values()
    assert sum(len(one) for kind in images for one in kind) <= 15_000
    assert len(data_of(viewer(said(3), 1))["titles"]) == 1
    assert "are here" not in viewer(said(2))


def test_large_images_are_shown_by_every_nth_pixel():
    data = data_of(viewer(said(1, 2 * MOST_PIXELS)))
    assert decoded(data["images"]["truth"][0]).shape == (MOST_PIXELS, MOST_PIXELS, 3)
    assert data["stride"] == 2


@pytest.mark.parametrize("title", ["</script><script>alert(1)</script>", '"><img src=x>', "&amp;"])
def test_titles_are_text(title):
    page = page_html("A run", [], {}, parts=Parts(viewer(said(1, title=title))))
    assert page.count("<script") == 2 and "<img src=x>" not in page
    assert data_of(page)["titles"] == [f"{title} 0"]
