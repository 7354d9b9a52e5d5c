"""Neural codes: how activations become spikes of neurons, and spikes activations again.

`code` says what a code is, `registry` finds one by name; `rate` and `thermometer` are those that
come along. Neither TensorFlow nor nengo is imported here.
"""
