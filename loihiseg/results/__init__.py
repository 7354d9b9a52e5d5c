"""What a run came to, as plain values: everything that ``metrics.json`` holds.

The types stand below every other room and import nothing of ours but the errors. What reads or
shows results (tables, pages, pictures, benchmarks, notebooks) reads these:

- `run`: a deployment as a whole, `Results`;
- `scores`: of one network on some pixels, `ScoreRow`;
- `topology`: which cells of sections were joined and cut, by a threshold chosen for that;
- `task`: what a network is for, `Task`; `classes`: what one called that tells classes apart;
- `layers`: sizes, firing rates and errors, layer by layer;
- `mapping`: blocks, chips, cores and messages between them;
- `work`: what was counted on the chip, and energies estimated from it;
- `timing`: how long steps, tiles and sections would take;
- `simulation`: a network simulated without a chip;
- `reading`: bytes of ``metrics.json`` to values, `decode_results`, and back, `plain`.

`loihiseg.report.run_folder.load_results` opens a folder.
"""

from loihiseg.results.classes import ClassResults, ClassRow, ClassScores
from loihiseg.results.layers import (
    BlockUsage,
    EarlyFirings,
    HostLayer,
    LayerPrecision,
    LayerRates,
    LayerResults,
    LayerWork,
    PooledRates,
    QuantizedLayer,
)
from loihiseg.results.mapping import AllocatorRow, MappingResults
from loihiseg.results.reading import decode_results, decode_simulation, plain
from loihiseg.results.run import FORMAT, Code, DataSource, NetworkSource, Readout, Results
from loihiseg.results.scores import ChallengeScores, Network, PixelScores, ScoreRow
from loihiseg.results.simulation import (
    SimulatedRun,
    SimulatedWork,
    SimulationResults,
    TriedQuantiles,
    TunedLayer,
)
from loihiseg.results.task import Task
from loihiseg.results.timing import InjectedSpikes, Latency, StepPart, StepTimes
from loihiseg.results.topology import (
    ChosenThreshold,
    Interval,
    MapTopology,
    SectionTopology,
    Topology,
)
from loihiseg.results.work import (
    ActivityCounts,
    EarlyExit,
    EnergyEstimate,
    InterChipPoint,
    SectionWork,
    SpikeDigests,
    StepScore,
)

__all__ = [
    "FORMAT",
    "ActivityCounts",
    "AllocatorRow",
    "BlockUsage",
    "ChallengeScores",
    "ChosenThreshold",
    "ClassResults",
    "ClassRow",
    "ClassScores",
    "Code",
    "DataSource",
    "EarlyExit",
    "EarlyFirings",
    "EnergyEstimate",
    "HostLayer",
    "InjectedSpikes",
    "InterChipPoint",
    "Interval",
    "Latency",
    "LayerPrecision",
    "LayerRates",
    "LayerResults",
    "LayerWork",
    "MapTopology",
    "MappingResults",
    "Network",
    "NetworkSource",
    "PixelScores",
    "PooledRates",
    "QuantizedLayer",
    "Readout",
    "Results",
    "ScoreRow",
    "SectionTopology",
    "SectionWork",
    "SimulatedRun",
    "SimulatedWork",
    "SimulationResults",
    "SpikeDigests",
    "StepPart",
    "StepScore",
    "StepTimes",
    "Task",
    "Topology",
    "TriedQuantiles",
    "TunedLayer",
    "decode_results",
    "decode_simulation",
    "plain",
]
