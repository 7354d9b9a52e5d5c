"""The Keras side: the U-Net and its presets, Loihi rate activations, firing-rate regularizer.

Import the modules that are needed; all of them import TensorFlow, this package does not.
"""
