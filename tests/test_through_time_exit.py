"""What an early end of a network over time costs, against counts by hand; nothing is trained."""

from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.through_time_exit import Exit, Looks, alike, by_stillness, events_of, scales, table
from loihiseg.data.tiles import Tiles
from loihiseg.network.config import UNetConfig
from loihiseg.through_time.settings import ThroughTime

CONFIG = UNetConfig(tile=16, channels=(3, 4), convs_down=(1, 1), convs_up=(1,), stem_channels=2)


def checkpoint(time, weights=None):
    config = SimpleNamespace(network=CONFIG, time=time)
    return SimpleNamespace(info=SimpleNamespace(config=config), weights=weights or {})


def test_events_by_hand():
    """One event in each own step of each layer; an end in step 6 does not pay for those of it."""
    steps = {"stem": 5, "encode0_0": 5, "down1": 2, "encode1_0": 2, "up0": 2}
    sent = {name: np.ones((1, n)) for name, n in steps.items()}
    ended, planned = events_of(checkpoint(ThroughTime(2)), sent, np.array([6, 7]))
    assert ended.tolist() == [[5 + 4 + 2 + 2 + 1, 16]]
    assert planned.tolist() == [[4 + 4 + 1 + 1 + 1, 16]]
    alone = {name: np.ones((1, 2)) for name in steps}
    undelayed, _ = events_of(checkpoint(ThroughTime(2, False)), alone, np.array([1, 2]))
    assert undelayed.tolist() == [[5, 10]]


def test_still_tiles_end_first():
    """Of two tiles one is right from the first look on, the other from the last."""
    truth = np.zeros((2, 4, 4), bool)
    truth[:, :2] = True
    probability = np.repeat(truth[:, None] * 0.8 + 0.1, 3, axis=1).astype(np.float32)
    probability[1, 0] = 0.1
    probability[1, 1, :1] = 0.1
    events = np.array([[1.0, 2.0, 3.0]] * 2)
    pixels = np.zeros((2, 4, 4), np.float32)
    tiles = Tiles(pixels, truth, pixels, ((0, 0, 0), (1, 0, 0)))
    looks = Looks(tiles, truth, probability, np.array([7, 8, 9]), events, events)
    row = by_stillness(looks, looks, 0.3)
    assert row.membrane_iou == 1 and row.events == pytest.approx(2.5) and row.steps == 8.5
    assert alike(1, looks).tolist() == [1, 1]


def test_scales_are_those_of_steps_alone():
    gamma = np.ones((2, 3), np.float32)
    weights = {"stem_norm/gamma:0": gamma[:1], "up0_norm/gamma:0": gamma, "up0/kernel:0": gamma}
    found = scales(checkpoint(ThroughTime(2, normalization="bntt"), weights))
    assert list(found) == ["up0"]
    assert scales(checkpoint(ThroughTime(2), weights)) == {}


def test_tables_say_what_is_lost_and_saved():
    rows = [Exit("whole", "look 2", 0.5, 9, 2.0, 2.0), Exit("a", "look 1", 0.49, 8, 1.5, 1.0)]
    last = table(rows).splitlines()[-1]
    assert last == "| a | look 1 | 0.490 | 1.0 | 8.0 | 1.500 | 25% | 50% |"
