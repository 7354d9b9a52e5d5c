"""The Keras side: the U-Net and its presets, Loihi rate activations, firing-rate regularizer.

Import the modules that are needed; most of them import TensorFlow, this package and `config`,
`logits`, `weight_shapes` do not.
"""
