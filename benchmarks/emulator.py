"""nengo-loihi's emulator and the compiled one on the same models, in one process.

    python benchmarks/emulator.py                                   # generated networks
    python benchmarks/emulator.py --checkpoint PATH --data PATH     # a trained network on sections
    python benchmarks/emulator.py --quick                           # the smallest, in a minute

Both run the same steps of the same built model; spikes are compared as they run. Beside them stands
a limit of the machine: adding the same weights to the same compartments from two flat arrays, event
after event, with nothing to look up.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    # Python puts the script's folder first, where another file is called partition.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import argparse
import os
import platform
import resource
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numba
import numpy as np

from loihiseg.emulator import kernels
from loihiseg.emulator.program import GRID


def parse():
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", help="trained network to run instead of generated ones")
    parser.add_argument("--data", help="stack for it (default: synthetic sections)")
    parser.add_argument("--steps", type=int, default=200, help="steps of the compiled emulator")
    parser.add_argument(
        "--compared-steps", type=int, default=100,
        help="steps that both run; the second half, when activity has settled, is timed",
    )  # fmt: skip
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=[16, 36, 100, 360, 1000],
        help="thousands of compartments",
    )  # fmt: skip
    parser.add_argument(
        "--activity", type=float, nargs="+", default=[0.01, 0.05, 0.1, 0.2],
        help="share of compartments that spike per step",
    )  # fmt: skip
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 4, 16], help="images at a time")
    parser.add_argument("--nengo-dl", action="store_true", help="time NengoDL on the network too")
    parser.add_argument("--quick", action="store_true", help="16 and 36 thousand, 10 %% activity")
    options = parser.parse_args()
    if options.quick:
        options.sizes, options.activity, options.batch = [16, 36], [0.1], [1, 4]
    return options


def generated_model(n_thousand, seed=0):
    """Two layers of 8 channels joined by 3 x 3 convolutions each way; of about that size."""
    import nengo
    import nengo_loihi

    rng = np.random.default_rng(seed)
    side = max(16, round(np.sqrt(n_thousand * 1000 / 16) / 16) * 16)
    shape = (side, side, 8)
    with nengo.Network(seed=seed) as net:
        nengo_loihi.add_params(net)
        layers = []
        for _ in range(2):
            layer = nengo.Ensemble(
                side * side * 8, 1, neuron_type=nengo.SpikingRectifiedLinear(),
                gain=nengo.dists.Choice([1.0]), bias=np.zeros(side * side * 8),
            )  # fmt: skip
            net.config[layer].block_shape = nengo_loihi.BlockShape((8, 16, 8), shape)
            layers.append(layer)
        for pre, post in (layers, layers[::-1]):
            transform = nengo.Convolution(
                8, shape, kernel_size=(3, 3), padding="same",
                init=rng.normal(0, 0.02, (3, 3, 8, 8)),
            )  # fmt: skip
            nengo.Connection(pre.neurons, post.neurons, transform=transform, synapse=0.005)
    with quiet():
        with nengo_loihi.Simulator(net, target="sim", seed=seed) as simulator:
            return simulator.model


def drive(model, activity, seed=0):
    """Set biases so that about this share of the compartments spikes in a step."""
    rng = np.random.default_rng(seed)
    for block in model.blocks:
        # A neuron fires when its biases add up to its threshold: once in 1 / activity steps.
        period = np.maximum(1.0, rng.uniform(0.5, 1.5, block.n_neurons) / activity)
        block.compartment.bias[:] = (block.compartment.vth / period).astype(np.int32) + 1


@contextmanager
def quiet():
    """Keep back the warnings of builds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@numba.njit(nogil=True)
def gather_add(targets, values, current_in):
    """The limit: one addition per event from flat arrays."""
    for event in range(len(targets)):
        current_in[targets[event]] += values[event]


def flat_events(program, spikes):
    """Target and weight of every synaptic event of the spiking compartments."""
    targets, values = [], []
    for source in spikes:
        for entry in range(program.entry_start[source], program.entry_start[source + 1]):
            base, row = program.entries[entry]
            for run in range(program.row_start[row], program.row_start[row + 1]):
                offset, first, length = program.runs[run]
                start = base + offset
                targets.append(np.arange(start, start + length, dtype=np.int32))
                values.append(program.weights[first : first + length])
    if not targets:
        return np.zeros(0, np.int32), np.zeros(0, np.int16)
    return np.concatenate(targets), np.concatenate(values)


