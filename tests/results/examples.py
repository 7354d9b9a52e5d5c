"""Results that several tests share: two sections, each of four tiles."""

from dataclasses import replace

from loihiseg.results import (
    ActivityCounts,
    AllocatorRow,
    BlockUsage,
    ChallengeScores,
    Code,
    DataSource,
    EarlyExit,
    EnergyEstimate,
    InjectedSpikes,
    InterChipPoint,
    Latency,
    LayerRates,
    LayerResults,
    MappingResults,
    Network,
    NetworkSource,
    PixelScores,
    PooledRates,
    QuantizedLayer,
    Readout,
    Results,
    ScoreRow,
    SimulatedWork,
    SimulationResults,
    SpikeDigests,
    StepPart,
    StepTimes,
    TunedLayer,
)

DATA = DataSource("somewhere", "0123456789abcdef" * 4, "labels")


def score_row(network, accuracy=0.92, iou=0.66, whole_sections=True, name=None) -> ScoreRow:
    """Scores that follow from a membrane IoU."""

    def challenge(v_rand, v_info):
        curve = (0.1, v_rand)
        return ChallengeScores(v_rand, v_info, 0.9, 0.9, (0.0, 0.9), curve, curve, 2)

    return ScoreRow(
        network,
        whole_sections,
        name or network.title,
        "whole sections" if whole_sections else "8 tiles",
        PixelScores(accuracy, 0.8, iou, 0.8, 0.8, 0.8, 4096),
        challenge(iou + 0.3, iou + 0.31),
    )


def energy(device="loihi", total=4000.0) -> EnergyEstimate:
    """An estimate."""
    return EnergyEstimate(device, total, total / 2, total / 2, None, None, "estimate", "a page")


def example(
    accuracy=(0.92, 0.91), iou=(0.66, 0.65), spikes=8e6, n_images=8, n_sections=2
) -> Results:
    """Results of whole sections."""
    rates = LayerRates(
        "a_spikes", 99.5, 64, 20.0, 90.0, 0.9, 0.96, 0.1, 50.0, 200.0, (3, 1), (0.0, 10.0)
    )
    usage = BlockUsage(2, 32, 4, 8, 1024, 12.5)
    return Results(
        versions={"numpy": "1.26.4"},
        data=DATA,
        network=NetworkSource("somewhere", 64),
        code=Code("rate", 200, 80, True, "held", (0, 0), (0,)),
        agreement=0.97,
        threshold=0.5,
        readout=Readout(1.1, 0.1, 4),
        tiles=tuple((20 + i * n_sections // n_images, i, 0) for i in range(n_images)),
        whole_sections=True,
        scored_note="Whole sections.",
        score_rows=(
            score_row(Network.TRAINED, accuracy[0], iou[0]),
            score_row(Network.EIGHT_BIT, accuracy[0], iou[0]),
            score_row(Network.EMULATED, accuracy[1], iou[1]),
        ),
        layers=(LayerResults("a_spikes", 64, 2, (4, 4, 2), usage, rates, 0.02, 0.1),),
        rates=PooledRates(0.96, 0.1, 20.0),
        quantization=(
            QuantizedLayer("a_spikes", 1, 0.3, 0.4, -1, 0, 0, 0.01, 41.5, 0.01, 1e-4, 0.02),
        ),
        mapping=MappingResults(
            239616, 2, 2, 2, 72.5, 70.0, 65.0, 5 / 70, False, (0, 1), (3, 5), ((0, 1, 70.0),),
            2.5, 1.5,
            (
                AllocatorRow("Greedy", 140.0, 140.0, 2.5, False),
                AllocatorRow("partition", 70.0, 70.0, 1.5, True),
            ),
        ),
        activity=ActivityCounts(400e6, 40e6, spikes, 16e6, 1e5, 200 * n_images, n_images, 5e6),
        early_exit=None,
        energy=(energy(), energy("cpu", 9000.0), energy("gpu", 300.0)),
        inter_chip_energy=(
            InterChipPoint(10.0, 40.0, 1.0, "swept"), InterChipPoint(1000.0, 4000.0, 100.0, "swept")
        ),
        seconds={"load": 1.0},
        spikes_sha256=SpikeDigests("0" * 64, "f" * 64),
        peak_memory_mb=2000.0,
    )  # fmt: skip


def with_levels(results: Results) -> Results:
    """The same, of a network of levels."""
    code = Code("thermometer", 10, 1, False, "clocked", (3, 2), (2,))
    return replace(results, code=code, agreement=0.999)


def timed(results: Results, interval: int | None = 150) -> Results:
    """The same, followed step by step, beside accelerators."""
    overlapped = (7.5, 3.25) if interval else (None, None)
    found = StepTimes(
        2, interval,
        InjectedSpikes(30000.0, 150.0, 220), InjectedSpikes(10000.0, 50.0, 4000),
        InjectedSpikes(40000.0, 200.0, 4100),
        (StepPart("busiest core", 40.0, 90.0, 0.75), StepPart("injection", 12.5, 60.0, 0.25)),
        (Latency("by counts", 50.0, 10.0, overlapped[0], 4.5, overlapped[1], 40.0, 2080.0),),
        "estimate", "a page",
    )  # fmt: skip
    return replace(results, step_times=found, accelerators=(energy("accelerator", 20.0),))


def stopped(results: Results) -> Results:
    """The same, presentations ended early."""
    activity = replace(results.activity, inter_chip_messages=None)
    name = "the same, stopped after 8.0 steps"
    row = replace(results.score_rows[-1], network=Network.STOPPED, name=name)
    found = EarlyExit(5, 3, 8.0, 0.004, activity, energy(total=1000.0))
    return replace(results, early_exit=found, score_rows=(*results.score_rows, row))


def simulation(steps=3, iou=(0.66, 0.65, 0.641, 0.60, 0.645, 0.62)) -> SimulationResults:
    """Results of a simulation; IoU of float, quantized, signed, unsigned, and both tuned."""
    networks = (
        Network.TRAINED, Network.QUANTIZED, Network.SIGNED, Network.UNSIGNED,
        Network.SIGNED_TUNED, Network.UNSIGNED_TUNED,
    )  # fmt: skip
    layers = tuple(
        TunedLayer(name, 0.2, 0.1, 0.5, 0.6, kept) for name, kept in (("a", True), ("b", False))
    )
    return SimulationResults(
        score_rows=tuple(score_row(network, iou=value) for network, value in zip(networks, iou)),
        steps=steps,
        tile=64,
        levels=(3, 3),
        sections=(20, 21),
        n_neurons=64,
        spiking={network: SimulatedWork(3e6, 50e6, 4.0) for network in networks[2:]},
        tuning={network: layers for network in networks[2:4]},
        data=DATA,
        seconds={"networks": 1.0},
        peak_memory_mb=2000.0,
    )
