"""How NengoDL computes a `TermTransform`: as the host does, with numpy, step by step.

It has no gradient: networks are trained in Keras. Importing this registers the builder.
"""

from typing import Any

from loihiseg.frameworks import nengo_dl, tf

import numpy as np

from loihiseg.conversion.convolution import term_input
from loihiseg.conversion.transforms import TermInc


@nengo_dl.builder.Builder.register(TermInc)
class TermIncBuilder(nengo_dl.builder.OpBuilder):
    """Adds what one term makes of one signal to another, of a whole minibatch at once."""

    def build_pre(self, signals: Any, config: Any) -> None:
        """See ``nengo_dl.builder.OpBuilder.build_pre``."""
        super().build_pre(signals, config)
        (self.operator,) = self.ops  # operators are merged where a builder says so; this does not
        self.source = signals[self.operator.reads[0]]
        self.total = signals[self.operator.incs[0]]

    def build_step(self, signals: Any) -> None:
        """See ``nengo_dl.builder.OpBuilder.build_step``."""
        transform = self.operator.transform

        def added(values: np.ndarray) -> np.ndarray:
            images = values.reshape(-1, *transform.input_shape)
            found = term_input(transform.term, images, transform.output_shape)
            return found.reshape(len(images), -1).astype(values.dtype)

        source = signals.gather(self.source)
        found = tf.numpy_function(added, [source], source.dtype)
        found.set_shape((signals.minibatch_size, transform.size_out))
        signals.scatter(self.total, found, mode="inc")
