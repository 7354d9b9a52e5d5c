"""Tables of time: what the host sends, and how long tiles and sections would take."""

from loihiseg.report.tables import Table
from loihiseg.results import Results, StepTimes


def times_table(results: Results) -> Table | None:
    """How long tiles and sections would take; None where that was not worked out."""
    found = results.step_times
    if found is None:
        return None
    rows = []
    for one in found.latencies:
        rows.append(
            (
                one.name,
                f"{one.step_us:,.1f}",
                f"{one.tile_ms:,.2f}",
                _or_dash(one.interval_ms, "{:,.2f}"),
                _or_dash(one.section_s, "{:,.3f}"),
                _or_dash(one.overlapped_s, "{:,.3f}"),
                f"{one.energy_delay_uj_s:,.2f}",
                f"{one.static_uj:,.0f}",
            )
        )
    header = (
        "duration of steps", "us\na step", "ms\na tile", "ms to\nthe next", "s\na section",
        "s over-\nlapping", "energy x\ndelay, uJ s", "static\nuJ",
    )  # fmt: skip
    return Table("Time on chip", header, tuple(rows), times_note(found, results.code.steps))


def times_note(found: StepTimes, n_steps: int) -> str:
    """What the steps of a tile are taken by, and when the next may follow."""
    parts = "; ".join(
        f"{part.name} {part.mean_us:,.1f} us (at most {part.most_us:,.1f}), the longest in "
        f"{part.share:.0%} of the steps"
        for part in found.parts
    )
    follows = "The next tile waits for the end of the one before."
    if found.interval_steps is not None:
        follows = f"A tile has {n_steps} steps; the next may follow every {found.interval_steps}."
    tiles = f"{found.n_tiles} tile{'s' * (found.n_tiles > 1)}"
    return (
        f"{found.label}. {parts}. {follows} Followed step by step: {tiles}. Energy x delay and "
        "static power are of a tile; the counted energy is without the latter."
    )


def injection_table(results: Results) -> Table | None:
    """What the host sends; None where that was not worked out."""
    found = results.step_times
    if found is None:
        return None
    named = (("pixels", found.pixels), ("clocks", found.clocks), ("both", found.injected))
    rows = tuple(
        (name, f"{one.per_tile:,.0f}", f"{one.per_step:,.0f}", f"{one.most_in_step:,}")
        for name, one in named
    )
    header = ("sent by the host", "per tile", "per step", "most in a step")
    note = "Spikes, each counted for every core that it reaches."
    return Table("Host-injected spikes", header, rows, note)


def _or_dash(value: float | None, pattern: str) -> str:
    return "-" if value is None else pattern.format(value)
