"""Names of a package that bring in their modules."""

import subprocess
import sys
from importlib import import_module

import pytest

PACKAGES = ("partition", "loihiseg", "loihiseg.data")


@pytest.mark.parametrize("name", PACKAGES)
def test_every_name_is_there_and_told(name):
    package = import_module(name)
    assert set(package.__all__) <= set(dir(package)) and "__all__" in dir(package)
    for one in package.__all__:
        assert getattr(package, one) is not None
    with pytest.raises(AttributeError, match=f"module '{name}' has no attribute 'nothing'"):
        package.nothing  # noqa: B018 (asked for)


def test_no_module_is_brought_in_before_it_is_asked_for():
    text = (
        "import sys, loihiseg.data\n"
        "before = {name for name in sys.modules if name.startswith(('loihiseg', 'partition'))}\n"
        "assert not before & {'partition.chips.cut', 'loihiseg.verbs', 'loihiseg.data.stack'}\n"
        "assert 'numpy' not in sys.modules\n"
        "loihiseg.data.Stack\n"
        "assert 'loihiseg.data.stack' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", text], check=True)
