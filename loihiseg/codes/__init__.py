"""Neural codes: how activations become spikes of neurons, and spikes activations again.

`code` says what a code is, `registry` finds one by name; `rate`, `thermometer` and `ramp` are
those that come along. Neither TensorFlow nor nengo is imported here.
"""
