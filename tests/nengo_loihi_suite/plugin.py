"""Stands in for the conftest of nengo-loihi's repository, which its wheel leaves out."""

import os

import pytest

STOCK = "LOIHISEG_SUITE_STOCK"
"""Environment variable: set to run nengo-loihi's own simulator instead of ours."""


def simulator_class(request):
    """The simulator under test, as ``nengo_simloader`` asks for it."""
    if os.environ.get(STOCK):
        from nengo_loihi import Simulator
    else:
        from loihiseg.emulator.simulator import Simulator
    return Simulator


def pytest_addoption(parser):
    """nengo-loihi's tests ask for the target."""
    parser.addoption("--target", default="sim")


def pytest_configure(config):
    """What nengo-loihi's conftest sets: strict emulation, its defaults, its markers."""
    import nengo_loihi
    from nengo_loihi.emulator import EmulatorInterface

    for marker in ("target_sim", "target_loihi", "requires_multichip_snips", "hang"):
        config.addinivalue_line("markers", f"{marker}: of nengo-loihi's suite")
    EmulatorInterface.strict = True
    nengo_loihi.set_defaults()


def pytest_collection_modifyitems(items):
    """There is no chip here."""
    for item in items:
        if item.get_closest_marker("target_loihi"):
            item.add_marker(pytest.mark.skip(reason="needs a Loihi chip"))
