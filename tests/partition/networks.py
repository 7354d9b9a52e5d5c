"""Networks that several tests build."""

from partition.core.layers import Layer, Projection, dense_projection, output_lengths


def convolution(source, shape, kernel, stride, padding="same", transposed=False, on_host=False):
    """A projection with equal sides, and the pixels it gives."""
    projection = Projection(
        source, (kernel, kernel), (stride, stride), padding, transposed, tuple(shape), on_host
    )
    pixels = tuple(output_lengths(n, kernel, stride, padding, transposed)[0] for n in shape[:2])
    return projection, pixels


def pair(shape, kernel, stride, padding, transposed, channels):
    """Two layers: one from the host, one by the given convolution."""
    first, _ = convolution("image", (*shape[:2], 2), 3, 1, on_host=True)
    second, pixels = convolution("a", shape, kernel, stride, padding, transposed)
    return [Layer("a", tuple(shape), (first,)), Layer("b", (*pixels, channels), (second,))]


def skip_net():
    """Down, up, and a layer with two sources."""
    return [
        Layer("a", (12, 12, 4), (convolution("image", (12, 12, 1), 3, 1, on_host=True)[0],)),
        Layer("b", (6, 6, 8), (convolution("a", (12, 12, 4), 3, 2)[0],)),
        Layer(
            "c",
            (12, 12, 5),
            (
                convolution("a", (12, 12, 4), 3, 1)[0],
                convolution("b", (6, 6, 8), 2, 2, "valid", True)[0],
            ),
        ),
    ]


def unet(side=96, channels=(4, 8, 16)):
    """Layers of a U-Net with strided convolutions, transposed convolutions and skips."""
    layers = []

    def add(name, size, *inputs):
        layers.append(Layer(name, (*inputs[0][1], size), tuple(p for p, _ in inputs)))
        return name, layers[-1].shape

    current = add(
        "e0", channels[0], convolution("image", (side, side, channels[0]), 3, 1, on_host=True)
    )
    skips = [current]
    for level, size in enumerate(channels[1:], start=1):
        current = add(f"d{level}", size, convolution(*current, 3, 2))
        current = add(f"e{level}", size, convolution(*current, 3, 1))
        skips.append(current)
    for level, size in reversed(list(enumerate(channels[:-1]))):
        up = add(f"u{level}", size, convolution(*current, 2, 2, "valid", True))
        current = add(f"m{level}", size, convolution(*up, 3, 1), convolution(*skips[level], 3, 1))
        current = add(f"n{level}", size, convolution(*current, 3, 1))
    return layers


def random_network(rng, n_layers=4, most_pixels=9, most_channels=6):
    """A random network of convolutions, transposed ones, several sources, and a dense layer."""
    shapes = {
        f"image{i}": (*rng.integers(2, most_pixels + 1, 2).tolist(), int(rng.integers(1, 4)))
        for i in range(2)
    }
    hosts = set(shapes)
    layers = []
    while len(layers) < n_layers:
        name, channels = f"layer{len(layers)}", int(rng.integers(1, most_channels + 1))
        inputs, pixels = [], None
        # The first input fixes the pixels; others join where theirs happen to be the same.
        for _ in range(6):
            source = str(rng.choice(list(shapes)))
            given, found = convolution(
                source,
                shapes[source],
                int(rng.integers(1, 4)),
                int(rng.integers(1, 4)),
                str(rng.choice(["same", "valid"])),
                bool(rng.integers(2)),
                source in hosts,
            )
            if not 1 <= min(found) <= max(found) <= 2 * most_pixels:
                continue
            if pixels in (None, found) and source not in [p.source for p in inputs]:
                inputs.append(given)
                pixels = found
        if not inputs:
            continue
        layers.append(Layer(name, (*pixels, channels), tuple(inputs)))
        shapes[name] = layers[-1].shape
    if rng.integers(2):
        source = str(rng.choice([layer.name for layer in layers]))
        layers.append(Layer("dense", (1, 1, 7), (dense_projection(source, shapes[source]),)))
    return layers


def smooth_rates(layers, seed=0):
    """Rates that change smoothly over the image and from channel to channel."""
    import numpy as np

    rng = np.random.default_rng(seed)
    rates = {}
    for projection in (p for layer in layers for p in layer.inputs):
        rows, columns, channels = projection.source_shape
        y, x = np.mgrid[:rows, :columns]
        hills = 1 + 0.5 * np.sin(4 * y / rows + rng.uniform(0, 6)) * np.cos(5 * x / columns)
        rates[projection.source] = 0.02 * hills[..., None] * rng.uniform(0.5, 1.5, channels)
    return rates


def build(layers, shapes, pop_type=32, seed=0, probe=None):
    """The layers as a nengo network: (network, ensembles by name, probe or None)."""
    import nengo
    import nengo_loihi
    import numpy as np

    rng = np.random.default_rng(seed)
    neurons = nengo.SpikingRectifiedLinear()
    with nengo.Network(seed=seed) as net:
        nengo_loihi.add_params(net)
        ensembles = {}

        def ensemble(name, shape, bias):
            made = nengo.Ensemble(
                int(np.prod(shape)),
                1,
                neuron_type=neurons,
                gain=nengo.dists.Choice([1]),
                bias=nengo.dists.Choice([bias]),
                label=name,
            )
            ensembles[name] = made
            return made

        for layer in layers:
            made = ensemble(layer.name, layer.shape, 5)
            net.config[made].block_shape = nengo_loihi.BlockShape(
                tuple(shapes[layer.name]), layer.shape
            )
        for layer in layers:
            for projection in layer.inputs:
                if projection.source not in ensembles:
                    host = ensemble(projection.source, projection.source_shape, 100)
                    net.config[host].on_chip = False
                connection = nengo.Connection(
                    ensembles[projection.source].neurons,
                    ensembles[layer.name].neurons,
                    transform=transform_of(projection, layer, rng),
                )
                net.config[connection].pop_type = pop_type
        made_probe = nengo.Probe(ensembles[probe].neurons) if probe else None
    return net, ensembles, made_probe


def transform_of(projection, layer, rng):
    """A projection as a nengo transform, with random weights."""
    import nengo
    import numpy as np

    if projection.dense:
        size = (layer.shape[2], int(np.prod(projection.source_shape)))
        return nengo.Dense(size, init=rng.uniform(-0.2, 0.4, size=size))
    kind = nengo.ConvolutionTranspose if projection.transposed else nengo.Convolution
    size = (*projection.kernel, projection.source_shape[2], layer.shape[2])
    return kind(
        n_filters=layer.shape[2],
        input_shape=projection.source_shape,
        kernel_size=projection.kernel,
        strides=projection.strides,
        padding=projection.padding,
        init=rng.uniform(-0.2, 0.4, size=size),
    )


def blocks_of(model, ensemble):
    """Blocks an ensemble was built into."""
    blocks = model.objs[ensemble]["out"]
    return blocks if isinstance(blocks, (list, tuple)) else [blocks]
