"""The host's part of a converted network: pixels to spikes, all steps at once.

A neuron with constant input needs its input current once. Nengo computes it in one step, with the
operators and the order of additions that nengo-loihi's host simulator uses; the steps of all
neurons then follow in numpy, by nengo-loihi's own update. Spikes equal those the host simulator
would have sent, one by one.
"""

from dataclasses import dataclass

import numpy as np

from loihiseg.conversion.spec import LoweredNetwork

DT_S = 0.001


@dataclass(frozen=True, eq=False)
class HostSpikes:
    """Spikes of every host layer during one presentation.

    Attributes
    ----------
    fired : dict of str to numpy.ndarray
        bool, (n_steps, n_neurons) by layer.
    """

    fired: dict[str, np.ndarray]


class Host:
    """Host layers of a lowered network, each fed by pixels.

    Parameters
    ----------
    network : LoweredNetwork
    """

    def __init__(self, network: LoweredNetwork):
        import nengo

        self._pixels = {n: np.zeros(int(np.prod(s))) for n, s in network.inputs.items()}
        self._layers = {layer.name: layer for layer in network.layers if layer.on_host}
        with nengo.Network(seed=0) as net:
            nodes = {
                name: nengo.Node(lambda t, name=name: self._pixels[name], label=name)
                for name in self._pixels
            }
            self._neurons = {
                name: _ensemble(layer, nodes, network).neurons
                for name, layer in self._layers.items()
            }
        # A model of our own keeps no decoders on disk, for which Nengo wants a home to write to.
        model = nengo.builder.Model(dt=DT_S)
        self._simulator = nengo.Simulator(net, model=model, progress_bar=False, optimize=False)

    def currents(self, pixels) -> dict[str, np.ndarray]:
        """Input current of every host neuron, float64, for one image of normalized pixels."""
        (name,) = self._pixels
        self._pixels[name] = np.asarray(pixels, np.float64).reshape(-1)
        self._simulator.reset()
        self._simulator.step()
        signals, model = self._simulator.signals, self._simulator.model
        return {
            name: np.array(signals[model.sig[neurons]["in"]])
            for name, neurons in self._neurons.items()
        }

    def spikes(self, pixels, n_steps: int) -> HostSpikes:
        """Spikes while an image is held for a number of steps, from rest."""
        fired = {}
        for name, current in self.currents(pixels).items():
            layer = self._layers[name]
            if layer.binary:
                fired[name] = binary_spikes(current, n_steps, layer.active_steps)
            else:
                fired[name] = rectified_spikes(current, n_steps)
        return HostSpikes(fired)

    def close(self):
        """Free the simulator."""
        self._simulator.close()


def rectified_spikes(current: np.ndarray, n_steps: int, dt_s: float = DT_S) -> np.ndarray:
    """Spikes of ``nengo_loihi.neurons.LoihiSpikingRectifiedLinear`` at constant input.

    Parameters
    ----------
    current : numpy.ndarray
        float64, (n,), in Hz.
    n_steps : int
    dt_s : float

    Returns
    -------
    numpy.ndarray
        bool, (n_steps, n).
    """
    voltage = np.zeros_like(current)
    step = current * dt_s
    fired = np.empty((n_steps, len(current)), bool)
    for t in range(n_steps):
        voltage += step
        np.greater(voltage, 1, out=fired[t])
        voltage[voltage < 0] = 0
        voltage[fired[t]] = 0
    return fired


def binary_spikes(current: np.ndarray, n_steps: int, active_steps=None) -> np.ndarray:
    """Spikes of ``loihiseg.conversion.neurons.Binary`` at constant input; bool, (n_steps, n)."""
    fired = np.repeat((current > 0)[None], n_steps, axis=0)
    if active_steps is not None:
        fired[~np.isin(np.arange(1, n_steps + 1), active_steps)] = False
    return fired


def _ensemble(layer, nodes, network):
    import nengo

    from loihiseg.conversion.transforms import nengo_transform

    biases = np.tile(layer.bias, int(np.prod(layer.shape[:2]))).astype(np.float32)
    biases *= layer.rate_scale_hz
    ensemble = nengo.Ensemble(
        layer.n_neurons,
        1,
        neuron_type=nengo.SpikingRectifiedLinear(),
        gain=nengo.dists.Choice([layer.rate_scale_hz]),
        bias=biases,
        label=layer.name,
    )
    for term in layer.terms:
        nengo.Connection(
            nodes[term.source],
            ensemble.neurons,
            transform=nengo_transform(term, network.inputs[term.source]),
            synapse=None,
        )
    return ensemble
