"""The page of results, its pictures, and the same as JSON."""

import shlex
from dataclasses import asdict
from pathlib import Path

from benchmarks.reproduction.cells import UJ_PER_MJ, of_seeds
from benchmarks.reproduction.code_picture import CAPTION, CODES_PICTURE, draw_codes
from benchmarks.reproduction.code_tables import CODES_TABLE
from benchmarks.reproduction.plan import PARTS, STEPS
from benchmarks.reproduction.results import EMULATED, TRAINED, spread
from benchmarks.reproduction.tables import TIME_TABLE, all_tables
from loihiseg.files import write_bytes, write_json
from loihiseg.report.figures import figure

PAGE = "results.md"
DATA = "results.json"
TIME_PICTURE = "time.png"
ENERGY_PICTURE = "energy.png"

_QUICK = (
    "**A quick run: it shows that everything runs, on networks hardly trained and a few tiles. "
    "Its numbers are no results.**"
)


def write_results(out: Path, results, made: dict, failed=(), also: Path | None = None) -> Path:
    """Write page, pictures and JSON of whatever is there.

    Parameters
    ----------
    out : Path
    results : benchmarks.reproduction.results.Results
    made : dict
        As ``runs.made_with`` returns it.
    failed : sequence of str
        Names of runs that ended with an error.
    also : Path, optional
        Second page, its pictures beside it, named after it.

    Returns
    -------
    Path
        Of the page.
    """
    write_json(
        out / DATA,
        {
            "protocol": asdict(results.protocol),
            "made": made,
            "missing": results.missing,
            "failed": list(failed),
            "trainings": results.trainings,
            "runs": results.records,
        },
    )
    places = [(out / PAGE, "")] + ([(also, f"{also.stem}-")] if also else [])
    for path, prefix in places:
        pictures = draw(path.parent, results, prefix)
        write_bytes(path, page(results, made, failed, pictures).encode())
    return places[0][0]


def page(results, made: dict, failed=(), pictures=None) -> str:
    """The page as Markdown; ``pictures`` are as from `draw`."""
    pictures = pictures or {}
    parts = ["# The paper, reproduced", *([_QUICK] if results.protocol.quick else [])]
    parts.append("\n".join(_provenance(results, made)))
    if any(results.missing.values()):
        parts.append(_missing(results))
    if failed:
        parts.append(f"Ended with an error: {', '.join(failed)}.")
    for table in all_tables(results):
        parts += [f"## {table.title}", *([table.note] if table.note else []), markdown(table)]
        parts += [f"![{caption}]({name})" for name, caption in pictures.get(table.title, ())]
    parts += ["## Runs", markdown_rows(*_runs(results))]
    return "\n\n".join(parts) + "\n"


def markdown(table) -> str:
    """A table as Markdown."""
    return markdown_rows(table.header, table.rows)


