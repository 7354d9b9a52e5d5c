"""The page of a deployment: which tables it has, in which order, and the charts above them."""

from collections.abc import Callable, Mapping

from loihiseg.report import charts, classes, tables, timing
from loihiseg.report.glossary import GLOSSARY
from loihiseg.report.page import Head, Parts, page_html
from loihiseg.report.tables import Table
from loihiseg.report.topology import topology_table
from loihiseg.results import Results
from partition.display.messages import how_many

MakesTable = Callable[[Results], Table | None]

MOST_BYTES = 7_900_000
"""Of a page, with all that it holds."""


def score_tables(results: Results) -> tuple[MakesTable, ...]:
    """Tables of what was scored."""
    if results.classes is None:
        return topology_table, tables.scores_table
    return classes.by_class_table, classes.classes_table


WHERE_KNOWN: tuple[MakesTable, ...] = (
    tables.work_table,
    tables.host_table,
    tables.section_table,
    timing.injection_table,
    timing.times_table,
    tables.exit_table,
)
"""Tables of what not every deployment has, in the order of the page."""


def deployment_page(
    results: Results,
    head: Head,
    pictures: Mapping[str, bytes],
    floor_plan: str | bytes = "",
    viewer: Callable[[int], str] | None = None,
) -> str:
    """The page as HTML that needs no other file.

    Parameters
    ----------
    results : Results
    head : Head
    pictures : mapping of str to bytes
        PNG by caption.
    floor_plan : str or bytes
        HTML of `partition.places.plan_svg.plan_svg`, or PNG.
    viewer : callable, optional
        Takes the bytes that there is room for, gives HTML of `loihiseg.report.viewer.viewer`.
    """
    made = [table(results) for table in reversed(score_tables(results))]
    made += [
        tables.layers_table(results),
        tables.precision_table(results.quantization, results.code.has_levels),
        tables.mapping_table(results),
        tables.allocators_table(results),
        tables.energy_table(results),
        *(table(results) for table in WHERE_KNOWN),
    ]
    shown = [table for table in made if table is not None]
    title = f"Deployment on {how_many(results.mapping.n_chips_used, 'chip')}"
    above = {}
    if isinstance(floor_plan, bytes):
        above, floor_plan = {tables.allocators_table(results).title: floor_plan}, ""
    drawn = _drawn(results, floor_plan)

    def page(viewed: str) -> str:
        return page_html(title, shown, pictures, above, head, Parts(viewed, drawn, GLOSSARY))

    alone = page("")
    return alone if viewer is None else page(viewer(MOST_BYTES - len(alone.encode())))


def _drawn(results: Results, plan: str) -> dict[str, str]:
    """Charts by the title of the table that they stand above."""
    per = results.activity.n_images / results.orientations
    levels = results.code.has_levels
    work, stopped = tables.work_table(results), tables.exit_table(results)
    drawn = {
        tables.layers_table(results).title: charts.rates_chart(results.layers, levels),
        tables.precision_table(results.quantization, levels).title: charts.loss_chart(
            results.quantization, results.layers
        ),
    }
    if plan:
        drawn[tables.allocators_table(results).title] = _figure(plan)
    if work is not None:
        drawn[work.title] = charts.work_charts(results.layers, per, results.orientations)
    if stopped is not None:
        drawn[stopped.title] = charts.steps_chart(results.early_exit)
    return drawn


def _figure(plan: str) -> str:
    """A plan with the line in which its cores say what they are."""
    return (
        '<figure class="says"><figcaption>Floor plan</figcaption>'
        f'<div class="plan">{plan}</div><p class="note"><output>The pointer on a core or a link '
        "says what it carries; with the plan in focus the arrow keys go from core to core."
        "</output></p></figure>"
    )
