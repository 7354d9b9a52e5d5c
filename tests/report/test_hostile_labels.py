"""Names of strangers on the page, on the terminal and in pictures are text."""

import io

import pytest

from loihiseg.metrics.levels import LayerLevels
from loihiseg.progress import Reporter
from loihiseg.report.figures import figure
from loihiseg.report.page import page_html
from loihiseg.report.tables import Table, print_table
from loihiseg.report.training import draw_history
from loihiseg.training.fit import Epoch
from partition.display.terminal import Console

LABELS = ["$\\frac{", "[red]", "<script>", "\x1b[31m", "a\u202eb", "$x_{$", ":smile:"]


@pytest.mark.parametrize("label", LABELS)
def test_page(label):
    text = page_html(label, [Table(label, ("a",), ((label,),), label)], {})
    assert "<script>" not in text and "\x1b" not in text and "\u202e" not in text
    if label == "<script>":
        assert "<td>&lt;script&gt;</td>" in text


@pytest.mark.parametrize("label", LABELS)
def test_terminal(label, capsys):
    out = io.StringIO()
    print_table(Table("t", ("a", "b"), ((label, label),), label), Console(file=out))
    reporter = Reporter()
    reporter.say(label)
    with reporter.part("name") as note:
        note.detail = label
    shown = label.encode("unicode_escape").decode() if not label.isprintable() else label
    assert out.getvalue().count(shown) == 3
    assert capsys.readouterr().err.count(shown) == 2


@pytest.mark.parametrize("label", LABELS)
def test_pictures(tmp_path, label, recwarn):
    with figure(tmp_path / "one.png", (2, 2)) as axes:
        axes.set(title=label, xlabel=label)
        axes.plot([0, 1], label=label)
        axes.legend()
    levels = (LayerLevels(label, 3, 0.5, 1.0, 0.25, 0),)
    draw_history([Epoch(1, 1.0, 0.0, 1.0, 0.5, 0.5, 0.5, (), levels)], tmp_path / "two.png")
    for name in ("one.png", "two.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
    assert not recwarn.list
