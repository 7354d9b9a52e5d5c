"""Who waits for TensorFlow is told so before it is imported, and how long it took."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

from loihiseg.data.synthetic import synthetic_stack
from loihiseg.progress import Reporter
from loihiseg.starting import start_frameworks
from tests.commands import write_stack

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    "name, arguments",
    [
        ("train", ["--preset", "tiny", "--data", "em"]),
        ("deploy", ["--data", "em", "--checkpoint", "tiny-synthetic"]),
        ("segment", ["raw.tif", "map.tif", "--checkpoint", "tiny-synthetic"]),
    ],
)
def test_it_is_said_before_anything_heavy_is_imported(tmp_path, name, arguments):
    stack = synthetic_stack(6, (128, 128))
    write_stack(tmp_path / "em", stack.images, (~stack.membrane * 255).astype(np.uint8))
    tifffile.imwrite(tmp_path / "raw.tif", stack.images, photometric="minisblack")
    # Nothing is started: the import is where it ends.
    code = (
        "import sys\n"
        "class Stop:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'loihiseg.frameworks':\n"
        "            sys.exit(7)\n"
        "sys.meta_path.insert(0, Stop())\n"
        f"from loihiseg.{name} import main\n"
        f"main({arguments!r})\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert found.returncode == 7, found.stderr
    lines = found.stderr.splitlines()
    assert lines[0].startswith("load ") and lines[-1] == "starting TensorFlow"


def test_it_is_said_once(capsys, monkeypatch):
    import loihiseg

    before = sys.modules.get("loihiseg.frameworks")
    module = type(sys)("loihiseg.frameworks")
    monkeypatch.delitem(sys.modules, "loihiseg.frameworks", raising=False)

    class Quick:
        """Stands in for the import."""

        def find_spec(self, name, *_):
            from importlib.machinery import ModuleSpec

            return ModuleSpec(name, self) if name == "loihiseg.frameworks" else None

        def create_module(self, spec):
            return module

        def exec_module(self, module):
            pass

    monkeypatch.setattr(sys, "meta_path", [Quick(), *sys.meta_path])
    monkeypatch.setattr(loihiseg, "frameworks", module, raising=False)
    reporter = Reporter()
    start_frameworks(reporter)
    start_frameworks(reporter)
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "starting TensorFlow" and len(said) == 2
    assert said[1].startswith("start ") and said[1].endswith(" s  TensorFlow and nengo")
    assert list(reporter.seconds) == ["start"]
    if before is not None:
        monkeypatch.setitem(sys.modules, "loihiseg.frameworks", before)
