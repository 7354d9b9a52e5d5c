"""A stand-in for NxSDK that nengo-loihi's hardware build can fill, register by register.

It knows each register that the build writes, refuses any other, and refuses indices and sizes that
a core has not. Every axon is written down as it is made. Identifiers of chips and cores differ from
their places in the lists, as on a real board, so that mixing the two up is seen.

`fake_chip.FakeChip` runs what was written.
"""

from collections import namedtuple
from types import SimpleNamespace

from nengo_loihi import simulator as nengo_loihi_simulator
from nengo_loihi.hardware import builder, interface

from tests.partition.fake_chip import FakeChip

Axon = namedtuple(
    "Axon", "kind population atom source_chip source_core source chip core synapse_map"
)
"""One axon: chips and cores by identifier, source compartment, entry of the synapse map."""

HostSpike = namedtuple("HostSpike", "time kind chip core synapse_map atom")

AXON_SLOTS = 4096
SLOTS = {0: 1, 16: 1, 32: 2}


def install(monkeypatch):
    """Let nengo-loihi take this module for NxSDK."""
    for name, value in {
        "NxsdkBoard": FakeBoard,
        "SpikeGen": SpikeGenerator,
        "TraceConfigGenerator": _NoLearning,
        "micro_gen": _NoLearning,
    }.items():
        monkeypatch.setattr(builder, name, value)
    for name, value in {
        "nxsdk": SimpleNamespace(__version__="1.0.0"),
        "assert_nxsdk": lambda: None,
        "SpikeProbe": SimpleNamespace(probeDict={}),
        "SnipPhase": SimpleNamespace(
            EMBEDDED_MGMT=0, EMBEDDED_PRELEARN_MGMT=1, HOST_CONCURRENT_EXECUTION=2
        ),
    }.items():
        monkeypatch.setattr(interface, name, value)
    monkeypatch.setattr(nengo_loihi_simulator, "HAS_NXSDK", True)


class _NoLearning:
    """Neither traces nor learning rules are known here."""

    def __init__(self, *_):
        raise NotImplementedError("learning")


class Record:
    """Fields of a register; no others can be set."""

    def __init__(self, *names, **parts):
        self.__dict__.update(parts, _names=names)

    def __setattr__(self, name, value):
        if name not in self._names:
            raise AttributeError(f"no register field {name}")
        self.__dict__[name] = value

    def configure(self, **values):
        for name, value in values.items():
            setattr(self, name, value)


class Table(dict):
    """Registers by index, made when first asked for."""

    def __init__(self, size, make):
        super().__init__()
        self.size, self.make = size, make

    def __missing__(self, index):
        if not 0 <= index < self.size:
            raise IndexError(f"register {index} of {self.size}")
        self[index] = self.make()
        return self[index]


def _records(size, *names):
    return Table(size, lambda: Record(*names))


def _synapse_map_entry():
    return Record(
        "synapsePtr", "synapseLen", "popSize",
        discreteMapEntry=Record("cxBase"),
        population16MapEntry=Record("cxBase", "atomBits"),
        population32MapEntry=Record("cxBase"),
    )  # fmt: skip


class FakeCore:
    """One core; sizes are those of Loihi 1 (Davies et al. 2018) and of nengo-loihi's builder."""

    def __init__(self, chip, identifier, n_synapses):
        self.parent, self.id = chip, identifier
        self.cxProfileCfg = _records(
            32, "decayV", "decayU", "refractDelay", "enableNoise", "bapAction"
        )
        self.vthProfileCfg = Table(8, lambda: SimpleNamespace(staticCfg=Record("vth")))
        self.synapseFmt = _records(
            16, "wgtLimitMant", "wgtLimitExp", "wgtExp", "discMaxWgt", "learningCfg", "tagBits",
            "dlyBits", "wgtBits", "reuseSynData", "numSynapses", "cIdxOffset", "cIdxMult",
            "skipBits", "idxBits", "synType", "fanoutType", "compression", "stdpProfile",
            "ignoreDly",
        )  # fmt: skip
        for name in ("stdpPreRandom", "stdpPostRandom", "somaRandom"):
            setattr(self, name, Record("random0", "random1", "random2"))
        self.synapseRepackRandom = Record("word")
        self.dendriteSharedCfg = Record(
            "posVmLimit", "negVmLimit", "noiseExp0", "noiseMantOffset0", "noiseAtDendOrVm"
        )
        self.dendriteAccumCfg = Record("delayBits")
        self.numUpdates = Record("numUpdates", "numStdp")
        self.dendriteTimeState = _records(1, "tepoch")
        self.timeState = _records(1, "tepoch")
        self.cxCfg = _records(1024, "bias", "biasExp", "vthProfile", "cxProfile")
        self.cxMetaState = _records(256, "phase0", "phase1", "phase2", "phase3")
        self.cxState = SimpleNamespace(core=self)
        self.synapses = _records(n_synapses, "CIdx", "Wgt", "synFmtId", "LrnEn")
        self.synapseMap = Table(4096, _synapse_map_entry)
        self.axons = []
        self._lists, self.n_slots = set(), 0

    def createDiscreteAxon(self, srcCxId, dstChipId, dstCoreId, dstSynMapId):
        self._add(0, None, 0, srcCxId, dstChipId, dstCoreId, dstSynMapId)

    def createPop16Axon(self, popId, srcCxId, srcRelCxId, dstChipId, dstCoreId, dstSynMapId):
        self._add(16, popId, srcRelCxId, srcCxId, dstChipId, dstCoreId, dstSynMapId)

    def createPop32Axon(self, popId, srcCxId, srcRelCxId, dstChipId, dstCoreId, dstSynMapId):
        self._add(32, popId, srcRelCxId, srcCxId, dstChipId, dstCoreId, dstSynMapId)

    def _add(self, kind, population, atom, source, chip, core, synapse_map):
        # Compartments of a population share the entries of its list.
        owner = ("compartment", source) if population is None else ("population", population)
        entry = (owner, chip, core, synapse_map)
        if entry not in self._lists:
            self._lists.add(entry)
            self.n_slots += SLOTS[kind]
        if self.n_slots > AXON_SLOTS:
            raise MemoryError(f"core {self.id}: more than {AXON_SLOTS} axon slots")
        if atom >= (32 if kind == 16 else 512):
            raise ValueError(f"core {self.id}: atom {atom} of a pop{kind} axon")
        self.axons.append(
            Axon(kind, population, int(atom), self.parent.id, self.id, int(source), chip, core,
                 int(synapse_map))
        )  # fmt: skip


