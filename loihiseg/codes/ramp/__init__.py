"""Ramp code: one neuron per unit, which waits and then sends as many spikes as there are levels."""
