"""Names and shapes told without TensorFlow are those of the network that is built."""

import pytest

from loihiseg.network.config import UNetConfig
from loihiseg.network.weight_shapes import weight_shapes

CONFIGS = [
    UNetConfig(16, (2, 3), (1, 1), (1,)),
    UNetConfig(16, (2, 3), (0, 0), (0,)),
    UNetConfig(16, (2,), (0,), ()),
    UNetConfig(16, (2, 5), (0, 2), (2,), stem_stride=1, levels=3, batch_norm=True),
    UNetConfig(32, (2, 3, 4), (2, 0, 1), (0, 1), stem_stride=4, stem_channels=7, levels=2),
    UNetConfig(16, (2, 3), (1, 1), (1,), levels=(1, 2, 3, 1, 2, 3)),
]


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("in_training", [False, True])
def test_equal_to_the_networks(config, in_training):
    from loihiseg.network.unet import ChipEffects, build_unet

    effects = ChipEffects(True, 100, False) if in_training else ChipEffects()
    built = {w.name: tuple(w.shape) for w in build_unet(config, effects=effects).weights}
    assert list(weight_shapes(config).items()) == list(built.items())
