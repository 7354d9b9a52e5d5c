"""Whether a network is better than no network: calling every pixel cell."""

from collections.abc import Iterable

from loihiseg.results import ScoreRow


def below_all_cell(rows: Iterable[ScoreRow]) -> str:
    """Every network that is no better than calling every pixel cell, in words; "" where all are."""
    found = [
        f"{row.name} ({row.pixels}) {_compared(row.pixel.accuracy, row.pixel.all_cell_accuracy)}"
        for row in rows
        if _is_below(row)
    ]
    return f"Below all cell: {'; '.join(found)}." if found else ""


def trained_below_all_cell(accuracy: float, all_cell: float) -> str:
    """The same of a training, by the accuracies of its validation sections."""
    if accuracy >= all_cell:
        return ""
    return f"Below all cell: on the validation sections {_compared(accuracy, all_cell)}."


def _is_below(row: ScoreRow) -> bool:
    """The empty answer itself is no better either, unless there is no membrane to be found."""
    pixel = row.pixel
    is_empty = pixel.membrane_recall == 0 and pixel.all_cell_accuracy < 1
    return pixel.accuracy < pixel.all_cell_accuracy or (
        is_empty and pixel.accuracy == pixel.all_cell_accuracy
    )


def _compared(accuracy: float, all_cell: float) -> str:
    digits = next((n for n in (2, 4) if f"{accuracy:.{n}%}" != f"{all_cell:.{n}%}"), 6)
    if accuracy == all_cell:
        return f"is right in {accuracy:.2%} of the pixels, as if it called every pixel cell"
    return (
        f"is right in {accuracy:.{digits}%} of the pixels; calling every pixel cell would be "
        f"right in {all_cell:.{digits}%}"
    )
