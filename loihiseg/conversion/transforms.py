"""A term of a spiking layer as a Nengo transform."""

from typing import TYPE_CHECKING

import nengo
import numpy as np
from nengo.builder import Builder, Operator, Signal
from nengo.builder.operator import Reset
from nengo.transforms import Transform

from loihiseg.conversion.convolution import term_input
from loihiseg.conversion.linear import AnyTerm, Term
from loihiseg.conversion.spec import SpikingLayer
from loihiseg.conversion.term_channels import is_plain, is_plain_term

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nengo.builder import Model

Shape = tuple[int, int, int]


class TermTransform(Transform):
    """What a layer hears of a source, where Nengo has no transform for it.

    On Loihi `loihiseg.conversion.own_synapses` builds it; elsewhere it is computed as the host does
    (`loihiseg.conversion.convolution.term_input`).

    Parameters
    ----------
    term : Term or SparseTerm
    input_shape, output_shape : tuple of int
        (rows, columns, channels) of the source's neurons and of the layer's.
    """

    def __init__(self, term: AnyTerm, input_shape: Shape, output_shape: Shape) -> None:
        super().__init__()
        self.term = term
        self.input_shape: Shape = (*input_shape,)
        self.output_shape: Shape = (*output_shape,)

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    @property
    def size_in(self) -> int:
        """Neurons of the source."""
        return int(np.prod(self.input_shape))

    @property
    def size_out(self) -> int:
        """Neurons of the layer."""
        return int(np.prod(self.output_shape))

    def sample(self, rng: object = None) -> np.ndarray:
        """The weights of the term."""
        return self.term.values


class TermInc(Operator):
    """Adds what a term makes of one signal to another."""

    def __init__(self, x: Signal, y: Signal, transform: TermTransform) -> None:
        super().__init__()
        self.transform = transform
        self.sets: list[Signal] = []
        self.incs = [y]
        self.reads = [x]
        self.updates: list[Signal] = []

    def make_step(
        self, signals: "Mapping[Signal, np.ndarray]", dt: float, rng: object
    ) -> "Callable[[], None]":
        """See ``nengo.builder.Operator.make_step``."""
        x, y = signals[self.reads[0]], signals[self.incs[0]]
        transform = self.transform

        def step() -> None:
            image = x.reshape(1, *transform.input_shape)
            y[...] += term_input(transform.term, image, transform.output_shape).reshape(-1)

        return step


@Builder.register(TermTransform)
def build_term(
    model: "Model",
    transform: TermTransform,
    sig_in: Signal,
    decoders: None = None,
    encoders: None = None,
    rng: object = None,
) -> tuple[Signal, Signal]:
    """Build it for Nengo's reference simulator."""
    assert decoders is None and encoders is None, "connects neurons with neurons"
    weighted = Signal(shape=transform.size_out, name=f"{transform}.weighted")
    model.add_op(Reset(weighted))
    model.add_op(TermInc(sig_in, weighted, transform))
    # No operator reads it: NengoDL asks every connection for a signal of its weights.
    weights = Signal(transform.sample(), readonly=True, name=f"{transform}.weights")
    return weighted, weights


def layer_transform(layer: SpikingLayer, term: AnyTerm, input_shape: Shape) -> Transform:
    """The transform of one of a layer's terms.

    Parameters
    ----------
    layer : SpikingLayer
    term : Term or SparseTerm
    input_shape : tuple of int
        (rows, columns, channels) of the source's neurons.
    """
    plain = is_plain_term(term) if layer.on_host else is_plain(layer)
    if plain and isinstance(term, Term):
        return nengo_transform(term, input_shape)
    return TermTransform(term, input_shape, layer.shape)


def nengo_transform(
    term: Term, input_shape: Shape
) -> nengo.Convolution | nengo.transforms.ConvolutionTranspose:
    """The convolution of a plain term, or its transpose.

    Parameters
    ----------
    term : loihiseg.conversion.linear.Term
        Neither depthwise nor with explicit borders.
    input_shape : tuple of int
        (rows, columns, channels) of the source's neurons.

    Returns
    -------
    nengo.Convolution or nengo.transforms.ConvolutionTranspose
        Of the kind that shares weights where several neurons stand for a channel of the source.
    """
    settings = {
        "n_filters": term.kernel.shape[3],
        "input_shape": tuple(input_shape),
        "kernel_size": term.kernel.shape[:2],
        "strides": term.strides,
        "padding": term.padding,
        "channels_last": True,
        "init": np.repeat(term.kernel, term.levels, axis=2),
    }
    if term.levels == 1:
        kind = nengo.transforms.ConvolutionTranspose if term.transposed else nengo.Convolution
        return kind(**settings)
    from loihiseg.conversion import shared_weights

    kind = "SharedConvolutionTranspose" if term.transposed else "SharedConvolution"
    return getattr(shared_weights, kind)(levels=term.levels, **settings)
