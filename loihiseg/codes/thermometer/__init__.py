"""Thermometer code: a binary neuron for each level of an activation, one step per layer."""
