"""Random networks of every kind that nengo-loihi's emulator runs, for equality tests."""

import nengo
import nengo_loihi
import numpy as np

KINDS = ("decoded", "neurons", "convolution", "learning", "driven")


def random_network(seed: int) -> nengo.Network:
    """A small random network; its kind, neurons, synapses, sizes and probes follow the seed."""
    rng = np.random.default_rng(seed)
    kind = KINDS[seed % len(KINDS)]
    with nengo.Network(seed=int(rng.integers(2**31))) as net:
        nengo_loihi.add_params(net)
        net.config[nengo.Ensemble].neuron_type = _neuron_type(rng)
        ensembles = {
            "decoded": _decoded,
            "neurons": _neurons,
            "convolution": _convolution,
            "learning": _learning,
            "driven": _driven,
        }[kind](net, rng)
        for ensemble in ensembles:
            for key in ("output", "voltage", "input"):
                if rng.random() < 0.5:
                    nengo.Probe(ensemble.neurons, key)
    return net


def _neuron_type(rng):
    tau_ref = float(rng.choice([0.0, 0.001, 0.002, 0.005]))
    return [
        nengo.LIF(tau_rc=float(rng.uniform(0.005, 0.05)), tau_ref=tau_ref),
        nengo.LIF(tau_rc=0.02, tau_ref=tau_ref, min_voltage=-1),
        nengo.SpikingRectifiedLinear(),
    ][rng.integers(3)]


def _synapse(rng):
    return None if rng.random() < 0.3 else float(rng.uniform(0.001, 0.03))


def _input(rng, size):
    frequencies, phases = rng.uniform(1, 20, size), rng.uniform(0, 6, size)
    return nengo.Node(lambda t: np.sin(2 * np.pi * frequencies * t + phases))


def _ensemble(net, rng, dimensions):
    n_neurons = int(rng.integers(5, 60))
    ensemble = nengo.Ensemble(
        n_neurons,
        dimensions,
        max_rates=nengo.dists.Uniform(50, 190),
        intercepts=nengo.dists.Uniform(-0.9, 0.7),
    )
    if rng.random() < 0.5:
        size = int(rng.integers(3, n_neurons + 1))
        net.config[ensemble].block_shape = nengo_loihi.BlockShape((size,), (n_neurons,))
    return ensemble


def _decoded(net, rng):
    dimensions = int(rng.integers(1, 4))
    ensembles = [_ensemble(net, rng, dimensions) for _ in range(rng.integers(1, 4))]
    nengo.Connection(_input(rng, dimensions), ensembles[0], synapse=_synapse(rng))
    for post in ensembles:
        for pre in ensembles:
            if rng.random() < 0.5:
                transform = rng.uniform(-1, 1, (dimensions, dimensions))
                solver = nengo.solvers.LstsqL2(weights=bool(rng.random() < 0.3))
                nengo.Connection(
                    pre, post, synapse=float(rng.uniform(0.002, 0.02)), transform=transform,
                    solver=solver,
                )  # fmt: skip
    nengo.Probe(ensembles[-1], synapse=0.01)
    return ensembles


def _neurons(net, rng):
    ensembles = [_ensemble(net, rng, 1) for _ in range(rng.integers(2, 4))]
    nengo.Connection(_input(rng, 1), ensembles[0])
    tau = _synapse(rng)
    for pre, post in zip(ensembles, ensembles[1:] + ensembles[:1]):
        shape = (post.n_neurons, pre.n_neurons)
        weights = rng.normal(0, 10 ** rng.uniform(-4, -1.5), shape)
        if rng.random() < 0.5:
            weights[rng.random(shape) < 0.7] = 0
            rows, columns = np.nonzero(weights)
            if not len(rows):
                continue
            transform = nengo.Sparse(
                shape, indices=np.stack([rows, columns], axis=1), init=weights[rows, columns]
            )
        else:
            transform = weights
        nengo.Connection(pre.neurons, post.neurons, transform=transform, synapse=tau)
    return ensembles


def _driven(net, rng):
    """Neurons kept going by their biases alone; all of an ensemble wait out refraction together."""
    ensembles = []
    for _ in range(rng.integers(1, 4)):
        ensemble = _layer(net, rng, int(rng.integers(1, 100)))
        ensembles.append(ensemble)
    return ensembles


