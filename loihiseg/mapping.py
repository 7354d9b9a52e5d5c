"""A lowered network in the terms of ``partition``, and the Nengo settings that come back."""

from loihiseg.conversion.spec import LoweredNetwork


def partition_layers(network: LoweredNetwork) -> list:
    """On-chip layers as ``partition.layers.Layer``, in the order of the network."""
    from partition.layers import Layer, Projection

    shapes = dict(network.inputs) | {layer.name: layer.shape for layer in network.layers}
    on_host = {layer.name for layer in network.layers if layer.on_host}
    return [
        Layer(
            layer.name,
            layer.shape,
            tuple(
                Projection(
                    term.source,
                    tuple(term.kernel.shape[:2]),
                    tuple(term.strides),
                    term.padding,
                    term.transposed,
                    tuple(shapes[term.source]),
                    term.source in on_host,
                )
                for term in layer.terms
            ),
        )
        for layer in network.chip_layers
    ]


def apply_block_shapes(converted, network: LoweredNetwork, block_shapes: dict) -> None:
    """Tell nengo-loihi which ensembles are on the chip and how each is cut into blocks.

    Parameters
    ----------
    converted : loihiseg.conversion.converter.ConvertedNetwork
        Its network's configuration is changed.
    network : LoweredNetwork
    block_shapes : dict of str to tuple of int
        (rows, columns, channels) of the blocks of each on-chip layer.
    """
    import nengo_loihi

    nengo_loihi.add_params(converted.net)
    for layer in network.layers:
        settings = converted.net.config[converted.ensembles[layer.name]]
        settings.on_chip = not layer.on_host
        if not layer.on_host:
            settings.block_shape = nengo_loihi.BlockShape(block_shapes[layer.name], layer.shape)
