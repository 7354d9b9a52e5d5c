"""Batch Normalization Through Time [1]_: spiking networks trained by back-propagation through time.

What is published stands in `loihiseg.through_time`: the normalization "bntt" with a scale and
statistics for each step, neurons with a soft reset, a triangle of height 0.3 for the gradient, no
gradient through the reset, layers without delay (`published`). The chip has one leak and one
threshold for all steps, a hard reset and delays: a scale of its own for each step cannot be had.
The form "shift", whose scale is one for all steps and whose shift is each step's own, can, exactly
(`loihiseg.codes.direct`).

- `published`: the settings of the paper;
- `exits`: from which step on nothing more is learnt from the trained scales.

A rule for each tile, by how still its map has become, is `loihiseg.running.early_exit`'s.

References
----------
.. [1] Kim, Panda 2020, "Revisiting batch normalization for training low-latency deep spiking neural
   networks from scratch", arXiv 2010.01729.
"""
