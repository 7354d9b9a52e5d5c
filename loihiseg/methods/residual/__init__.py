"""Residual spiking networks [1]_, [2]_: how blocks of convolutions are joined with what they hear.

What is trained stands in `loihiseg.through_time.structure`; all of it the chip runs exactly, by the
direct code:

- spikes added after firing ("add"): the next layer hears both, by the same kernel;
- spikes added before the threshold ("before"): one more term of weight one threshold;
- gates ("and", "iand", "or"): a layer of neurons that forget, a step more;
- read-outs of which the mean is taken, as boosting has it: on the host they are one.

Not here: the published change of stage, whose shortcut is no spikes but real values, and the
shortcut from membrane to membrane, for which every layer would hear all kernels of its stage.

References
----------
.. [1] Vicente-Sola, Manna, Kirkland, Di Caterina, Bihl 2022, "Keys to accurate feature extraction
   using residual spiking neural networks", arXiv 2111.05955.
.. [2] Fang, Yu, Chen, Huang, Masquelier, Tian 2021, "Deep residual learning in spiking neural
   networks", arXiv 2102.04159.
"""