class SpikeGenerator:
    """Spikes that the host sends."""

    def __init__(self, board):
        self.spikes = []

    def addSpike(self, time, chipId, coreId, axonId):
        self.spikes.append(HostSpike(time, 0, chipId, coreId, axonId, 0))

    def addPop16Spike(self, time, chipId, coreId, axonId, srcAtom, atomBits):
        self.spikes.append(HostSpike(time, 16, chipId, coreId, axonId, int(srcAtom)))

    def addPop32Spike(self, time, chipId, coreId, axonId, srcAtom):
        self.spikes.append(HostSpike(time, 32, chipId, coreId, axonId, int(srcAtom)))


class FakeBoard:
    """A board of fresh chips; `axons` lists what the build made, `run` runs it."""

    def __init__(self, board_id, n_chips, n_cores_per_chip, n_synapses_per_core):
        assert len(n_cores_per_chip) == len(n_synapses_per_core) == n_chips
        # NxSDK 0.8 fails on chips without cores, and no chip has more than 128.
        assert all(0 < n <= 128 for n in n_cores_per_chip), n_cores_per_chip
        self.n2Chips = []
        for index, sizes in enumerate(n_synapses_per_core):
            assert len(sizes) == n_cores_per_chip[index]
            chip = SimpleNamespace(parent=self, id=7 + 3 * index)
            chip.n2Cores = [FakeCore(chip, 4 + core, size) for core, size in enumerate(sizes)]
            chip.n2CoresAsList = chip.n2Cores
            self.n2Chips.append(chip)
        self.monitor = SimpleNamespace(probe=self._probe)
        self.probes, self.snips, self.channels = [], [], []
        self._running = None
        self.executor = SimpleNamespace(hasStarted=lambda: self._running is not None)

    @property
    def cores(self):
        """Every core."""
        return [core for chip in self.n2Chips for core in chip.n2Cores]

    @property
    def axons(self):
        """Every axon, as `Axon`."""
        return [axon for core in self.cores for axon in core.axons]

    def chip_index(self, identifier):
        """Place of a chip in the list."""
        (index,) = [i for i, chip in enumerate(self.n2Chips) if chip.id == identifier]
        return index

    def crossing(self):
        """Axons from one chip to another, counted by (source, destination) index of the chips."""
        counts = {}
        index = {chip.id: i for i, chip in enumerate(self.n2Chips)}
        for axon in self.axons:
            link = index[axon.source_chip], index[axon.chip]
            if link[0] != link[1]:
                counts[link] = counts.get(link, 0) + 1
        return counts

    def _probe(self, state, compartments, key):
        assert key in ("u", "v", "spike")
        probes = [
            SimpleNamespace(core=state.core, compartment=int(c), key=key, timeSeries=_Series())
            for c in compartments
        ]
        self.probes += probes
        return probes

    def createSnip(self, phase, **options):
        self.snips.append((phase, options))
        return SimpleNamespace()

    def createChannel(self, name, numElements, messageSize, slack):
        assert numElements > 0
        self.channels.append(name)
        return SimpleNamespace(connect=lambda sender, receiver: None)

    def start(self):
        self._running = FakeChip(self)

    def run(self, steps, aSync=False):
        assert not aSync
        self._running.run(steps)

    @property
    def running(self):
        """The `FakeChip` that runs."""
        return self._running

    def disconnect(self):
        self._running = None


class _Series:
    def __init__(self):
        self.data = []
