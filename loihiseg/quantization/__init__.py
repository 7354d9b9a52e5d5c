"""Loihi's fixed point: how floats become integers, and where precision is lost."""
