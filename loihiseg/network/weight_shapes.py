"""Names and shapes of the weights of a U-Net, told without building it: free of TensorFlow."""

from loihiseg.network.config import UNetConfig

_NORM = ("gamma", "beta", "moving_mean", "moving_variance")


def weight_shapes(config: UNetConfig) -> dict[str, tuple[int, ...]]:
    """Shapes of all weights by name, in the order in which `build_unet` makes them.

    Parameters
    ----------
    config : UNetConfig

    Returns
    -------
    dict of str to tuple of int
        (rows, columns, channels in, channels out) of a kernel, channels out before channels in
        where it is transposed.
    """
    shapes: dict[str, tuple[int, ...]] = {}

    def layer(name: str, kernel: tuple[int, ...], channels: int) -> int:
        shapes[f"{name}/kernel:0"] = kernel
        shapes[f"{name}/bias:0"] = (channels,)
        if config.batch_norm and name != "readout":
            shapes.update({f"{name}_norm/{part}:0": (channels,) for part in _NORM})
        if config.layer_levels.get(name):
            shapes[f"{name}_spikes/alpha:0"] = ()
        return channels

    side = 2 * config.stem_stride + 1
    n = layer("stem", (side, side, config.n_inputs, config.stem_channels), config.stem_channels)
    skips = []
    for depth, channels in enumerate(config.channels):
        names = [f"down{depth}"] if depth and not config.pooling else []
        for name in names + [f"encode{depth}_{i}" for i in range(config.convs_down[depth])]:
            n = layer(name, (3, 3, n, channels), channels)
        skips.append(n)
    for depth in range(len(config.channels) - 2, -1, -1):
        channels = config.channels[depth]
        if not config.pooling:
            n = layer(f"up{depth}", (2, 2, channels, n), channels)
        # Behind the concatenation with the skip.
        n += skips[depth]
        for i in range(config.convs_up[depth]):
            n = layer(f"decode{depth}_{i}", (3, 3, n, channels), channels)
    stride = config.stem_stride
    layer("readout", (1, 1, n, 1) if stride == 1 else (2 * stride, 2 * stride, 1, n), 1)
    return shapes