def _convolution(net, rng):
    channels_last = bool(rng.random() < 0.7)
    shape = (int(rng.integers(4, 9)), int(rng.integers(4, 9)), int(rng.integers(1, 4)))
    image = rng.uniform(-1, 1, shape)
    pixels = nengo.Node(image.ravel())
    shape = shape if channels_last else (shape[2], shape[0], shape[1])
    first = _layer(net, rng, int(np.prod(shape)))
    net.config[first].on_chip = False
    nengo.Connection(pixels, first.neurons, synapse=None)
    ensembles, pre, tau = [], first, _synapse(rng)
    for _ in range(rng.integers(1, 4)):
        transform = _random_transform(rng, shape, channels_last)
        if min(transform.output_shape.shape) < 1:
            break
        post = _layer(net, rng, transform.output_shape.size)
        shape = transform.output_shape.shape
        net.config[post].block_shape = nengo_loihi.BlockShape(
            _part(rng, shape, channels_last), shape
        )
        connection = nengo.Connection(pre.neurons, post.neurons, transform=transform, synapse=tau)
        # 16-bit population axons need channel blocks in multiples of 4.
        net.config[connection].pop_type = 32
        if channels_last and shape[2] % 4 == 0 and rng.random() < 0.7:
            net.config[connection].pop_type = 16
        if rng.random() < 0.3:
            transform = nengo.Convolution(
                shape[2] if channels_last else shape[0], shape, kernel_size=(3, 3),
                padding="same", channels_last=channels_last,
                init=nengo.dists.Uniform(-0.3, 0.3),
            )  # fmt: skip
            nengo.Connection(post.neurons, post.neurons, transform=transform, synapse=tau)
        ensembles.append(post)
        pre = post
    return ensembles


def _random_transform(rng, shape, channels_last):
    kernel = min(int(rng.integers(1, 4)), *(shape[:2] if channels_last else shape[1:]))
    stride = int(rng.integers(1, 3))
    transposed = rng.random() < 0.3
    kind = nengo.transforms.ConvolutionTranspose if transposed else nengo.Convolution
    return kind(
        int(rng.choice([2, 3, 4, 8])), shape, kernel_size=(kernel, kernel),
        strides=(stride, stride), padding=str(rng.choice(["same", "valid"])),
        channels_last=channels_last, init=nengo.dists.Uniform(-1, 1),
    )  # fmt: skip


def _part(rng, shape, channels_last):
    rows, columns, channels = shape if channels_last else (shape[1], shape[2], shape[0])
    part = [int(rng.integers(max(1, n // 2), n + 1)) for n in (rows, columns)]
    width = channels
    if channels % 4 == 0 and rng.random() < 0.5:
        width = 4
    return (*part, width) if channels_last else (width, *part)


def _layer(net, rng, size):
    # A LIF neuron fires from a current of 1, a rectified-linear one as often as its current says.
    unit = 1 if isinstance(net.config[nengo.Ensemble].neuron_type, nengo.LIF) else 50
    return nengo.Ensemble(
        size, 1, gain=nengo.dists.Choice([unit * float(rng.uniform(0.5, 4))]),
        bias=nengo.dists.Choice([unit * float(rng.uniform(-0.5, 2))]),
    )  # fmt: skip


def _learning(net, rng):
    dimensions = int(rng.integers(1, 3))
    pre = _ensemble(net, rng, dimensions)
    post = nengo.Node(size_in=dimensions)
    target = _input(rng, dimensions)
    nengo.Connection(target, pre)
    connection = nengo.Connection(
        pre, post, function=lambda x: np.zeros_like(x), synapse=0.01,
        learning_rule_type=nengo.PES(learning_rate=float(10 ** rng.uniform(-4, -2.5))),
    )  # fmt: skip
    error = nengo.Node(size_in=dimensions)
    nengo.Connection(post, error)
    nengo.Connection(target, error, transform=-1)
    nengo.Connection(error, connection.learning_rule)
    ensembles = [pre]
    if rng.random() < 0.5:
        other = _ensemble(net, rng, dimensions)
        nengo.Connection(pre, other, synapse=0.01)
        ensembles.append(other)
    nengo.Probe(post, synapse=0.02)
    return ensembles
