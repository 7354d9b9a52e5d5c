"""Runs what a hardware build has written into the registers of a `fake_nxsdk.FakeBoard`.

Integers as in nengo-loihi's emulator, but from the other end: that one walks a model's blocks and
synapses and never sees an allocation; this one knows chips, cores, synapse maps and axons alone.
Noise and learning are not known.
"""

import numpy as np
import scipy.sparse


class FakeChip:
    """State of all chips of a board, core after core.

    Attributes
    ----------
    spiked : (n_compartments,) bool array
    messages : dict of ((int, int), (int, int)) to int
        Messages so far from one (chip, core) to another, by identifiers.
    """

    def __init__(self, board):
        self.board = board
        self.t = 0
        self._first, sizes = {}, []
        for core in board.cores:
            self._first[core.parent.id, core.id] = sum(sizes)
            sizes.append(len(core.cxCfg))
        self.n = sum(sizes)
        self._read_compartments()
        self._rows = _Rows(board, self._first, self.n)
        self._read_axons()
        self.current, self.voltage, self.waiting = (np.zeros(self.n, np.int64) for _ in range(3))
        self.spiked = np.zeros(self.n, bool)
        self.messages = {}

    def _read_compartments(self):
        columns = {
            name: np.zeros(self.n, np.int64)
            for name in ("bias", "vth", "keep_u", "keep_v", "refract", "vmin", "vmax")
        }
        for core in self.board.cores:
            first = self._first[core.parent.id, core.id]
            shared = core.dendriteSharedCfg
            assert sorted(core.cxCfg) == list(range(len(core.cxCfg)))
            # Every group of four compartments that is in use is updated.
            assert core.numUpdates.numUpdates == -(-len(core.cxCfg) // 4)
            for index, config in core.cxCfg.items():
                profile = core.cxProfileCfg[config.cxProfile]
                assert not profile.enableNoise
                assert getattr(core.cxMetaState[index // 4], f"phase{index % 4}") == 2
                here = {
                    "bias": int(config.bias) << int(config.biasExp),
                    "vth": int(core.vthProfileCfg[config.vthProfile].staticCfg.vth) << 6,
                    # The chip adds 1 to the decay of the current.
                    "keep_u": 4096 - 1 - int(profile.decayU),
                    "keep_v": 4096 - int(profile.decayV),
                    "refract": int(profile.refractDelay),
                    "vmin": 1 - 2 ** int(shared.negVmLimit),
                    "vmax": 2 ** (9 + 2 * int(shared.posVmLimit)) - 1,
                }
                for name, value in here.items():
                    columns[name][first + index] = value
        self.__dict__.update(columns)

    def _read_axons(self):
        """One row of weights for each axon, and who sends it where."""
        axons = self.board.axons
        row = [self._rows.row(a.kind, (a.chip, a.core), a.synapse_map, a.atom) for a in axons]
        self._source = np.array(
            [self._first[a.source_chip, a.source_core] + a.source for a in axons], np.int64
        )
        self._row = np.array(row, np.int64)
        links = [((a.source_chip, a.source_core), (a.chip, a.core)) for a in axons]
        self._links = sorted(set(links))
        number = {link: i for i, link in enumerate(self._links)}
        self._link = np.array([number[link] for link in links], np.int64)

    def run(self, steps):
        """Advance by so many steps and fill the probes."""
        arriving = {}
        spikes = self.board.global_spike_generator.spikes
        for spike in spikes:
            # A spike of the host takes a step to arrive.
            arriving.setdefault(spike.time + 1, []).append(spike)
        spikes[:] = [s for s in spikes if s.time + 1 > self.t + steps]
        for _ in range(steps):
            self.t += 1
            self._step(arriving.get(self.t, []))
            self._probe()

    def _step(self, host_spikes):
        sent = self.spiked[self._source]
        for link, count in enumerate(np.bincount(self._link[sent], minlength=len(self._links))):
            if count:
                name = self._links[link]
                self.messages[name] = self.messages.get(name, 0) + int(count)
        rows = self._row[sent].tolist()
        rows += [self._rows.row(s.kind, (s.chip, s.core), s.synapse_map, s.atom)
                 for s in host_spikes]  # fmt: skip
        arrived = self._rows.add(rows)
        self.current = _decay(self.current, self.keep_u) + arrived
        self.voltage = _decay(self.voltage, self.keep_v) + self.current + self.bias
        self.voltage = np.clip(self.voltage, self.vmin, self.vmax)
        self.voltage[self.waiting > 0] = 0
        self.spiked = self.voltage > self.vth
        self.voltage[self.spiked] = 0
        self.waiting[self.spiked] = self.refract[self.spiked]
        self.waiting = np.maximum(self.waiting - 1, 0)

    def _probe(self):
        state = {"u": self.current, "v": self.voltage, "spike": self.spiked.astype(np.int64)}
        for probe in self.board.probes:
            place = self._first[probe.core.parent.id, probe.core.id] + probe.compartment
            probe.timeSeries.data.append(state[probe.key][place])


class _Rows:
    """Weights that a message delivers, read from synapse maps and memories."""

    def __init__(self, board, first, n_compartments):
        self._cores = {(core.parent.id, core.id): core for core in board.cores}
        self._first, self._n = first, n_compartments
        self._numbers, self._targets, self._weights = {}, [], []
        self._matrix = None

    def row(self, kind, place, entry, atom):
        """Number of the row that an axon to an entry of a core's synapse map delivers."""
        key = (place, entry, atom)
        if key not in self._numbers:
            self._numbers[key] = len(self._targets)
            self._read(kind, place, entry, atom)
            self._matrix = None
        return self._numbers[key]

    def _read(self, kind, place, entry, atom):
        core = self._cores[place]
        assert entry in core.synapseMap, f"core {place}: synapse map entry {entry} is not set"
        mapped = core.synapseMap[entry]
        assert kind == 0 or atom < mapped.popSize
        base = {
            0: lambda: mapped.discreteMapEntry.cxBase,
            16: lambda: 4 * mapped.population16MapEntry.cxBase,
            32: lambda: mapped.population32MapEntry.cxBase,
        }[kind]()
        start = mapped.synapsePtr + atom * mapped.synapseLen
        synapses = [core.synapses[i] for i in range(start, start + mapped.synapseLen)]
        targets = [int(base + synapse.CIdx) for synapse in synapses]
        assert all(target in core.cxCfg for target in targets)
        self._targets.append(self._first[place] + np.array(targets, np.int64))
        self._weights.append(
            np.array(
                [s.Wgt << (6 + core.synapseFmt[s.synFmtId].wgtExp) for s in synapses], np.int64
            )
        )

    def add(self, rows):
        """Sum of the rows, (n_compartments,) int64."""
        if self._matrix is None:
            lengths = [len(t) for t in self._targets]
            start = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
            flat = [np.concatenate([*parts, np.zeros(0, np.int64)])
                    for parts in (self._weights, self._targets)]  # fmt: skip
            shape = (len(lengths), self._n)
            self._matrix = scipy.sparse.csr_matrix((*flat, start), shape=shape, dtype=np.int64)
        uses = np.bincount(np.array(rows, np.int64), minlength=self._matrix.shape[0])
        return self._matrix.T @ uses


def _decay(x, keep):
    return np.sign(x) * ((np.abs(x) * keep) >> 12)
