"""Which difference from the network in floats says what map is better, without labels.

    python benchmarks/training_free_rank.py --data ISBI2012 --levels 3

Levels are cut off at random quantiles, one for each resolution. Of each network the differences on
24 tiles of training sections are held against its membrane IoU on tiles of the validation sections:
rank correlation, and the IoU of the network that each difference would choose.
"""

import argparse
import sys
from pathlib import Path

if __name__ == "__main__":
    # Python puts the script's folder first, where its modules would be found under other names.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import numpy as np

NETWORK = Path(__file__).resolve().parent / "networks/textbook/network.h5"
TILES, VALIDATION_TILES = 48, 64
SEED = 5
SPREAD = 0.3
"""Of resolutions around what they have in common, in ``-log10(1 - quantile)``."""


def measured(network: str, data: str, levels: int, tries: int) -> np.ndarray:
    """(tries, 4): 1 - IoU to floats, squared distance of logits, divergence; IoU to the truth."""
    from benchmarks.training_free_search import _of
    from loihiseg.compilation.levels import of_quantiles
    from loihiseg.compilation.scales import by_resolution
    from loihiseg.compilation.source import load_network
    from loihiseg.conversion.forward import forward
    from loihiseg.conversion.lowering import lower
    from loihiseg.data.readers import read_stack
    from loihiseg.data.splits import z_block_split
    from loihiseg.data.tiles import predict_sections, spread_tiles
    from loihiseg.evaluation.scoring import chosen_threshold
    from loihiseg.metrics.pixels import pixel_scores
    from loihiseg.network.logits import membrane

    stack, trained = read_stack(data), load_network(network)
    split = z_block_split(stack.n_sections)
    validation = stack.select(split.validation)
    lowering = lower(trained.model, levels_follow=True)
    floats, readout = lowering.network, lowering.graph
    threshold = trained.threshold
    if threshold is None:
        maps = predict_sections(_of(floats, readout), validation.images, trained.tile)
        threshold = chosen_threshold(validation.membrane, maps, None)
    tiles = spread_tiles(stack.select(split.train), trained.tile, TILES).pixels
    fit, held = tiles[::2], tiles[1::2]
    judged = spread_tiles(validation, trained.tile, VALIDATION_TILES)
    values = forward(floats, fit, staircase=False)
    wanted = _of(floats, readout)(held)[..., 0].astype(np.float64)
    rng, found = np.random.default_rng(SEED), []
    for _ in range(tries):
        base, shares = rng.uniform(1.2, 2.6), {}
        for names in by_resolution(floats).values():
            number = np.clip(base + rng.normal(0, SPREAD), 1, 4)
            shares |= dict.fromkeys(names, 1 - 10**-number)
        network_of_levels = of_quantiles(floats, dict.fromkeys(shares, levels), shares, values)
        predict = _of(network_of_levels, readout)
        ours = predict(held)[..., 0]
        maps = [membrane(one, threshold) for one in (wanted, ours)]
        cross = np.logaddexp(0, ours) - ours / (1 + np.exp(-wanted))
        called = membrane(predict(judged.pixels)[..., 0], threshold)
        iou = pixel_scores(judged.membrane, called).membrane_iou
        apart = 1 - pixel_scores(*maps).membrane_iou
        found.append((apart, np.square(ours - wanted).mean(), cross.mean(), iou))
        print(*(f"{one:.4f}" for one in found[-1]), file=sys.stderr, flush=True)
    return np.array(found)


def main() -> None:
    """Measure, and print a row of Markdown for each difference."""
    from scipy.stats import spearmanr

    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", required=True, metavar="PATH")
    parser.add_argument("--network", default=str(NETWORK), metavar="PATH")
    parser.add_argument("--levels", type=int, default=3)
    parser.add_argument("--tries", type=int, default=16)
    options = parser.parse_args()
    found = measured(options.network, options.data, options.levels, options.tries)
    names = ("1 - IoU of both maps", "squared distance of logits", "cross-entropy")
    print(f"best of {options.tries}: {found[:, -1].max():.4f}")
    for place, name in enumerate(names):
        rank = spearmanr(-found[:, place], found[:, -1])[0]
        chosen = found[found[:, place].argmin(), -1]
        print(f"| {name} | {rank:.2f} | {chosen:.4f} |")


if __name__ == "__main__":
    main()
