"""Times of steps, tiles and sections, by hand."""

from dataclasses import replace

import numpy as np
import pytest

from loihiseg.errors import InputError
from loihiseg.metrics.step_time import (
    CORE,
    INJECTION,
    LINK,
    LOIHI_STEP,
    LONGEST_STEP_US,
    MODELLED,
    Presented,
    StepWork,
    injected_spikes,
    latencies,
    step_durations,
    step_parts,
)

COSTS = replace(
    LOIHI_STEP, synaptic_event_ns=2, neuron_update_ns=10, mesh_message_ns=1, chip_message_ns=100,
    injected_message_ns=100, barrier_us=0.5, shortest_us=2,
)  # fmt: skip

# Three steps, two cores, a mesh of two links, one link between chips.
WORK = StepWork(
    synaptic_events=np.array([[0, 1000], [2000, 0], [0, 0]]),
    neurons=np.array([100, 300]),
    mesh=np.array([[500, 0], [0, 9000], [0, 0]]),
    board=np.array([[60], [0], [10]]),
    injected=np.array([0, 10, 70]),
)


def test_steps_by_hand():
    found = step_durations(WORK, COSTS)
    # 1000 events and 300 neurons; 2000 and 100; 300 neurons alone.
    np.testing.assert_allclose(found.core, [5.0, 5.0, 3.0])
    # 60 between chips; 9000 on the mesh; 10 between chips.
    np.testing.assert_allclose(found.link, [6.0, 9.0, 1.0])
    np.testing.assert_allclose(found.injection, [0.0, 1.0, 7.0])
    np.testing.assert_allclose(found.step, [6.5, 9.5, 7.5])
    shortest = step_durations(WORK, replace(COSTS, shortest_us=8))
    np.testing.assert_allclose(shortest.step, [8, 9.5, 8])


def test_what_takes_the_time_by_hand():
    core, link, injection = step_parts([step_durations(WORK, COSTS)] * 2)
    assert (core.name, link.name, injection.name) == (CORE, LINK, INJECTION)
    assert (core.mean_us, core.most_us, core.share) == pytest.approx((13 / 3, 5, 0))
    assert (link.mean_us, link.most_us, link.share) == pytest.approx((16 / 3, 9, 2 / 3))
    assert (injection.mean_us, injection.most_us, injection.share) == pytest.approx(
        (8 / 3, 7, 1 / 3)
    )


def test_presentations_that_overlap_add_up_what_they_do_in_a_step():
    shared = WORK.overlapped(2)
    # The third step of one is the first of the next.
    np.testing.assert_array_equal(shared.synaptic_events, [[0, 1000], [2000, 0]])
    np.testing.assert_array_equal(shared.board, [[70], [0]])
    np.testing.assert_array_equal(shared.injected, [70, 10])
    assert shared.neurons is WORK.neurons
    np.testing.assert_allclose(step_durations(shared, COSTS).step, [7.5, 9.5])
    np.testing.assert_array_equal(WORK.overlapped(3).mesh, WORK.mesh)


def test_latencies_by_hand():
    # 23.5 us a tile, 17 to the next; 2 mJ of energy.
    short, modelled, assumed, long = latencies([WORK], Presented(3, 2, 2000.0, 5, 2), COSTS)
    assert modelled.name == MODELLED
    assert modelled.step_us == pytest.approx(23.5 / 3)
    assert (modelled.tile_ms, modelled.interval_ms) == pytest.approx((0.0235, 0.017))
    assert modelled.section_s == pytest.approx(5 * 23.5e-6)
    assert modelled.overlapped_s == pytest.approx((4 * 17 + 23.5) * 1e-6)
    # Two chips of 104 mW.
    assert modelled.static_uj == pytest.approx(2 * 104e-3 * 23.5)
    assert modelled.energy_delay_uj_s == pytest.approx(2000 * 23.5e-6)
    assert (short.step_us, short.tile_ms, short.interval_ms) == pytest.approx((2, 0.006, 0.004))
    # 10 and 70 us for what is injected.
    assert assumed.tile_ms == pytest.approx(0.0065 + 0.0105 + 0.0705)
    assert long.tile_ms == pytest.approx(3 * LONGEST_STEP_US / 1000)
    assert long.overlapped_s == pytest.approx((4 * 2 + 3) * 850e-6)


def test_without_overlap_or_sections_there_is_nothing_to_say():
    for one in latencies([WORK, WORK], Presented(3, None, 1.0, None, 1), COSTS):
        assert one.interval_ms is one.section_s is one.overlapped_s is None
    alone = latencies([WORK], Presented(3, None, 1.0, 4.0, 1), COSTS)[1]
    assert alone.section_s == pytest.approx(4 * 23.5e-6) and alone.overlapped_s is None


def test_injected_by_hand():
    found = injected_spikes([np.array([0, 10, 70]), np.array([40, 0, 0])])
    assert (found.per_tile, found.per_step, found.most_in_step) == (60, 20, 70)


def test_published_constants():
    assert (LOIHI_STEP.synaptic_event_ns, LOIHI_STEP.neuron_update_ns) == (3.5, 8.4)
    assert "Davies" in LOIHI_STEP.source and "Frady" in LOIHI_STEP.source
    with pytest.raises(InputError, match="barrier_us = -1"):
        replace(LOIHI_STEP, barrier_us=-1)
