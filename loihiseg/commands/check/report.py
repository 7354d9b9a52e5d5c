"""What a check prints."""

from collections.abc import Sequence
from typing import Any

from loihiseg.compilation.checking import VERDICT_WORDS, ChipFit, LayerVerdict
from loihiseg.results.layers import HostLayer
from partition.display.messages import how_many, one_line

MOST_NAME = 60


def verdict_lines(
    rows: Sequence[LayerVerdict], refusals: Sequence[str], some_are_hidden: bool
) -> list[str]:
    """A table of what becomes of each layer, and everything that is refused.

    Parameters
    ----------
    rows : sequence of LayerVerdict
    refusals : sequence of str
    some_are_hidden : bool
        Whether hidden layers behind the chip are among what is refused.
    """
    cells = [("layer", "kind", "shape", "verdict")]
    for row in rows:
        shape = "?" if row.shape is None else " x ".join(map(str, row.shape))
        name = one_line(row.layer, MOST_NAME)
        cells.append((name, one_line(row.kind, MOST_NAME), shape, VERDICT_WORDS[row.verdict]))
    lines = aligned(cells)
    if refusals:
        lines += ["", f"{how_many(len(refusals), 'problem')}:"]
        lines += [f"  {one_line(text, 1000)}" for text in refusals]
    if some_are_hidden:
        lines.append("  hidden layers behind the chip run on the host with --allow-host-tail")
    return lines


def host_lines(rows: Sequence[HostLayer]) -> list[str]:
    """What the host computes of each image."""
    cells = [("on the host", "", "multiply-accumulates")]
    for row in rows:
        where = "before the chip" if row.stage == "before" else "behind the chip"
        hidden = ", a hidden layer" if row.is_hidden else ""
        cells.append((one_line(row.layer, MOST_NAME), where + hidden, f"{row.macs:,}"))
    return aligned(cells)


def fit_lines(fit: ChipFit, n_chips: int | None) -> list[str]:
    """Cores by layer beside the limits of one, and whether it all fits."""
    from loihiseg.compilation.fit import usage_lines

    lines = usage_lines(fit.usage) if fit.usage else []
    neurons = f"{fit.n_neurons:,} neuron{'s' * (fit.n_neurons != 1)}"
    if fit.fits:
        there = "" if n_chips is None else f" of {n_chips}"
        chips = how_many(fit.n_chips or 0, "chip")
        cores = how_many(fit.n_cores or 0, "core")
        return [*lines, "", f"fits: {neurons} on {cores}, {chips}{there}; {fit.code} code"]
    return [
        *lines,
        "",
        f"does not fit: {neurons}, {fit.code} code",
        *(f"  {one_line(text, 1000)}" for text in (*fit.violations, *fit.remedies)),
    ]


def aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Rows of cells as lines, the cells below each other."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def document(
    asked: dict[str, Any],
    rows: Sequence[LayerVerdict],
    refusals: Sequence[str],
    host: Sequence[HostLayer],
    fit: ChipFit | None,
) -> dict[str, Any]:
    """All of it as plain values; ``fit`` is None where layers are refused."""
    from dataclasses import asdict

    from partition.core.limits import CORES_PER_CHIP, LOIHI1

    return asked | {
        "layers": [asdict(row) for row in rows],
        "refusals": list(refusals),
        "host_layers": [asdict(row) for row in host],
        "fits": fit is not None and fit.fits,
        "chip": None if fit is None else asdict(fit),
        "limits": asdict(LOIHI1) | {"cores_per_chip": CORES_PER_CHIP},
    }
