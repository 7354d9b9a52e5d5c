"""Every spike of a golden network, in plain numpy; golden.md says what the arrays mean.

    python golden.py network.npz tile.npy [spikes.npz]

prints the spikes of every layer, and writes them by layer, bool (steps, neurons), to spikes.npz.
Written from the definition of the chip's step in nengo-loihi's emulator, for reading, not for
speed; it shares no code with what it judges.
"""

import json
import sys

import numpy as np

Arrays = dict[str, np.ndarray]


def host_spikes(golden: Arrays, number: int, pixels: np.ndarray) -> np.ndarray:
    """Spikes of a layer on the host, bool (steps, neurons)."""
    part = {k.split("/", 2)[2]: golden[k] for k in golden if k.startswith(f"host/{number}/")}
    rows, columns, channels = part["shape"]
    height, width, _ = pixels.shape
    current = np.zeros((rows, columns, channels))
    for k in range(part["n_kernels"]):
        kernel = part[f"kernel/{k}"].astype(np.float64)
        (up, left), (dy, dx), (sy, sx) = (part[f"{x}/{k}"] for x in ("lead", "spread", "stride"))
        size = up + dy * height + sy * rows, left + dx * width + sx * columns
        field = np.zeros((size[0] + len(kernel), size[1] + len(kernel[0]), pixels.shape[2]))
        field[up : up + dy * height : dy, left : left + dx * width : dx] = pixels
        for i, j in np.ndindex(kernel.shape[:2]):
            seen = field[i : i + sy * rows : sy, j : j + sx * columns : sx]
            current += seen @ kernel[i, j]
    for k in range(part.get("n_sparse", 0)):
        heard = pixels.ravel()[part[f"sparse_pixel/{k}"]] * part[f"sparse_weight/{k}"].astype(float)
        np.add.at(current.reshape(-1), part[f"sparse_neuron/{k}"], heard)
    current = (part["gain"] * current + part["bias"]).ravel()
    voltage = np.zeros_like(current)
    fired = np.zeros((len(part["schedule"]), len(current)), bool)
    for step, may_fire in enumerate(part["schedule"]):
        if part["binary"]:
            fired[step] = (current > 0) & may_fire
        else:  # steps of 1 ms, current in spikes per second
            voltage += current * 0.001
            fired[step] = voltage > 1
            voltage[fired[step] | (voltage < 0)] = 0
    return fired


def chip_spikes(golden: Arrays, inputs: list[np.ndarray]) -> np.ndarray:
    """Spikes of all compartments, bool (steps, compartments); inputs: of the chip's inputs."""
    axon_start, axons, row_start = (golden[k] for k in ("axon_start", "axons", "row_start"))
    offset, weight, bias, floor = (golden[k] for k in ("offset", "weight", "bias", "floor"))
    current, voltage, wait, nothing = np.zeros((4, len(bias)), np.int32)
    fired = np.zeros((int(golden["n_steps"]), len(bias)), bool)
    for step in range(len(fired)):
        arriving = nothing.copy()
        if step:  # what was sent in the step before
            sent = np.concatenate([x[step - 1] for x in (fired, *inputs)])
            for source in np.flatnonzero(sent):
                for base, row in axons[axon_start[source] : axon_start[source + 1]]:
                    synapses = slice(row_start[row], row_start[row + 1])
                    arriving[base + offset[synapses]] += weight[synapses]
        current = wrapped(decayed(current, golden["keep_current"]) + wrapped(arriving, 22), 24)
        voltage = decayed(voltage, golden["keep_voltage"]) + wrapped(current + bias, 24)
        voltage = np.clip(voltage, floor, golden["ceiling"])
        voltage[wait > 0] = 0
        fired[step] = voltage > golden["threshold"]
        voltage[fired[step]] = 0
        wait = np.where(fired[step], golden["refractory"], wait)
        wait = np.maximum(wait - 1, 0)
    return fired


def decayed(x: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """What a step leaves: keep of 4096, rounded towards zero."""
    return (np.sign(x) * (np.abs(x) * keep.astype(np.int64) // 4096)).astype(np.int32)


def wrapped(x: np.ndarray, bits: int) -> np.ndarray:
    """The lowest bits of an integer, the highest of them the sign, as a register keeps it."""
    half = 2 ** (bits - 1)
    return (x + half) % (2 * half) - half


def run(golden: Arrays, pixels: np.ndarray) -> Arrays:
    """Spikes by layer, bool (steps, neurons), while a tile of normalized pixels is shown."""
    if golden["format"] not in (1, 2):
        raise ValueError(f"golden network of format {golden['format']}; this reads 1 and 2")
    names = json.loads(golden["names"].tobytes())
    pixels = np.asarray(pixels, np.float64).reshape(golden["pixel_shape"])
    host = [host_spikes(golden, number, pixels) for number in range(len(names["host"]))]
    chip = chip_spikes(golden, [host[number] for number in golden["input_layer"]])
    compartments = [golden[f"chip/{n}/compartments"] for n in range(len(names["chip"]))]
    return dict(zip(names["host"] + names["chip"], host + [chip[:, c] for c in compartments]))


def main(network: str, tile: str, out: str | None = None) -> None:
    """Print spikes, and those of the window, by layer."""
    with np.load(network, allow_pickle=False) as file:
        golden = dict(file)
    spikes = run(golden, np.load(tile, allow_pickle=False))
    for name, fired in spikes.items():
        late = fired[-int(golden["n_window_steps"]) :].sum()
        print(f"{name}: {fired.sum()} spikes, {late} of them in the window")
    if out:
        np.savez_compressed(out, **spikes)


if __name__ == "__main__":
    main(*sys.argv[1:])
