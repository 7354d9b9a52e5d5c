"""U-Nets that are trained as spiking networks, by back-propagation through time.

- `settings`: what such a network is, beside its shape, as plain values;
- `structure`: its layers, what each hears and when;
- `neuron`: currents to spikes, step by step, with gradients of a surrogate;
- `layers`, `unet`: the Keras side; time is merged into the batch, only neurons have a loop.
"""