def markdown_rows(header, rows) -> str:
    """Header and rows as a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cell or ' ' for cell in line)} |" for line in lines)


def short_command(command: list[str]) -> str:
    """A command as text, each path by its last part."""
    return shlex.join(["python", *(Path(part).name if "/" in part[1:] and i else part
                                   for i, part in enumerate(command))])  # fmt: skip


def _provenance(results, made):
    base = results.protocol.base
    yield f"- command: `{made['command']}` (paths by their last part)"
    yield f"- machine: {made['machine']}"
    yield "- versions: " + ", ".join(f"{name} {v}" for name, v in made["versions"].items())
    yield f"- sources: commit {made['commit'] or 'unknown'}; page written {made['date']}"
    for one in list(results.records.values())[:1]:
        yield f"- data: SHA-256 {one['data']['sha256'][:16]}…; {one['data']['polarity']}"
    network = base.network
    yield (
        f"- recipe: tile {network.tile}, channels {network.channels}, {base.epochs} epochs of "
        f"{base.steps_per_epoch} steps of {base.batch} crops of {base.crop}, the last "
        f"{base.tuning_epochs} tuning; seeds {', '.join(map(str, results.protocol.seeds))}"
    )


def _missing(results):
    texts = []
    for part in PARTS:
        left = len(results.missing.get(part, ()))
        if left:
            texts.append(f"{part}: {left}")
    return f"**Not complete.** Runs that are missing, by part: {', '.join(texts)}."


def _runs(results):
    header = ("run", "date", "commit", "machine", "", "wall time", "peak memory")
    rows = []
    for name, one in results.trainings.items():
        rows.append((name, *_made_cells(one), f"epoch {one['epoch']} of {one['epochs']}", "", ""))
    for name, one in results.records.items():
        peak = f"{one['peak_memory_mb'] * 2**20 / 1e9:.2f} GB"
        rows.append((name, *_made_cells(one), "", f"{one['seconds']:.0f} s", peak))
    return header, rows


def _made_cells(one):
    made = one["made"]
    return made["date"], made["commit"] or "unknown", made["machine"]


def draw(folder: Path, results, prefix: str = "") -> dict[str, list[tuple[str, str]]]:
    """Draw what there are numbers for; returns file names and captions by title of their table."""
    drawn = {}
    found = {steps: of_seeds(results, steps) for steps in STEPS}
    found = {steps: records for steps, records in found.items() if records}
    if found:
        time, energy = prefix + TIME_PICTURE, prefix + ENERGY_PICTURE
        draw_time(folder / time, found)
        draw_energy(folder / energy, found)
        drawn[TIME_TABLE] = [
            (time, "Accuracy against presentation time"),
            (energy, "Accuracy against estimated energy; numbers are steps per tile"),
        ]
    if draw_codes(folder / (prefix + CODES_PICTURE), results):
        drawn[CODES_TABLE] = [(prefix + CODES_PICTURE, CAPTION)]
    return drawn


_DRAWN = (("accuracy", "pixel accuracy, %", 100.0), ("membrane_iou", "membrane IoU", 1.0))


def draw_time(path: Path, found: dict) -> None:
    """Draw scores against steps; ``found`` are records by steps."""
    with figure(path, (10, 3.8), ncols=2) as axes:
        for axis, (key, label, factor) in zip(axes, _DRAWN):
            _draw_ann(axis, found, key, factor)
            _draw_chip(axis, found, key, factor, lambda steps, records: steps)
            axis.set(xscale="log", xlabel="steps per tile", ylabel=label)
            axis.set_xticks(list(found), [str(steps) for steps in found])
            axis.minorticks_off()
            axis.legend(fontsize=8, frameon=False, loc="lower right")


def draw_energy(path: Path, found: dict) -> None:
    """Draw scores against estimated energy; ``found`` are records by steps."""
    most = max(found.values(), key=len)
    unit = most[0]["unit"]
    with figure(path, (10, 3.8), ncols=2) as axes:
        for axis, (key, label, factor) in zip(axes, _DRAWN):
            _draw_ann(axis, found, key, factor)
            _draw_chip(axis, found, key, factor, lambda steps, records: _energy_mj(records))
            for steps, records in found.items():
                place = _energy_mj(records), factor * _scores(records, EMULATED, key).mean
                axis.annotate(f"{steps}", place, (7, -10), textcoords="offset points",
                              fontsize=8)  # fmt: skip
            level = factor * _scores(most, TRAINED, key).mean
            for device, marker in (("gpu", "^"), ("cpu", "s")):
                place = [_energy_mj(most, device)], [level]
                axis.plot(*place, marker, color="0.4", label=f"ANN, float, {device.upper()}")
            axis.set(xscale="log", xlabel=f"energy per {unit}, mJ (estimate)", ylabel=label)
            axis.xaxis.set_major_formatter("{x:g}")
            axis.margins(x=0.1, y=0.1)
            axis.legend(fontsize=8, frameon=False, loc="lower right")


def _draw_ann(axis, found, key, factor):
    records = max(found.values(), key=len)
    level = _scores(records, TRAINED, key)
    axis.axhline(factor * level.mean, color="0.4", linestyle="--", label="ANN, float (band: seeds)")
    axis.axhspan(factor * level.low, factor * level.high, color="0.9", zorder=0)


def _draw_chip(axis, found, key, factor, place):
    x = [place(steps, records) for steps, records in found.items()]
    levels = [_scores(records, EMULATED, key) for records in found.values()]
    middle = [factor * one.mean for one in levels]
    error = [[factor * (one.mean - one.low) for one in levels],
             [factor * (one.high - one.mean) for one in levels]]  # fmt: skip
    axis.errorbar(x, middle, error, marker="o", capsize=3, label="8-bit, Loihi emulation")


def _scores(records, stage, key):
    return spread(one["scores"][stage][key] for one in records)


def _energy_mj(records, device="loihi"):
    return spread(one["energy_uj"][device] / UJ_PER_MJ for one in records).mean
