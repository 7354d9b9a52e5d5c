"""From a Keras model to a Nengo network whose on-chip layers nengo-loihi can build.

``lowering`` rewrites a Keras model as a list of spiking layers, each with the terms of the sources
that it hears; ``converter`` hands that list to ``nengo_dl.Converter``.
Import the modules that are needed; some import TensorFlow, this package does not.
"""
