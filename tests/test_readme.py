"""What the README shows in Python runs, and gives what it says."""

import re
from pathlib import Path

import numpy as np

README = Path(__file__).parents[1] / "README.md"


def section(title):
    """Text below a heading."""
    _, _, rest = README.read_text().partition(f"\n## {title}\n")
    return rest.partition("\n## ")[0]


def test_ten_lines_end_in_a_map_and_a_number(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"```python\n(.*?)```", section("From Python"), re.DOTALL)
    lines = [line for line in block.splitlines() if line.strip()]
    assert len(lines) <= 10
    names: dict = {}
    exec(compile(block, str(README), "exec"), names)
    shown = capsys.readouterr().out.split()
    (said,) = re.findall(r"# prints (.*)", block)
    assert shown == said.split()
    found = names["section"].membrane
    assert found.shape == (256, 256) and found.dtype == np.bool_
    # Some of it is membrane: the network does not answer the same everywhere.
    assert 0.05 < found.mean() < 0.5
    assert (tmp_path / "runs" / "tiny").is_dir()
