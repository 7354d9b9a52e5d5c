"""Searched quantiles and corrections beside fixed quantiles, on validation and test sections."""

import time


def compared(
    network: str, levels: int, data: str, sections: str, seed: int, host_levels: int
) -> dict:
    """Membrane IoU in floats with levels, of each way to find what a level is worth.

    Values are found on tiles of training sections without labels. The best fixed quantile is that
    of the best IoU on the validation sections, which are labelled: more than the search knows.
    """
    from loihiseg.compilation.finding import FIXED, Finder
    from loihiseg.compilation.scales import own_names
    from loihiseg.compilation.source import load_network
    from loihiseg.conversion.lowering import lower
    from loihiseg.data.readers import read_stack
    from loihiseg.data.sections import parse_sections
    from loihiseg.data.splits import z_block_split
    from loihiseg.data.tiles import LEVEL_TILES, predict_sections, spread_tiles
    from loihiseg.errors import InputError
    from loihiseg.evaluation.scoring import chosen_threshold

    stack, trained = read_stack(data), load_network(network)
    split = z_block_split(stack.n_sections)
    parts = {
        "validation": stack.select(split.validation),
        "test": stack.select(parse_sections(sections, stack.n_sections)),
    }
    lowering = lower(trained.model, levels_follow=True)
    floats = {
        name: predict_sections(_of(lowering.network, lowering.graph), part.images, trained.tile)
        for name, part in parts.items()
    }
    threshold = trained.threshold
    if threshold is None:
        threshold = chosen_threshold(parts["validation"].membrane, floats["validation"], None)
    tiles = spread_tiles(stack.select(split.train), trained.tile, LEVEL_TILES).pixels
    finder = Finder(lowering.network, lowering.graph, trained.task, threshold, tiles)
    counts = dict.fromkeys(own_names(lowering.network), levels)
    counts[lowering.network.layers[0].name] = max(levels, host_levels)

    def row(found, seconds: float = 0.0) -> dict:
        predict = _of(found.network, found.readout)
        maps = {
            name: predict_sections(predict, part.images, trained.tile)
            for name, part in parts.items()
        }
        return _scores(maps, parts, threshold) | {
            "divergence": found.difference.divergence,
            "answers": found.difference.answers,
            "words": list(found.words),
            "seconds": seconds,
        }

    rows = {"floats": _scores(floats, parts, threshold)}
    for share in FIXED:
        try:
            rows[f"fixed {share:g}"] = row(finder.percentile(counts, share))
        except InputError:
            continue
    for name, made in (
        ("searched", lambda: finder.searched(counts, seed)),
        ("corrected", lambda: finder.corrected(counts)),
        ("corrected, searched", lambda: finder.corrected(counts, seed)),
    ):
        begun = time.perf_counter()
        found = made()
        rows[name] = row(found, time.perf_counter() - begun)
    return {"threshold": float(threshold), "ways": rows, "by_layer": by_layer(finder, counts)}


def by_layer(finder, counts: dict[str, int]) -> dict[str, float]:
    """1 - IoU to the map in floats where one layer alone has its levels, all others 15."""
    every = dict.fromkeys(counts, 15)
    found = {"none": finder.percentile(every).difference.answers}
    for name in counts:
        if counts[name] < every[name]:
            alone = every | {name: counts[name]}
            found[name] = finder.percentile(alone).difference.answers
    return found


def _of(network, readout):
    """From pixels to logits."""
    from loihiseg.conversion.forward import forward
    from loihiseg.conversion.logits import readout_logits

    def predict(pixels):
        found = forward(network, pixels, staircase=False)
        outputs = {name: found[name] for name in network.outputs}
        return readout_logits(readout, outputs, network.tile)[..., None]

    return predict


def _scores(maps, parts, threshold) -> dict:
    from loihiseg.metrics.pixels import pixel_scores
    from loihiseg.network.logits import membrane

    return {
        name: pixel_scores(part.membrane, membrane(maps[name], threshold)).membrane_iou
        for name, part in parts.items()
    }
