"""Words of the page, for those who meet them for the first time."""

GLOSSARY = (
    ("accuracy", "share of the pixels, or images, that are called rightly"),
    ("all cell", "accuracy of calling every pixel cell: what a network has to be better than"),
    ("block", "neurons of one layer that lie on one core"),
    ("bits lost", "bits of weights that the chip's fixed point has no room for"),
    ("chip, core", "a Loihi chip has 128 cores; a core holds up to 1,024 neurons"),
    ("code", "how activations of the trained network become spikes, and spikes activations"),
    ("energy", "an estimate: what was counted times published constants; nothing is measured"),
    ("firing rate", "spikes of a neuron in a second, Hz, at 1 ms a step"),
    ("host", "the computer beside the chip: it sends pixels as spikes and reads maps out"),
    ("IoU", "intersection over union: pixels that both call membrane, of those that either does"),
    ("levels", "values that a quantized activation can have, besides 0"),
    ("messages", "spikes on their way, each counted once for every core that it is sent to"),
    ("neuron updates", "neurons times steps"),
    ("8-bit weights", "the trained network with weights as the chip has them, computed without "
     "spikes"),
    ("on chip", "the answer of the spikes, on the emulated chip or a real one"),
    ("percentile", "the rate below which so many per cent of the neurons are"),
    ("SQNR", "signal to quantization noise of weights, dB: 6 more are half the error"),
    ("step", "of the chip: every neuron is updated once; taken as 1 ms"),
    ("synaptic events", "spikes times the synapses that each one reaches; most of the energy"),
    ("tile", "the pixels that go through the network at once"),
    ("V_Rand, V_Info", "scores of the cells that a map divides a section into, 1 for perfect; "
     "those of the ISBI 2012 challenge"),
)  # fmt: skip
"""(word, what it means), in the order of the alphabet."""
