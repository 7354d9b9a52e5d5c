"""Names and shapes of the weights of a U-Net over time, told without building it."""

from loihiseg.network.config import UNetConfig
from loihiseg.network.weight_shapes import weight_shapes
from loihiseg.through_time.settings import Form, ThroughTime
from loihiseg.through_time.structure import timed, wires

NORM, SHIFT, SPIKES, ADDED_SPIKES, CURRENT = "_norm", "_shift", "_spikes", "_added", "_current"
"""Behind the name of a layer, those of its parts."""


def weight_shapes_over_time(
    config: UNetConfig, time: ThroughTime, form: Form
) -> dict[str, tuple[int, ...]]:
    """Shapes of all weights by name, as `loihiseg.through_time.unet.build_through_time` has them.

    Parameters
    ----------
    config : UNetConfig
    time : ThroughTime
    form : str

    Raises
    ------
    InputError
        If the U-Net cannot run over time.
    """
    plain = weight_shapes(config)
    heads = 1 if form == "chip" else time.heads
    kernel = plain["readout/kernel:0"]
    kernel = (*kernel[:3], heads) if config.stem_stride == 1 else (*kernel[:2], heads, kernel[3])
    readout: dict[str, tuple[int, ...]] = {
        "readout/kernel:0": kernel, "readout/bias:0": (heads,)
    }  # fmt: skip
    found: dict[str, tuple[int, ...]] = {}
    for layer in timed(wires(config, time.residual), time.steps, time.delayed):
        if layer.kind == "gate":
            continue
        name, channels = layer.name, layer.channels
        found[f"{name}/kernel:0"] = plain[f"{name}/kernel:0"]
        steps = 1 if name == "stem" else layer.steps
        if form == "chip":
            found[f"{name}{SHIFT}/shift:0"] = (steps, channels)
            continue
        kind = time.normalization
        if name == "stem" and kind != "none":
            kind = "shared"
        scales = steps if kind == "bntt" else 1
        means = steps if kind in ("bntt", "shift") else 1
        if kind != "none":
            found[f"{name}{NORM}/gamma:0"] = (scales, channels)
            found[f"{name}{NORM}/moving_mean:0"] = (means, channels)
            found[f"{name}{NORM}/moving_variance:0"] = (scales, channels)
        if kind != "bntt":
            found[f"{name}{NORM}/beta:0"] = (steps if kind == "shift" else 1, channels)
    return found | readout
