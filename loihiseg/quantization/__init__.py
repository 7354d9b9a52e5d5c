"""Loihi's fixed point: how floats become integers. It needs no other room."""
