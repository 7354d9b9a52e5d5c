"""The digest of spikes: one for the same counts however they are held, another for any other."""

from dataclasses import fields, replace

import numpy as np

from loihiseg.emulator.activity import Presentation, compact, spikes_sha256


def presentation():
    rng = np.random.default_rng(0)
    maps = {name: rng.integers(0, 9, (3, 4, 2)).astype(np.int32) for name in "ba"}
    window = {name: counts // 2 for name, counts in maps.items()}
    per_step = [rng.integers(0, 99, 9) for _ in range(3)]
    return Presentation(maps, window, 9, 4, *per_step, rng.integers(0, 9, 48).astype(np.int32))


def test_how_counts_are_held_does_not_matter():
    one = presentation()
    turned = replace(one, spikes=dict(sorted(one.spikes.items())))
    assert compact(one).compartment_spikes.dtype == np.uint8
    digests = {spikes_sha256([other, one]) for other in (one, compact(one), turned)}
    assert len(digests) == 1


def test_every_count_matters():
    one = presentation()
    found = {spikes_sha256([]), spikes_sha256([one]), spikes_sha256([one, one])}
    # What is early is said of the same spikes.
    counted = [field for field in fields(one) if field.name != "early"]
    for field in counted:
        value = getattr(one, field.name)
        if isinstance(value, dict):
            other = value | {"a": value["a"].copy()}
            other["a"][2, 3, 1] += 1
        elif isinstance(value, np.ndarray):
            other = value.copy()
            other[-1] += 1
        else:
            other = value + 1
        found.add(spikes_sha256([replace(one, **{field.name: other})]))
    assert len(found) == 3 + len(counted)
