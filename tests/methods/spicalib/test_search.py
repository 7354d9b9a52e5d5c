"""The optimizer finds a minimum, twice the same; quantiles are grouped as asked."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("optuna", reason="loihiseg[calibration]")

from loihiseg.compilation.search import minimum
from loihiseg.conversion.forward import forward
from loihiseg.conversion.lowering import Lowering
from loihiseg.methods.spicalib.calibration import Calibration, Crops
from loihiseg.methods.spicalib.method import Settings
from loihiseg.methods.spicalib.quantiles import FIXED, SILENT, Search, groups_of, quantile
from tests.simulation.networks import pooled

PICTURES = np.random.default_rng(2).integers(0, 64, (4, 8, 8, 1)).astype(np.float32) / 64


def test_a_parabola():
    """Five seeds, 20 evaluations: within 0.05 of its minimum for most, within 0.1 for all."""
    seen = []

    def objective(point):
        seen.append(point)
        return (point[0] - 3) ** 2

    found = [minimum(objective, [(1, 5)], 20, seed) for seed in range(5)]
    assert len(seen) == 100 and found[4][1] == min((t - 3) ** 2 for (t,) in seen[80:])
    away = sorted(abs(point[0] - 3) for point, _ in found)
    assert away[4] < 0.1 and away[2] < 0.05
    assert minimum(objective, [(1, 5)], 20, 0) == found[0]


def test_it_begins_with_what_it_is_given():
    seen = []
    minimum(lambda at: seen.append(at) or 1.0, [(1, 5)] * 2, 5, 3, [(1, 1), (2.5, 4)])
    assert seen[:2] == [(1, 1), (2.5, 4)] and len(seen) == 5
    assert np.min(seen) >= 1 and np.max(seen) <= 5
    seen.clear()
    minimum(lambda at: seen.append(at) or 1.0, [(1, 5)], 2, 3, [(1,), (2,), (3,)])
    assert seen == [(1,), (2,)]
    assert quantile(2.0) == pytest.approx(0.99) and quantile(1.0) == pytest.approx(0.9)


def test_layers_with_one_quantile():
    network = pooled()
    assert groups_of(network, "all") == {"all layers": ("a", "b", "c", "d")}
    expected = {"8 x 8": ("a", "b"), "4 x 4": ("c",), "2 x 2": ("d",)}
    assert groups_of(network, "resolution") == expected
    assert groups_of(network, "layer") == {"a": ("a", "b"), "c": ("c",), "d": ("d",)}


def search_of(**settings):
    network = pooled()
    lowering = Lowering(network, lambda maps: maps["d"][..., :1])
    wanted = forward(network, PICTURES, staircase=False)["d"][..., :1]
    truth = wanted[..., 0] > np.median(wanted)
    options = Settings(**{"search_steps": 8, "most_spikes": 2} | settings)
    calibration = Calibration(lowering, PICTURES, options)
    found = Search(calibration, Crops(PICTURES, truth, None), wanted, 0.5)
    said = []
    found.run(1, said.append)
    assert said == found.tried and len(said) == options.search
    return found


def test_fixed_quantiles_come_first_and_no_search_is_worse():
    found = search_of(search=12)
    fixed = [one for one in found.tried if not one.searched]
    assert [set(one.quantiles.values()) for one in fixed] == [{share} for share in FIXED]
    assert list(fixed[0].quantiles) == ["8 x 8", "4 x 4", "2 x 2"]
    assert found.best(False).disagreement == min(one.disagreement for one in fixed)
    best = min(found.tried, key=lambda one: (one.disagreement, one.error))
    assert best in (found.best(False), found.best(True))
    part = found.part(found.best(True))
    assert part.name.startswith("searched quantiles 0.") and part.neurons.most_spikes == 2
    found.validated(found.best(True), 0.25)
    assert [one.validation_iou for one in found.tried].count(0.25) == 1
    again = [replace(one, validation_iou=None) for one in found.tried]
    assert search_of(search=12).tried == again


def test_few_evaluations_are_of_fixed_quantiles_alone():
    found = search_of(search=3, search_by="all")
    assert [one.searched for one in found.tried] == [False] * 3
    assert found.best(True) is None


def test_a_layer_that_is_silent_up_to_a_quantile_is_worst(monkeypatch):
    from loihiseg.methods.spicalib import quantiles

    # So few values are above 0 that only the highest quantile sees one.
    network = pooled()
    lowering = Lowering(network, lambda maps: maps["d"][..., :1])
    dark = np.zeros_like(PICTURES)
    dark[0, 3, 3] = 1
    wanted = np.zeros((4, 2, 2, 1), np.float32)
    calibration = Calibration(lowering, dark, Settings(search=2, search_steps=4))
    search = Search(calibration, Crops(dark, wanted[..., 0] > 0, None), wanted, 0.5)
    monkeypatch.setattr(quantiles, "FIXED", (0.5, 0.99))
    search.run(0, lambda one: None)
    assert search.tried[0].error == SILENT > search.tried[1].error
    assert search.tried[0].membrane_iou == 0
