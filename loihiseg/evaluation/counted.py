"""What is alike in the results of every task: a network in numbers, and what was counted of it."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from loihiseg.compilation.deployed import DeployedNetwork
from loihiseg.compilation.mapping import Mapping
from loihiseg.conversion.host_work import host_layers
from loihiseg.conversion.precision import QuantizedNetwork
from loihiseg.evaluation.emulation import Emulation
from loihiseg.evaluation.scoring import layer_results, pooled_rates, shown_activations
from loihiseg.metrics.energy import (
    ACCELERATORS,
    CPU,
    GPU,
    LOIHI,
    estimate_energy,
    inter_chip_sweep,
)
from loihiseg.progress import Reporter
from loihiseg.provenance import peak_memory_mb, versions
from loihiseg.results import (
    ActivityCounts,
    Code,
    EarlyFirings,
    LayerRates,
    LayerResults,
    NetworkSource,
    QuantizedLayer,
)
from partition.display.messages import handed_on, how_many


@dataclass(frozen=True, eq=False)
class Counted:
    """A network, and what was counted of it on the chip or its emulator.

    Attributes
    ----------
    deployed : DeployedNetwork
    quantized : QuantizedNetwork
    found : Emulation
    rates : tuple of LayerRates
        Of the float network.
    mapping : Mapping
    between_chips : float
        Messages per step.
    activity : ActivityCounts
    """

    deployed: DeployedNetwork
    quantized: QuantizedNetwork
    found: Emulation
    rates: tuple[LayerRates, ...]
    mapping: Mapping
    between_chips: float
    activity: ActivityCounts


def common_fields(counted: Counted, reporter: Reporter) -> dict[str, Any]:
    """Fields of `Results` that are alike for every task: what was made, and what was counted.

    Parameters
    ----------
    counted : Counted
    reporter : Reporter
        Knows the seconds of every step.
    """
    deployed, found = counted.deployed, counted.found
    activity = counted.activity
    layers = _layers(deployed, counted.rates, found)
    n_neurons, n_chips = deployed.neurons.n_chip_neurons, deployed.places.n_chips
    return {
        "versions": versions(),
        "network": NetworkSource(
            handed_on(deployed.provenance.source),
            deployed.tile,
            deployed.task.neighbours,
            deployed.label_offset_px,
        ),
        "code": _code(deployed),
        "threshold": deployed.threshold,
        "readout": deployed.line,
        "layers": layers,
        "rates": pooled_rates(layers),
        "quantization": _quantization(deployed, counted.quantized, found),
        "mapping": counted.mapping.results(n_neurons, n_chips, counted.between_chips),
        "activity": activity,
        "energy": tuple(estimate_energy(activity, device) for device in (LOIHI, CPU, GPU)),
        "inter_chip_energy": inter_chip_sweep(activity),
        "seconds": dict(reporter.seconds),
        "code_rows": (*deployed.code.rows(deployed.network), *_early_rows(deployed, found)),
        "early_firings": early_firings(found),
        "peak_memory_mb": peak_memory_mb(),
        "accelerators": tuple(estimate_energy(activity, device) for device in ACCELERATORS),
        "host_layers": host_layers(deployed.network, deployed.readout),
    }


def early_firings(found: Emulation) -> tuple[EarlyFirings, ...]:
    """Layers that fired before all of their input was there."""
    return tuple(
        EarlyFirings(name, sum(spikes), len(spikes)) for name, spikes in (found.early or {}).items()
    )


def _early_rows(deployed: DeployedNetwork, found: Emulation) -> tuple[tuple[str, str], ...]:
    """That early firings were looked for, where there could be any, and how many there are."""
    if found.early is None or not deployed.code.windows(deployed.network):
        return ()
    n_spikes = sum(one.spikes for one in early_firings(found))
    return (("fired before all input was there", how_many(n_spikes, "spike")),)


def _layers(
    deployed: DeployedNetwork, rates: Iterable[LayerRates], found: Emulation
) -> tuple[LayerResults, ...]:
    return layer_results(
        deployed,
        rates,
        found.mean_hz,
        found.quantized_errors.relative(),
        found.spiking_errors.relative(),
        found.matches.shares() if found.matches else {},
        found.tally.work_by_layer(),
    )


def _quantization(
    deployed: DeployedNetwork, quantized: QuantizedNetwork, found: Emulation
) -> tuple[QuantizedLayer, ...]:
    errors, of_whom = found.quantized_errors.relative(), shown_activations(deployed)
    return tuple(
        QuantizedLayer(**asdict(row), quantized_error=errors[of_whom[row.layer]])
        for row in quantized.precision
    )


def _code(deployed: DeployedNetwork) -> Code:
    code, network = deployed.code, deployed.network
    return Code(
        name=code.name,
        steps=code.n_steps,
        window_steps=code.n_window_steps,
        held=code.held,
        input=code.input,
        levels=tuple(layer.levels for layer in network.layers),
        chip_levels=tuple(layer.levels for layer in deployed.neurons.chip_layers),
    )
