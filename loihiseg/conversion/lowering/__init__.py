"""From a Keras model to the layers of neurons that compute the same, without TensorFlow.

``sources`` reads a file or a model in memory into one ``graph`` of calls; ``walk`` goes along it.
What stands between two activations is a linear map (``linear_map``, of ``windows``, over ``taps``),
one rule per kind of layer (``rules``: ``convolutions``, ``images``, ``joins``, and ``levels`` for
maxima), and becomes the terms of the next neurons (``terms``). What follows the last neurons is
the host's (``tail``). Whatever cannot be placed is collected and refused at once.
"""

from loihiseg.conversion.lowering.lower import Lowering, Verdicts, lower, verdicts

__all__ = ["Lowering", "Verdicts", "lower", "verdicts"]
