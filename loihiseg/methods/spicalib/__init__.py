"""Spike Calibration [1]_ and what it stands on [2]_: ReLU networks as spiking ones, untrained.

A network that was trained in floats, max pooling and batch normalization with it, is simulated with
neurons that may send several spikes in a step (bursts) and keep what is left over (soft reset).
Their thresholds are quantiles of the activations on calibration crops. Max pooling lets the train
through that has sent most so far (lateral inhibition), and a neuron that has been silent for longer
than it uses to be takes its spikes back (spike calibration). Batch normalization is part of the
lowered network's weights already, as everywhere here.

- `method`: what it needs, and what it takes on the command line; free of TensorFlow;
- `scales`: thresholds, as one would take them and as the published code does;
- `neurons`: bursts and spike calibration, as published and with its drift mended;
- `stack`: its parts, each added in turn, with the pooling of `loihiseg.simulation.pooling`;
- `search`: quantiles chosen by an optimizer, beside fixed ones;
- `experiment`: all of it on whole sections, scored.

References
----------
.. [1] Li, He, Dong, Kong, Zeng 2022, "Spike calibration: fast and accurate conversion of spiking
   neural network for object detection and segmentation", arXiv 2207.02702.
.. [2] Li, Zeng 2022, "Efficient and accurate conversion of spiking neural network with burst
   spikes", arXiv 2204.13271, IJCAI 2022.
"""
