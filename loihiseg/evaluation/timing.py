"""How long a deployment would take on chips: a few tiles, followed step by step."""

from collections.abc import Callable

import numpy as np

from loihiseg.compilation.deployed import DeployedNetwork
from loihiseg.emulator.step_loads import StepLoads
from loihiseg.metrics.step_time import (
    LOIHI_STEP,
    MODEL_LABEL,
    Presented,
    StepWork,
    injected_spikes,
    latencies,
    step_durations,
    step_parts,
)
from loihiseg.results.timing import StepTimes
from loihiseg.running.runners import compiled_presenter
from partition.places.step_links import step_links

MOST_TILES = 2
"""Tiles that are followed step by step."""


def step_times(
    deployed: DeployedNetwork,
    pixels: np.ndarray,
    energy_uj: float,
    per_section: float | None,
) -> StepTimes | None:
    """Estimate times from some of the tiles.

    Parameters
    ----------
    deployed : DeployedNetwork
    pixels : numpy.ndarray
        (n, tile, tile) normalized; those that are looked at are spread over them.
    energy_uj : float
        Of a presentation, on Loihi.
    per_section : float or None
        Presentations of a section.

    Returns
    -------
    StepTimes or None
        None if blocks hear echoes of themselves: such programs are not followed.
    """
    n_steps = deployed.code.n_steps
    chosen = np.unique(np.linspace(0, len(pixels) - 1, MOST_TILES).astype(int))
    loads: list[StepLoads] = []
    with compiled_presenter(deployed) as presenter:
        for number in chosen:
            found = presenter.step_loads(pixels[number], n_steps)
            if found is None:
                return None
            loads.append(found)
    work = [step_work(deployed, one) for one in loads]
    clocks = clock_layers(deployed)
    interval = deployed.code.steps_between_images(deployed.network)
    presented = Presented(n_steps, interval, energy_uj, per_section, deployed.n_chips_used)
    return StepTimes(
        n_tiles=len(work),
        interval_steps=interval,
        pixels=injected_spikes([_sent(one, lambda name: name not in clocks) for one in loads]),
        clocks=injected_spikes([_sent(one, lambda name: name in clocks) for one in loads]),
        injected=injected_spikes([one.injected for one in work]),
        parts=step_parts([step_durations(one) for one in work]),
        latencies=latencies(work, presented),
        label=MODEL_LABEL,
        source=LOIHI_STEP.source,
    )


def step_work(deployed: DeployedNetwork, loads: StepLoads) -> StepWork:
    """Work of a presentation on the cores where its blocks lie."""
    places = deployed.places
    links = step_links(loads.pairs, loads.messages, places.chip_of_block, places.core_of_block)
    return StepWork(
        synaptic_events=loads.synaptic_events,
        neurons=np.diff(deployed.deployable.program.block_start),
        mesh=links.mesh,
        board=links.board,
        injected=_sent(loads, lambda name: True),
    )


def clock_layers(deployed: DeployedNetwork) -> frozenset[str]:
    """Layers on the host that are clocks."""
    layers = deployed.neurons.layers
    return frozenset(term.source for layer in layers for term in layer.terms if term.clock)


def _sent(loads: StepLoads, chosen: Callable[[str], bool]) -> np.ndarray:
    """int64, (n_steps,): messages of some layers on the host."""
    found = np.zeros(len(loads.synaptic_events), np.int64)
    for name, sent in loads.injected.items():
        if chosen(name):
            found += sent
    return found
