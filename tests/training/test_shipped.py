"""The networks that come with the package: whole, described, and found by name."""

from dataclasses import replace
from pathlib import Path

import pytest

from loihiseg.training import shipped
from loihiseg.training.checkpoint import load_checkpoint
from loihiseg.training.presets import PRESETS


@pytest.mark.parametrize("name", shipped.names())
def test_whole_and_described(name):
    info = load_checkpoint(shipped.FOLDER / name).info
    preset = PRESETS[name.split("-")[0]].network
    ours = replace(info.config.network, levels=preset.levels, neighbours=preset.neighbours)
    assert ours == preset
    assert bool(info.config.network.levels) == ("levels" in name)
    assert info.versions["tensorflow"].startswith("2.")
    assert info.data.digest and info.data.split.test[1] > info.data.split.test[0]
    assert not Path(info.data.source).is_absolute()
    assert sum(p.stat().st_size for p in (shipped.FOLDER / name).iterdir()) < 1_000_000


def test_found_by_name_or_by_data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert shipped.resolve(None, None) == str(shipped.FOLDER / "paper-synthetic")
    assert shipped.resolve(None, "somewhere") == str(shipped.FOLDER / "paper-isbi2012")
    assert shipped.resolve("tiny-synthetic", "x") == str(shipped.FOLDER / "tiny-synthetic")
    assert shipped.resolve("runs/mine", None) == "runs/mine"
    Path("tiny-synthetic").mkdir()
    assert shipped.resolve("tiny-synthetic", None) == "tiny-synthetic"
