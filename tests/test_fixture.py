"""Deployments are those that were kept, spike for spike."""

import copy

import pytest

from tests import fixture

SLOW = [name for name in fixture.DEPLOYMENTS if not name.startswith("synthetic")]


def check(name):
    one, kept = fixture.DEPLOYMENTS[name], fixture.read()[name]
    if one.missing:
        pytest.skip(f"{', '.join(one.missing)} is not set")
    assert kept["options"] == list(one.options), "made with other options: make it anew"
    found = fixture.fingerprint(fixture.deploy(one.command()))
    assert fixture.differences(kept["exact"], found["exact"]) == []
    assert fixture.differences(kept["near"], found["near"], fixture.TOLERANCE) == []


def test_synthetic_sections():
    check("synthetic, rates")


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_real_sections(name):
    check(name)


def test_every_kept_deployment_is_in_the_file():
    assert list(fixture.read()) == list(fixture.DEPLOYMENTS)


def test_a_spike_more_or_a_score_aside_is_seen():
    kept = fixture.read()["synthetic, rates"]
    found = copy.deepcopy(kept)
    assert fixture.differences(kept, found) == []
    found["exact"]["counts"]["spikes"] += 1
    (line,) = fixture.differences(kept, found)
    assert line.startswith("exact.counts.spikes: ")
    found = copy.deepcopy(kept)
    found["near"]["threshold"] += 1e-7
    assert fixture.differences(kept, found, fixture.TOLERANCE) == []
    found["near"]["threshold"] += 1e-5
    del found["near"]["scores"]
    lines = fixture.differences(kept, found, fixture.TOLERANCE)
    assert [line.split(":")[0] for line in lines] == ["near.scores", "near.threshold"]
