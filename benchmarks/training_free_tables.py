"""Tables and the picture of networks deployed without training."""

from pathlib import Path

UJ_PER_MJ, MILLION = 1e3, 1e6
MAC_PJ, ADDITION_PJ = 4.6, 0.9
"""Of 32 bits at 45 nm, Horowitz 2014, doi 10.1109/ISSCC.2014.6757323: what papers of conversion
count an operation of the ANN and a synaptic event by."""

NAMES = {"textbook": "max pooling", "rates": "rate network"}


def relative_energy(one: dict) -> float:
    """Synaptic events over multiply-accumulates of the ANN, each by its constant."""
    return one["events"] * ADDITION_PJ / (one["macs"] * MAC_PJ)


def tables_of(rows: list[dict], absent: list[str]) -> str:
    """All tables in Markdown, with what they say nothing of."""
    lines = [*_ramp(_of_kind(rows, "ramp")), *_bayes(_of_kind(rows, "bayes"))]
    lines += _by_layer(_of_kind(rows, "bayes"))
    lines += _stack(_of_kind(rows, "stack"))
    if absent:
        lines.append(f"Not there: {', '.join(absent)}.")
    return "\n".join(lines) + "\n"


def _of_kind(rows: list[dict], kind: str) -> dict[tuple[str, str, str], list[dict]]:
    """Rows of a kind, by subject, variant and sections; seeds together."""
    found: dict[tuple[str, str, str], list[dict]] = {}
    for row in rows:
        job = row["job"]
        if job["kind"] == kind:
            found.setdefault((job["subject"], job["variant"], job["sections"]), []).append(row)
    order = sorted(found, key=lambda key: (key[0], key[2], key[1].zfill(3)))
    return {key: found[key] for key in order}


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _said(values: list[float], form: str = "{:.3f}") -> str:
    """The mean, and the range where there are several."""
    mean = form.format(_mean(values))
    if len(values) == 1:
        return mean
    return f"{mean} ({form.format(min(values))}–{form.format(max(values))})"


def _table(header: tuple[str, ...], body: list[tuple[str, ...]]) -> list[str]:
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    return [*lines, *("| " + " | ".join(row) + " |" for row in body), ""]


def _ramp(found: dict[tuple[str, str, str], list[dict]]) -> list[str]:
    header = (
        "network", "sections", "seeds", "L", "IoU, floats", "with levels", "emulated", "lost",
        "pixels as quantized", "steps", "chips", "million events", "mJ", "of the ANN",
    )  # fmt: skip
    body = []
    for (subject, variant, sections), rows in found.items():
        floats = [row["iou"]["TRAINED"] for row in rows]
        emulated = [row["iou"]["EMULATED"] for row in rows]
        body.append(
            (
                NAMES[subject],
                sections,
                ", ".join(sorted(str(row["job"]["seed"]) for row in rows)),
                variant,
                _said(floats),
                _said([row["iou"]["WITH_LEVELS"] for row in rows]),
                _said(emulated),
                f"{100 * (_mean(floats) - _mean(emulated)):.1f}",
                f"{_mean([row['agreement'] for row in rows]):.3%}",
                f"{rows[0]['steps']}",
                f"{max(row['chips'] for row in rows)}",
                f"{_mean([row['events'] for row in rows]) / MILLION:,.0f}",
                f"{_mean([row['energy_uj'] for row in rows]) / UJ_PER_MJ:,.1f}",
                f"{_mean([relative_energy(row) for row in rows]):.2f}",
            )
        )
    return _table(header, body) if body else []


def _bayes(found: dict[tuple[str, str, str], list[dict]]) -> list[str]:
    header = (
        "network", "sections", "seeds", "L", "part", "floats", "best fixed quantile", "searched",
        "corrected", "corrected, searched", "s of the searches",
    )  # fmt: skip
    body = []
    for (subject, variant, sections), rows in found.items():
        seeds = ", ".join(sorted(str(row["job"]["seed"]) for row in rows))
        for part in ("validation", "test"):
            best = [row["ways"][best_fixed(row)][part] for row in rows]
            ways = ("searched", "corrected", "corrected, searched")
            seconds = [row["ways"][way]["seconds"] for row in rows for way in ways[::2]]
            body.append(
                (NAMES[subject], sections, seeds, variant, part)
                + (_said([row["ways"]["floats"][part] for row in rows]), _said(best))
                + tuple(_said([row["ways"][way][part] for row in rows]) for way in ways)
                + (f"{min(seconds):.0f} to {max(seconds):.0f}",)
            )
    return _table(header, body) if body else []


def _by_layer(found: dict[tuple[str, str, str], list[dict]]) -> list[str]:
    """Where few levels are missed: one layer alone has them."""
    lines = []
    for (subject, variant, _), rows in found.items():
        there = [row["by_layer"] for row in rows if row.get("by_layer")]
        if there:
            said = ", ".join(
                f"{name} {100 * _mean([one[name] for one in there]):.1f}" for name in there[0]
            )
            lines += [f"{NAMES[subject]}, {variant} levels in one layer alone: {said} %.", ""]
    return lines


