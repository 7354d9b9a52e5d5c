"""Stages and phases: every epoch has a network, the last the one wanted."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loihiseg.errors import InputError
from loihiseg.network.config import UNetConfig
from loihiseg.training.phases import phase_at, phases, progressive_stages, until
from loihiseg.training.presets import Stage, TrainingConfig

NETWORK = UNetConfig(16, (2, 3), (1, 1), (1,))


def staged(*stages, **changes):
    network = replace(NETWORK, levels=stages[-1].levels, batch_norm=stages[-1].batch_norm)
    epochs = sum(stage.epochs for stage in stages)
    return replace(TrainingConfig(network, epochs=epochs, stages=stages), **changes)


def test_ladder_by_hand():
    found = progressive_stages(3, 20, from_start=True)
    assert [(s.levels, s.epochs, s.eight_bit) for s in found] == [
        (31, 4, True), (15, 3, True), (7, 3, True), (3, 10, True)
    ]  # fmt: skip
    assert [(s.levels, s.epochs) for s in progressive_stages(1, 40, from_start=False)] == [
        (0, 13), (31, 4), (15, 3), (7, 3), (3, 3), (1, 14)
    ]  # fmt: skip


def test_levels_of_each_activation_go_down_to_their_own():
    found = progressive_stages((7, 3, 1, 1, 1, 1), 10, from_start=True)
    assert [s.levels for s in found] == [
        (31,) * 6, (15,) * 6, (7,) * 6, (7, 3, 3, 3, 3, 3), (7, 3, 1, 1, 1, 1)
    ]  # fmt: skip


def test_normalizations_are_folded_for_the_last_quarter():
    found = progressive_stages(1, 24, from_start=False, batch_norm=True)
    assert [(s.levels, s.epochs, s.eight_bit) for s in found] == [
        (0, 8, False), (31, 2, False), (15, 2, False), (7, 2, False), (3, 2, False),
        (1, 6, False), (1, 2, True),
    ]  # fmt: skip
    assert [s.batch_norm for s in found] == [True] * 6 + [False]
    found = progressive_stages(3, 1, from_start=True, batch_norm=True)
    assert found == (Stage(3, 1, True, False),)
    found = progressive_stages(3, 8, from_start=True, batch_norm=True, eight_bit=False)
    assert all(s.batch_norm and not s.eight_bit for s in found) and found[-1].epochs == 4


def test_few_epochs_leave_the_first_rungs_out():
    assert [s.levels for s in progressive_stages(3, 1, from_start=True)] == [3]
    assert [s.levels for s in progressive_stages(3, 4, from_start=True)] == [15, 7, 3]
    assert [s.levels for s in progressive_stages(63, 9, from_start=True)] == [63]


@settings(max_examples=200, deadline=None)
@given(
    levels=st.one_of(st.integers(1, 40), st.tuples(*[st.integers(1, 40)] * 6)),
    epochs=st.integers(1, 60),
    from_start=st.booleans(),
    eight_bit=st.booleans(),
    batch_norm=st.booleans(),
)
def test_any_ladder_is_a_configuration(levels, epochs, from_start, eight_bit, batch_norm):
    stages = progressive_stages(
        levels, epochs, from_start=from_start, eight_bit=eight_bit, batch_norm=batch_norm
    )
    config = staged(*stages)
    assert config.epochs == epochs and config.network.levels == levels
    sums = [s.levels if isinstance(s.levels, int) else sum(s.levels) for s in stages if s.levels]
    assert sums == sorted(sums, reverse=True)
    assert len(set(sums)) == len(sums) - (batch_norm and eight_bit and len(set(sums)) < len(sums))
    found = phases(config)
    assert found[0].first == 0 and found[-1].end == epochs
    assert all(a.end == b.first for a, b in pairwise(found))


def test_phases_of_a_training_for_rates():
    config = TrainingConfig(NETWORK, epochs=5, tuning_epochs=2, window_steps=30)
    plain, tuned = phases(config)
    assert (plain.first, plain.end, plain.eight_bit, plain.window_steps) == (0, 3, False, 0)
    assert (tuned.first, tuned.end, tuned.eight_bit, tuned.window_steps) == (3, 5, True, 30)
    assert plain.network == tuned.network == NETWORK and plain.staircase
    assert [phase_at(config, i) for i in range(6)] == [plain] * 3 + [tuned] * 3
    assert len(phases(replace(config, tuning_epochs=5))) == 1
    assert until(config, 0) == config


def test_phases_of_stages():
    config = staged(Stage(0, 2, False, True), Stage(7, 1, False, True), Stage(3, 4))
    first, second, third = phases(config)
    assert (first.network.levels, second.network.levels, third.network.levels) == (0, 7, 3)
    assert [p.network.batch_norm for p in (first, second, third)] == [True, True, False]
    assert [p.eight_bit for p in (first, second, third)] == [False, False, True]
    assert all(p.network.rates.weight == 0 and p.own_optimizer for p in (first, second, third))
    part = until(config, 2)
    assert part.epochs == 3 and part.network.levels == 7 and part.stages == config.stages[:2]
    assert until(config, 3) == config


@pytest.mark.parametrize(
    "make, says",
    [
        (lambda: Stage(3, 0), "0 epochs"),
        (lambda: Stage(3, 1, True, True), "folded before"),
        (lambda: staged(Stage(3, 1), epochs=2), "expected the sum"),
        (lambda: staged(Stage(3, 1), tuning_epochs=1), "expected the sum"),
        (lambda: staged(Stage(3, 1), network=NETWORK), "the same"),
        (lambda: staged(Stage(7, 1, False), Stage(3, 1, False, True)), "do not come back"),
    ],
)
def test_impossible(make, says):
    with pytest.raises(InputError, match=says) as error:
        make()
    assert "\n" not in str(error.value)
