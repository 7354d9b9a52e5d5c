"""From a Keras model to a Nengo network whose on-chip layers nengo-loihi can build.

``lowering`` rewrites any supported functional model as a list of spiking layers, each a sum of
convolutions with one source apiece; ``converter`` hands that list to ``nengo_dl.Converter``.
Import the modules that are needed; they import TensorFlow, this package does not.
"""
