"""Whether a network is better than no network: calling every pixel cell."""

from collections.abc import Iterable

from loihiseg.results import ScoreRow


def below_all_cell(rows: Iterable[ScoreRow]) -> str:
    """Every network that is no better than calling every pixel cell, in words; "" where all are."""
    found: dict[str, list[ScoreRow]] = {}
    for row in rows:
        if _is_below(row):
            found.setdefault(row.pixels, []).append(row)
    texts = []
    for pixels, below in found.items():
        accuracies = [row.pixel.accuracy for row in below]
        all_cell = below[0].pixel.all_cell_accuracy
        first, *others = _told_apart(all_cell, *accuracies)
        parts = [f"calling every pixel cell is right in {first} of the pixels ({pixels})"]
        for row, told in zip(below, others):
            same = ", the same answer" if row.pixel.accuracy == all_cell else ""
            parts.append(f"{row.name} in {told}{same}")
        texts.append("; ".join(parts))
    return f"Below all cell: {'. And '.join(texts)}." if texts else ""


def trained_below_all_cell(accuracy: float, all_cell: float) -> str:
    """The same of a training, by the accuracies of its validation sections."""
    if accuracy >= all_cell:
        return ""
    ours, theirs = _told_apart(accuracy, all_cell)
    return (
        f"Below all cell: calling every pixel cell is right in {theirs} of the pixels (validation "
        f"sections); the network in {ours}."
    )


def _is_below(row: ScoreRow) -> bool:
    """The empty answer itself is no better either, unless there is no membrane to be found."""
    pixel = row.pixel
    is_empty = pixel.membrane_recall == 0 and pixel.all_cell_accuracy < 1
    return pixel.accuracy < pixel.all_cell_accuracy or (
        is_empty and pixel.accuracy == pixel.all_cell_accuracy
    )


def _told_apart(*shares: float) -> list[str]:
    """Shares in per cent, with as many digits as it takes for different ones to look so."""
    for digits in (2, 4, 6):
        told = [f"{share:.{digits}%}" for share in shares]
        if len(set(told)) == len(set(shares)):
            break
    return told
