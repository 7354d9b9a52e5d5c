"""Fast-SNN [1]_: quantized networks as spiking ones of few steps. In simulation only.

Its neurons reset by subtraction, start at half their threshold and may take a spike back with a
negative one. Loihi 1 has none of the three, nor has nengo-loihi: what is deployed of a quantized
network is its thermometer code (`loihiseg.codes.thermometer.levels`). This package is what that
code is compared with.

- `method`: what it needs, and what it takes on the command line; free of TensorFlow;
- `quantized`: the quantized network, and the neurons that stand for it;
- `finetuning`: layer by layer, so that a layer makes good what came before it;
- `experiment`: all networks on whole sections, scored.

References
----------
.. [1] Hu, Zheng, Jiang, Pan 2023, "Fast-SNN: fast spiking neural network by converting quantized
   ANN", arXiv 2305.19868, IEEE Transactions on Pattern Analysis and Machine Intelligence.
"""
