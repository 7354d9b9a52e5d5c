"""Lowered networks step by step in floats, with neurons that Loihi 1 may lack.

What published methods need and the chip cannot do (resets, signed spikes, bursts) runs here, and
nowhere else: what is said of the chip comes from `loihiseg.emulator`. `neurons` says what a layer's
neurons do with their input, `network` runs all layers of a network, `work` counts what they did.

Import the modules that are needed; they import TensorFlow, this package does not.
"""
