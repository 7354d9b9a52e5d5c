"""The graph told from a checkpoint is the one of the network that Keras builds of it."""

import numpy as np
import pytest

from loihiseg.conversion.lowering import verdicts
from loihiseg.conversion.unet_graph import unet_graph
from loihiseg.network.config import RateTarget, UNetConfig
from loihiseg.network.unet import build_unet
from loihiseg.network.weight_shapes import weight_shapes
from loihiseg.training.checkpoint import set_model_weights

CONFIGS = {
    "rates": UNetConfig(16, (2, 3), (1, 1), (1,), rates=RateTarget(scale_hz=80.0)),
    "levels": UNetConfig(16, (2, 3, 4), (1, 0, 2), (2, 0), stem_stride=4, levels=3),
    "own levels": UNetConfig(8, (2, 3), (0, 1), (1,), 1, 3, levels=(1, 2, 3, 4, 5)),
    "normalized": UNetConfig(8, (2, 3), (1, 1), (1,), stem_channels=3, levels=2, batch_norm=True),
    "one depth": UNetConfig(8, (3,), (1,), (), batch_norm=True),
    "pooled": UNetConfig(16, (2, 3, 4), (0, 1, 2), (1, 2), levels=3, pooling=True, neighbours=1),
}


def random_weights(config, seed=0):
    rng = np.random.default_rng(seed)
    return {
        name: rng.uniform(0.5, 1.5, shape).astype(np.float32)
        if name.endswith(("alpha:0", "gamma:0", "variance:0"))
        else rng.normal(0, 0.5, shape).astype(np.float32)
        for name, shape in weight_shapes(config).items()
    }


def plain(value):
    """All that an object is made of, to be compared."""
    if isinstance(value, np.ndarray):
        return value.shape, value.dtype.str, value.tobytes()
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    names = getattr(value, "__struct_fields__", None) or getattr(value, "__dict__", None)
    if names is None:
        return value
    return type(value), {name: plain(getattr(value, name)) for name in names}


@pytest.mark.parametrize("name", CONFIGS)
def test_the_same_as_of_the_network_that_keras_builds(name):
    config = CONFIGS[name]
    weights = random_weights(config)
    model = build_unet(config)
    set_model_weights(model, weights)
    told, built = verdicts(unet_graph(config, weights)), verdicts(model)
    assert told.refusals == built.refusals == ()
    assert told.stages == built.stages and told.shapes == built.shapes
    assert list(told.graph.steps) == list(built.graph.steps)
    assert told.graph.outputs == built.graph.outputs
    assert plain(told.lowering) == plain(built.lowering)
