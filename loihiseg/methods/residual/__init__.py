"""Residual spiking networks [1]_, [2]_: how blocks of convolutions are joined with what they hear.

What is trained stands in `loihiseg.through_time.structure`. The chip runs exactly, by the direct
code:

- spikes added after firing ("add"): the next layer hears both, by the same kernel;
- spikes added before the threshold ("before"): one more term of weight one threshold;
- gates ("and", "iand", "or"): a layer of neurons that forget, a step more;
- read-outs of which the mean is taken, as boosting has it: on the host they are one.

In floats only: currents added to currents ("membrane") [3]_, from block to block without a spike.
A chip would have to give every layer the kernels of all before it at its depth, each rounded once
more to the scale of that layer; it is refused by name. Not here: the published change of stage,
whose shortcut is no spikes but real values.

References
----------
.. [1] Vicente-Sola, Manna, Kirkland, Di Caterina, Bihl 2022, "Keys to accurate feature extraction
   using residual spiking neural networks", arXiv 2111.05955.
.. [2] Fang, Yu, Chen, Huang, Masquelier, Tian 2021, "Deep residual learning in spiking neural
   networks", arXiv 2102.04159.
.. [3] Hu, Deng, Wu, Yao, Li 2021, "Advancing spiking neural networks towards deep residual
   learning", arXiv 2112.08954.
"""
