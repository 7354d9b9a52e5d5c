"""Training with pixels that count for nothing."""

from dataclasses import replace

import numpy as np

from loihiseg.data.synthetic import synthetic_stack
from loihiseg.training.crops import Crops, Examples
from tests.training_runs import CONFIG, run, state

SYNTHETIC = synthetic_stack(6, (48, 48))
KNOWN = np.ones(SYNTHETIC.images.shape, bool)
KNOWN[:, :, 20:40] = False


def test_labels_of_ignored_pixels_change_nothing(tmp_path):
    other = SYNTHETIC.membrane ^ ~KNOWN
    for name, membrane in (("one", SYNTHETIC.membrane), ("other", other)):
        stack = replace(SYNTHETIC, membrane=membrane, known=KNOWN)
        run(tmp_path / name, stack=stack, epochs=1)
    one, other = state(tmp_path / "one"), state(tmp_path / "other")
    for name, value in one.items():
        np.testing.assert_array_equal(value, other[name], err_msg=name)
    texts = [(tmp_path / name / "history.json").read_text() for name in ("one", "other")]
    assert texts[0] == texts[1]


def test_weights_make_the_loss_a_mean_over_what_counts():
    stack = replace(SYNTHETIC, known=KNOWN)
    pixels, membrane, weights = Crops(Examples(stack), CONFIG, 0)[0]
    assert weights.shape == membrane.shape == pixels.shape and weights.dtype == np.float32
    assert abs(weights.mean() - 1) < 1e-6 and (weights == 0).any()
    assert len(Crops(Examples(SYNTHETIC), CONFIG, 0)[0]) == 2