def best_fixed(row: dict) -> str:
    """The fixed quantile of the best IoU on the validation sections."""
    fixed = [name for name in row["ways"] if name.startswith("fixed ")]
    return max(fixed, key=lambda name: row["ways"][name]["validation"])


def _stack(found: dict[tuple[str, str, str], list[dict]]) -> list[str]:
    """By part; the mean of the seeds that were simulated for so many steps, with their number."""
    every = sorted({_steps(name) for rows in found.values() for row in rows for name in row["iou"]})
    every = [steps for steps in every if steps]
    body: list[tuple[str, ...]] = []
    for (subject, variant, sections), rows in found.items():
        seeds = ", ".join(sorted(str(row["job"]["seed"]) for row in rows))
        for part in dict.fromkeys(name.rpartition(", T = ")[0] for name in rows[0]["spikes"]):
            cells = []
            for steps in every:
                name = f"{part}, T = {steps}"
                there = [row["iou"][name] for row in rows if name in row["iou"]]
                cells.append(_of_seeds(there, len(rows)))
            body.append((NAMES[subject], sections, seeds, variant, part, *cells))
    header = ("network", "sections", "seeds", "how", "part", *(f"T = {one}" for one in every))
    return _table(header, body) if body else []


def _of_seeds(values: list[float], n_rows: int) -> str:
    if not values:
        return ""
    fewer = "" if len(values) == n_rows else f" ({len(values)} of {n_rows})"
    return f"{_mean(values):.3f}{fewer}"


def _steps(name: str) -> int:
    """Of a part's name; 0 of a network without."""
    number = name.rpartition(", T = ")[2]
    return int(number) if number.isdigit() else 0


PARTS = ("rates", "lateral pooling", "spike calibration")
"""Of the published stack, that are drawn."""
LINES = (":", "--", "-")


def draw(rows: list[dict], path: Path) -> None:
    """IoU below that in floats, by steps: levels on the emulated chip, and the published stack.

    Networks and sections of the rows need not be the same: each is beside its own floats.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot, ticker

    figure, axes = pyplot.subplots(figsize=(7, 4.2), constrained_layout=True)
    axes.axhline(0, color="#555555", linewidth=0.8)
    for subject, colour in {"textbook": "#1f5fa8", "rates": "#b4521e"}.items():
        _draw_levels(axes, [row for row in rows if _is(row, "ramp", subject)], subject, colour)
        found = [row for row in rows if _is(row, "stack", subject, "mended")]
        for part, style in zip(PARTS, LINES, strict=True):
            _draw_part(axes, found, part, style, f"{NAMES[subject]}, simulated: {part}")
    axes.set_xscale("log", base=2)
    axes.set_xlabel("steps per tile")
    axes.set_ylabel("points of membrane IoU less than in floats")
    axes.xaxis.set_major_formatter(ticker.ScalarFormatter())
    axes.set_xlim(7, 340)
    axes.set_ylim(-25, 2)
    axes.legend(fontsize=8, loc="lower right")
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=130)
    pyplot.close(figure)


def _draw_levels(axes, rows: list[dict], subject: str, colour: str) -> None:
    """A point for each number of levels, with the range of the seeds."""
    label = f"{NAMES[subject]}, emulated on chip: levels"
    for variant in sorted({row["job"]["variant"] for row in rows}, key=int):
        own = [row for row in rows if row["job"]["variant"] == variant]
        apart = [100 * (row["iou"]["EMULATED"] - row["iou"]["TRAINED"]) for row in own]
        steps, mean = _mean([row["steps"] for row in own]), _mean(apart)
        reach = [[mean - min(apart)], [max(apart) - mean]]
        axes.errorbar(steps, mean, reach, fmt="o", color=colour, capsize=3, label=label)
        axes.annotate(f"L = {variant}", (steps, mean), (7, -12), textcoords="offset points",
                      fontsize=8)  # fmt: skip
        label = None


def _draw_part(axes, rows: list[dict], part: str, style: str, label: str) -> None:
    """A line over the steps, of the seeds that were simulated for so many."""
    by_steps: dict[int, list[float]] = {}
    for row in rows:
        for name, iou in row["iou"].items():
            if name.startswith(part) and _steps(name):
                apart = 100 * (iou - row["iou"]["trained"])
                by_steps.setdefault(_steps(name), []).append(apart)
    if by_steps:
        line = [(steps, _mean(by_steps[steps])) for steps in sorted(by_steps)]
        axes.plot(*zip(*line, strict=True), style, color="#555555", label=label)


def _is(row: dict, kind: str, subject: str, variant: str | None = None) -> bool:
    job = row["job"]
    return (job["kind"], job["subject"]) == (kind, subject) and variant in (None, job["variant"])
