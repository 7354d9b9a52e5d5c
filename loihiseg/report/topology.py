"""Which cells the maps have joined and cut, as a table."""

from collections.abc import Iterable, Sequence

from loihiseg.report.tables import Table
from loihiseg.results import Interval, MapTopology, Results

ROWS = {
    "v_rand": ("V_Rand", ".3f"),
    "v_info": ("V_Info", ".3f"),
    "adapted_rand_error": ("adapted Rand error", ".3f"),
    "voi_split": ("variation of information, split, bits", ".3f"),
    "voi_merge": ("variation of information, merge, bits", ".3f"),
    "merges": ("cells joined to another", ".1f"),
    "splits": ("cuts within a cell", ".1f"),
    "merged_length_px": ("membrane missing between these, px", ".0f"),
    "split_length_px": ("lines too many, px", ".0f"),
    "membrane_iou": ("membrane IoU at this threshold", ".3f"),
    "cell_iou": ("cell IoU", ".3f"),
}
"""What is shown of a score: its name, and how its numbers are written."""


def topology_table(results: Results) -> Table | None:
    """Scores of cells with their intervals; None where they were not asked for."""
    found = results.topology
    if found is None:
        return None
    flooded, less = found.flooded, found.flooded_less_chip
    maps = [found.floats, found.chip, *([flooded] if flooded else [])]
    ends = [""] * (1 if flooded is None else 2)
    rows = [
        ("threshold, or depth, logits", *_beside(map(_threshold, maps), ends)),
        ("V_Rand of blocks left out", *_beside(map(_left_out, maps), ends)),
    ]
    for name, (title, form) in ROWS.items():
        apart = [found.chip_less_floats, *([less] if less else [])]
        means = [_said(one.means[name], form) for one in maps]
        differences = [_said(one[name], "+" + form) for one in apart]
        if name == "membrane_iou":
            # Lines of one pixel are not what the truth draws.
            means[2:], differences[1:] = ["-"] * len(means[2:]), ["-"] * len(differences[1:])
        rows.append((title, *_beside(means, differences)))
    n, chosen = len(found.sections), len(found.chosen_on)
    cells = found.floats.means["n_cells"].mean
    note = (
        f"Means of {n} section{'s' * (n != 1)} of {cells:.0f} cells, in brackets where they lie "
        "with 95 % confidence (bootstrap over sections, of differences paired). Thresholds are "
        f"those of the best mean V_Rand of {chosen} other sections, by tenths of a logit; by block "
        "left out they reach as far as is said. Errors, cuts and lengths are better the less."
    )
    titles = [found.floats.network.title, found.chip.network.title]
    header = ["", *titles, "difference"]
    if flooded is not None:
        note += (
            " Flooded: the chip's map from its minima of a depth that is chosen so too, in place "
            "of a threshold; lines between cells are one pixel wide, which cell IoU pays for."
        )
        header += ["the same, flooded", "flooded less threshold"]
        titles.append(header[-2])
    at_end = [title for title, one in zip(titles, maps) if one.threshold.is_at_end]
    warning = f"The grid of thresholds ends at that of: {', '.join(at_end)}." if at_end else ""
    return Table("Cells", tuple(header), tuple(rows), note, warning=warning)


def _beside(maps: Iterable[str], apart: Sequence[str]) -> tuple[str, ...]:
    """Cells of a row: floats, chip and their difference; then what is flooded, and its."""
    floats, chip, *flooded = maps
    found = [floats, chip, apart[0]]
    return (*found, *flooded, *apart[1:])


def _threshold(one: MapTopology) -> str:
    by_block = one.threshold.by_block
    return f"{one.threshold.logit:.1f} ({min(by_block):.1f} to {max(by_block):.1f})"


def _left_out(one: MapTopology) -> str:
    return f"{one.threshold.score:.3f}"


def _said(one: Interval, form: str) -> str:
    mean, low, high = (format(number, form) for number in (one.mean, one.low, one.high))
    return f"{mean} ({low} to {high})" if one.n > 1 else mean