def time_scatter(program, spikes, repeats=20):
    """Events per second of the scatter kernel and of the limit, on the spikes of one step."""
    spikes = np.ascontiguousarray(spikes, np.int32)
    current = np.zeros(program.n_compartments, np.int32)
    touched = np.zeros(-(-program.n_compartments // GRID), np.uint8)
    targets, values = flat_events(program, spikes)
    best = [np.inf, np.inf]
    for _ in range(repeats):
        start = time.perf_counter()
        _, events = kernels.scatter(
            spikes, len(spikes), program.entry_start, program.entries,
            program.row_start, program.runs, program.weights,
            current, touched,
        )  # fmt: skip
        best[0] = min(best[0], time.perf_counter() - start)
        start = time.perf_counter()
        gather_add(targets, values, current)
        best[1] = min(best[1], time.perf_counter() - start)
    return events / best[0], events / best[1]


def compare(model, feed, n_steps):
    """Time both emulators on the same model and check that their spikes are equal.

    ``feed(emulator, step)`` gives a step's spikes from the host. Returns milliseconds per step of
    both, and the compartments that spiked in the last compared step.
    """
    from nengo_loihi.emulator import EmulatorInterface

    from loihiseg.emulator.simulator import CompiledEmulator

    seconds, spikes = [], []
    with quiet():
        # One after the other: side by side, each would find its state pushed out of the cache.
        for kind in (EmulatorInterface, CompiledEmulator):
            emulator = kind(model, seed=0)
            times, packed = [], []
            for step in range(n_steps):
                feed(model, step)
                start = time.perf_counter()
                emulator.step()
                times.append(time.perf_counter() - start)
                packed.append(np.packbits(emulator.compartment.spiked))
            seconds.append(times)
            spikes.append(packed)
    for step, (theirs, ours) in enumerate(zip(*spikes)):
        if not np.array_equal(theirs, ours):
            sys.exit(f"spikes differ at step {step + 1}")
    fired = np.flatnonzero(emulator.compartment.spiked)
    # The first steps have no spikes yet, and compile.
    settled = slice(n_steps // 2, None)
    return [1e3 * float(np.median(s[settled])) for s in seconds], fired


def time_batch(program, n_steps, batch, inputs=None):
    """Seconds for a batch of images of so many steps each, on all cores."""
    from loihiseg.emulator.blockwise import block_order
    from loihiseg.emulator.presentation import present

    starts, spikes = inputs or (np.zeros(n_steps + 1, np.int64), np.zeros(0, np.int32))
    order = block_order(program)
    n_cores = len(os.sched_getaffinity(0))

    with ThreadPoolExecutor(n_cores) as pool:

        def one(_, pool=None):
            counts = present(program, order, starts, spikes, n_steps, pool, n_cores)
            return counts.synaptic_events_per_step.sum()

        one(0)
        start = time.perf_counter()
        # As the presenter does it: a single image is shared among the cores.
        events = [one(0, pool)] if batch == 1 else list(pool.map(one, range(batch)))
        seconds = time.perf_counter() - start
    return seconds, sum(events)


def report(name, model, options, feed=lambda model, step: None, inputs=None):
    """Measure one model and print its rows."""
    from loihiseg.emulator.program import compile_model

    start = time.perf_counter()
    program = compile_model(model)
    compiled_s = time.perf_counter() - start
    (stock, ours), fired = compare(model, feed, options.compared_steps)
    kernel, limit = time_scatter(program, fired) if len(fired) else (0.0, 1.0)
    for batch in options.batch:
        seconds, events = time_batch(program, options.steps, batch, inputs)
        per_step = 1e3 * seconds / options.steps / batch
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"| {name} | {program.n_compartments:,} | {len(fired) / program.n_compartments:.1%} "
            f"| {batch} | {stock:.1f} | {ours:.2f} | {stock / ours:.0f}x | {per_step:.2f} "
            f"| {stock / per_step:.0f}x | {batch / seconds:.2f} | {events / seconds / 1e6:.0f} "
            f"| {kernel / 1e6:.0f} | {limit / 1e6:.0f} | {kernel / limit:.0%} "
            f"| {program.n_bytes / 1e6:.1f} | {compiled_s:.1f} | {peak:,.0f} |",
            flush=True,
        )


def trained(options):
    """Measure a checkpoint on the first tile of its test sections."""
    from loihiseg.compilation.mapping import apply_block_shapes, partition_layers
    from loihiseg.compilation.source import load_network
    from loihiseg.conversion.converter import convert
    from loihiseg.conversion.lowering import lower
    from loihiseg.data.readers import read_stack
    from loihiseg.data.synthetic import synthetic_stack
    from loihiseg.data.tiles import spread_tiles
    from loihiseg.emulator.presenter import CompiledPresenter
    from loihiseg.emulator.reference import Presenter
    from partition.shapes.tiling import choose_block_shapes

    source = load_network(options.checkpoint)
    network = lower(source.model).network
    converted = convert(network)
    tiling = choose_block_shapes(partition_layers(network))
    apply_block_shapes(converted, network, tiling.shapes)
    stack = read_stack(options.data) if options.data else synthetic_stack()
    tile = spread_tiles(stack.select(range(20, 24)), source.tile, 1).pixels[0]
    (node,) = converted.inputs.values()
    shapes = {layer.name: layer.shape for layer in network.layers}
    with Presenter(converted.net, node, converted.ensembles, shapes) as presenter:
        runner = CompiledPresenter(presenter.deployable, network)
        host = runner._host.spikes(tile, options.steps)
        inputs = runner._input_spikes(host, options.steps)

        def feed(model, step):
            for spike_input, name in zip(model.inputs, runner.deployable.input_sources):
                spike_input.spikes.clear()
                if step:
                    fired = np.flatnonzero(host.fired[name][step - 1])
                    spike_input.add_spikes(step, fired)

        name = os.path.basename(os.path.normpath(options.checkpoint))
        report(name, presenter.model, options, feed, inputs)
        runner.close()
    if options.nengo_dl:
        time_nengo_dl(network, tile)


def time_nengo_dl(network, tile, n_steps=20):
    """Milliseconds per step of NengoDL's spiking simulation of the same network on the CPU."""
    from loihiseg.frameworks import nengo_dl

    import nengo

    from loihiseg.conversion.converter import convert

    converted = convert(network)
    (node,) = converted.inputs.values()
    with converted.net:
        nengo.Probe(converted.ensembles[network.outputs[0]].neurons)
    pixels = np.tile(tile.reshape(1, 1, -1), (1, n_steps, 1))
    with quiet(), nengo_dl.Simulator(converted.net, progress_bar=False) as simulator:
        simulator.predict({node: pixels}, verbose=0)
        start = time.perf_counter()
        simulator.predict({node: pixels}, verbose=0)
        milliseconds = 1e3 * (time.perf_counter() - start) / n_steps
        print(f"\nNengoDL, spiking, float: {milliseconds:.1f} ms/step")


HEADER = (
    "network", "compartments", "spiking", "batch", "nengo-loihi ms/step", "ours ms/step", "ratio",
    "ours batch ms/step", "ratio batch", "images/s", "M events/s", "scatter M events/s",
    "limit M events/s", "of limit", "program MB", "compile s", "peak MB",
)  # fmt: skip


def main():
    """Measure and print a Markdown table."""
    options = parse()
    import loihiseg.frameworks  # noqa: F401

    print(f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, Python "
          f"{platform.python_version()}, numba {numba.__version__}; {options.steps} steps; step "
          "columns are single-threaded, batch ones use all cores\n")  # fmt: skip
    print("| " + " | ".join(HEADER) + " |")
    print("|" + "---|" * len(HEADER))
    if options.checkpoint:
        trained(options)
        return
    for size in options.sizes:
        model = generated_model(size)
        for activity in options.activity:
            drive(model, activity)
            report("generated", model, options)


if __name__ == "__main__":
    main()
