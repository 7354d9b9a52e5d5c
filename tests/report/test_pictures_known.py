"""Pictures of answers where not all pixels count."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from loihiseg.report.pictures import draw_answers

YELLOW = (240, 227, 66)


@pytest.mark.parametrize("labelled", [False, True])
def test_pixels_that_do_not_count_are_hidden(tmp_path, labelled):
    rng = np.random.default_rng(0)
    probability = rng.random((1, 20, 20))
    answers = SimpleNamespace(
        raw=(probability * 255).astype(np.uint8),
        trained=probability,
        spiking=1 - probability,
        membrane=probability > 0.5 if labelled else None,
        known=np.broadcast_to(np.arange(20) < 10, (1, 20, 20)),
        titles=("section 0",),
        threshold=0.5,
    )
    draw_answers(answers, tmp_path / "some.png")
    answers.known = None
    draw_answers(answers, tmp_path / "all.png")
    shares = []
    for name in ("some", "all"):
        pixels = np.asarray(Image.open(tmp_path / f"{name}.png").convert("RGB")).astype(int)
        shares.append((abs(pixels - YELLOW).max(axis=-1) <= 2).mean())
    assert shares[0] > 0.05 and shares[1] == 0
