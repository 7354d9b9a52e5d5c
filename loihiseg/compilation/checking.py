"""What would become of a model on chips, without data and without training.

First what every layer would be, from settings and weights alone; then, where no layer is refused,
how many cores and chips the neurons take. Nothing here needs a framework.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from loihiseg.conversion.host_graph import Function, HostGraph, Node
from loihiseg.conversion.host_work import hidden_layers
from loihiseg.conversion.lowering import Lowering, Verdicts
from loihiseg.conversion.lowering.neurons import passes_on
from loihiseg.conversion.lowering.tail import operations_of
from loihiseg.conversion.lowering.windows import NotPlacedError

if TYPE_CHECKING:
    from loihiseg.codes.code import NeuralCode
    from loihiseg.compilation.options import CompileOptions
    from loihiseg.conversion.spec import LoweredNetwork
    from loihiseg.training.checkpoint import CheckpointInfo
    from partition.shapes.tiling import LayerUsage, Tiling

Verdict = Literal[
    "host before", "chip", "composed", "no effect", "host after", "refused", "not needed"
]  # fmt: skip
"""Of a layer: runs on the host, before or behind the chip; is neurons of the chip; becomes weights
and biases of the next neurons; does nothing once trained; cannot run; is not behind the output."""

VERDICT_WORDS = {
    "host before": "host, before the chip",
    "chip": "chip",
    "composed": "composed into the next neurons",
    "no effect": "no effect once trained",
    "host after": "host, behind the chip",
    "refused": "refused",
    "not needed": "not needed for the output",
}
"""Verdicts in words."""


@dataclass(frozen=True)
class LayerVerdict:
    """What becomes of a call of a layer.

    Attributes
    ----------
    layer : str
        Name of the call.
    kind : str
        Class of the layer.
    verdict : str
        One of `Verdict`.
    shape : tuple of int or None
        Of what it gives, without the batch; None where it is not known.
    reasons : tuple of str
        Of a layer that is refused: why, and what to use instead.
    is_hidden_tail : bool
        Whether it is refused for being a hidden layer behind the last neurons of the chip.
    """

    layer: str
    kind: str
    verdict: Verdict
    shape: tuple[int, ...] | None
    reasons: tuple[str, ...] = ()
    is_hidden_tail: bool = False


@dataclass(frozen=True)
class ChipFit:
    """Whether a network fits, and what it takes.

    Attributes
    ----------
    code : str
        Neural code.
    n_neurons : int
        On the chip.
    n_cores, n_chips : int or None
        Fewest cores that were found, and the chips that hold them; None where a layer fits no core.
    usage : tuple of partition.shapes.tiling.LayerUsage
        Blocks of each layer, and what its worst block takes; empty where a layer fits no core.
    violations : tuple of str
        Limits that are exceeded, by layer or by all of them.
    remedies : tuple of str
        Changes that were tried and fit.
    """

    code: str
    n_neurons: int
    n_cores: int | None
    n_chips: int | None
    usage: "tuple[LayerUsage, ...]"
    violations: tuple[str, ...] = ()
    remedies: tuple[str, ...] = ()

    @property
    def fits(self) -> bool:
        """Whether no limit is exceeded."""
        return not self.violations


@dataclass(frozen=True)
class CheckedModel:
    """What would become of a model on chips.

    Attributes
    ----------
    layers : tuple of LayerVerdict
        In the order of the model's calls.
    refusals : tuple of str
        Everything that is refused, once each, with what to use instead.
    fit : ChipFit or None
        None where anything is refused.
    """

    layers: tuple[LayerVerdict, ...]
    refusals: tuple[str, ...]
    fit: ChipFit | None


def check_model(
    model: Any,
    chips: int | None = None,
    *,
    rate_scale_hz: float = 100.0,
    output: str | None = None,
    allow_host_tail: bool = False,
    **options: object,
) -> CheckedModel:
    """What every layer of a Keras model would be, and the chips that it takes; no data is needed.

    Parameters
    ----------
    model : tf.keras.Model or path-like
        In memory, or an .h5 or .keras file, of which TensorFlow is not needed.
    chips : int, optional
        That there are; as many as it takes without.
    rate_scale_hz, output, allow_host_tail
        As of `loihiseg.compilation.options.CompileOptions`.
    **options
        ``code`` and ``levels`` of the same.

    Returns
    -------
    CheckedModel

    Raises
    ------
    InputError
        If there is no model, or options cannot be used.
    """
    from loihiseg.compilation.options import CompileOptions
    from loihiseg.conversion.lowering import verdicts

    given: dict[str, Any] = dict(options) if chips is None else {"chips": chips, **options}
    compiling = CompileOptions(rate_scale_hz=rate_scale_hz, output=output, **given)
    found = verdicts(model, rate_scale_hz, output, compiling.levels is not None)
    layers = layer_verdicts(found, allow_host_tail)
    refusals = refusals_of(found, layers)
    if found.lowering is None or refusals:
        return CheckedModel(layers, refusals, None)
    return CheckedModel(layers, refusals, chip_fit(found.lowering, compiling, chips))


def layer_verdicts(found: Verdicts, allow_host_tail: bool = False) -> tuple[LayerVerdict, ...]:
    """What becomes of every layer of a model, in the order of its calls.

    Parameters
    ----------
    found : Verdicts
        As from `loihiseg.conversion.lowering.verdicts`.
    allow_host_tail : bool
        Whether hidden layers behind the last neurons may run on the host.
    """
    hidden = set() if allow_host_tail else set(hidden_layers(_tail(found)))
    rows = []
    for name, step in found.graph.steps.items():
        reasons = [text for place, text in found.refusals if place == name]
        is_hidden_tail = not reasons and name in hidden
        if is_hidden_tail:
            reasons.append(
                f"{step.called} is a hidden layer behind the last neurons of the chip and would "
                "run on the host; give hidden layers activations that the chip has, such as ReLU"
            )
        verdict: Verdict = "refused"
        if not reasons:
            verdict = found.stages.get(name, "not needed")
            if passes_on(step) and verdict != "not needed":
                verdict = "no effect"
        shape = found.shapes.get(name)
        plain = None if shape is None else tuple(int(n) for n in shape)
        rows.append(LayerVerdict(name, step.kind, verdict, plain, tuple(reasons), is_hidden_tail))
    return tuple(rows)


def refusals_of(found: Verdicts, rows: tuple[LayerVerdict, ...]) -> tuple[str, ...]:
    """Everything that is refused, once each: of the model as a whole, its inputs, its layers."""
    of_steps = {text for row in rows for text in row.reasons}
    others = [text for _, text in found.refusals if text not in of_steps]
    return tuple(dict.fromkeys([*others, *(text for row in rows for text in row.reasons)]))


def _tail(found: Verdicts) -> HostGraph:
    """What runs behind the chip; a layer that cannot stands there as some function."""
    order = [name for name, stage in found.stages.items() if stage == "host after"]
    inputs: dict[str, None] = {}
    last = {name: name for name in (*found.graph.steps, *found.graph.inputs)}
    nodes: list[Node] = []
    for name in order:
        step = found.graph.steps[name]
        inputs |= {source: None for source in step.sources if source not in order}
        sources = tuple(last[source] for source in step.sources)
        try:
            operations = operations_of(step, [found.shapes[source] for source in step.sources])
        except (NotPlacedError, KeyError):
            operations = [Function("exponential")]
        for operation in operations:
            last[name] = f"{len(nodes)}:{name}"
            nodes.append(Node(last[name], sources, operation))
            sources = (last[name],)
        if not operations:
            last[name] = sources[0]
    output = nodes[-1].name if nodes else next(iter(inputs), "")
    return HostGraph(tuple(inputs), tuple(nodes), output)


def chip_fit(
    lowering: Lowering,
    options: "CompileOptions",
    n_chips: int | None = None,
    info: "CheckpointInfo | None" = None,
) -> ChipFit:
    """Cores and chips that a network takes, and whether there are as many.

    Parameters
    ----------
    lowering : Lowering
    options : CompileOptions
        Of which code and levels count here.
    n_chips : int, optional
        Chips there are; as many as it takes without.
    info : CheckpointInfo, optional
        Of the checkpoint that it is of.

    Raises
    ------
    InputError
        If the network has not what the code needs.
    """
    from loihiseg.compilation.fit import neural_code, remedy_lines
    from loihiseg.compilation.levels import with_levels
    from loihiseg.compilation.mapping import partition_layers
    from partition.chips.cut import chips_needed
    from partition.core.errors import DoesNotFitError
    from partition.core.limits import CORES_PER_CHIP
    from partition.shapes.tiling import choose_block_shapes

    network = with_levels(lowering.network, options)
    code = neural_code(options, network, info)
    neurons = code.neurons(network)
    layers = partition_layers(neurons)
    try:
        tiling = choose_block_shapes(layers)
    except DoesNotFitError as error:
        remedies = tuple(f"would fit: {remedy}" for remedy in error.remedies)
        return ChipFit(
            code.name, neurons.n_chip_neurons, None, None, (), error.violations, remedies
        )
    needed = -(-tiling.n_cores // CORES_PER_CHIP)
    own = (code, neurons, tiling, needed)
    try:
        chips_needed(tiling.n_cores, n_chips or needed)
    except DoesNotFitError as error:
        return _fit(*own, (str(error),), tuple(remedy_lines(layers, n_chips or needed)))
    return _fit(*own)


def _fit(
    code: "NeuralCode",
    neurons: "LoweredNetwork",
    tiling: "Tiling",
    n_chips: int,
    violations: tuple[str, ...] = (),
    remedies: tuple[str, ...] = (),
) -> ChipFit:
    return ChipFit(
        code.name,
        neurons.n_chip_neurons,
        tiling.n_cores,
        n_chips,
        tiling.usage,
        violations,
        remedies,
    )
