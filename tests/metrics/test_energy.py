import json
from dataclasses import asdict, replace

import pytest

from loihiseg.errors import InputError
from loihiseg.metrics import energy
from loihiseg.metrics.energy import ActivityCounts, estimate_energy, inter_chip_sweep

# Two images of 100 steps each, 1000 neurons.
COUNTS = ActivityCounts(
    neuron_updates=200_000,
    synaptic_events=1_000_000,
    spikes=10_000,
    messages=40_000,
    inter_chip_messages=2_000,
    n_steps=200,
    n_images=2,
    macs=5_000_000,
)


def test_davies_by_hand():
    # per image: 500 000 * 23.6 pJ = 11.8 uJ; 100 000 * 81 pJ = 8.1 uJ;
    # 20 000 * 1.7 pJ = 0.034 uJ
    estimate = estimate_energy(COUNTS, energy.LOIHI_DAVIES_ACTIVE)
    assert estimate.synaptic_uj == pytest.approx(11.8)
    assert estimate.neuron_uj == pytest.approx(8.1)
    assert estimate.message_uj == pytest.approx(0.034)
    assert estimate.static_uj is None
    assert estimate.total_uj_per_image == pytest.approx(19.934)
    assert estimate.label == "estimate: counts x published constants"
    assert "Davies" in estimate.source
    json.dumps(asdict(estimate))


def test_inactive_neurons_by_hand():
    estimate = estimate_energy(COUNTS, energy.LOIHI_DAVIES_INACTIVE)
    assert estimate.neuron_uj == pytest.approx(5.2)


def test_static_power_by_hand():
    # 2 chips * 104 mW * 100 steps * 10 us = 208 uJ per image
    estimate = estimate_energy(COUNTS, energy.LOIHI_DAVIES_ACTIVE, n_chips=2, step_us=10)
    assert estimate.static_uj == pytest.approx(208)
    assert estimate.total_uj_per_image == pytest.approx(208 + 19.934)
    # KerasSpiking publishes no static power: left out, not zero.
    assert estimate_energy(COUNTS, energy.LOIHI, n_chips=2, step_us=10).static_uj is None


def test_keras_spiking_loihi_by_hand():
    # 500 000 * 27.1 pJ + 100 000 * 81 pJ
    estimate = estimate_energy(COUNTS, energy.LOIHI)
    assert estimate.total_uj_per_image == pytest.approx(13.55 + 8.1)
    assert estimate.message_uj is None


@pytest.mark.parametrize("device, nj", [(energy.CPU, 8.6), (energy.GPU, 0.3), (energy.ARM, 0.9)])
def test_one_forward_pass_by_hand(device, nj):
    # 5 000 000 MACs and 1000 activations, whatever the number of steps and images
    estimate = estimate_energy(COUNTS, device)
    assert estimate.synaptic_uj == pytest.approx(5000 * nj)
    assert estimate.neuron_uj == pytest.approx(nj)
    assert estimate.total_uj_per_image == pytest.approx(5001 * nj)


def test_presentations_that_overlap_by_hand():
    """Two of 100 steps, the second from the 60th on: 160 steps of 1000 neurons instead of 200."""
    work = energy.section_work(COUNTS, 1, 0.0)
    assert work.energy_uj == pytest.approx(2 * (13.55 + 8.1))
    found = energy.overlapping_energy_uj(work, 100, 60)
    assert found == pytest.approx(2 * 13.55 + 160_000 * 81e-6)
    assert energy.overlapping_energy_uj(work, 100, 100) == pytest.approx(work.energy_uj)


def test_the_host_part_by_hand():
    # 1 000 000 MACs and 40 values once, 30 neurons in each of 100 steps: 1 003 040 * 8.6 nJ
    counts = replace(COUNTS, host_macs=1_000_000, host_neurons=30, host_activations=40)
    estimate = estimate_energy(counts, energy.LOIHI)
    assert estimate.host_uj == pytest.approx(1_003_040 * 8.6e-3) and estimate.host == "cpu"
    assert estimate.with_host_uj == pytest.approx(estimate.total_uj_per_image + estimate.host_uj)
    # What is published of the chip stays comparable.
    before = estimate_energy(COUNTS, energy.LOIHI)
    assert estimate.total_uj_per_image == before.total_uj_per_image == before.with_host_uj
    assert (before.host_uj, before.host) == (None, None)
    on_arm = estimate_energy(counts, energy.LOIHI, host=energy.ARM)
    assert on_arm.host_uj == pytest.approx(1_003_040 * 0.9e-3)
    # What does not spike computes the whole network itself.
    assert estimate_energy(counts, energy.CPU).host_uj is None
    whole = estimate_energy(replace(counts, activations=5_000), energy.CPU)
    assert whole.neuron_uj == pytest.approx(5_000 * 8.6e-3)


@pytest.mark.parametrize("device", energy.DEVICES, ids=lambda device: device.name)
def test_estimates_are_per_image(device):
    twice = replace(
        COUNTS,
        **{
            name: 2 * getattr(COUNTS, name)
            for name in ("neuron_updates", "synaptic_events", "messages", "n_steps", "n_images")
        },
    )
    options = {"n_chips": 3, "step_us": 7.0}
    expected = estimate_energy(COUNTS, device, **options).total_uj_per_image
    assert estimate_energy(twice, device, **options).total_uj_per_image == pytest.approx(expected)


def test_spiking_terms_are_linear_in_steps():
    longer = replace(COUNTS, neuron_updates=400_000, synaptic_events=2_000_000, n_steps=400)
    short, long = (estimate_energy(counts, energy.LOIHI) for counts in (COUNTS, longer))
    assert long.total_uj_per_image == pytest.approx(2 * short.total_uj_per_image)


def test_device_names_differ():
    assert len({device.name for device in energy.DEVICES}) == len(energy.DEVICES)


def test_sweep_by_hand():
    # 1000 messages per image at 10 hops of 4 pJ = 40 000 pJ
    points = inter_chip_sweep(COUNTS)
    assert [point.hop_factor for point in points] == [10, 30, 100, 300, 1000]
    assert [point.uj_per_image for point in points] == pytest.approx([0.04, 0.12, 0.4, 1.2, 4])
    assert points[0].energy_per_message_pj == 40
    assert all("swept" in point.label for point in points)
    (point,) = inter_chip_sweep(COUNTS, [50], hop_pj=energy.HOP_EAST_WEST_PJ)
    assert point.uj_per_image == pytest.approx(0.15)
    json.dumps([asdict(point) for point in points])


def test_uncounted_is_refused_not_zero():
    uncounted = replace(COUNTS, messages=None, inter_chip_messages=None, macs=None)
    assert estimate_energy(uncounted, energy.LOIHI_DAVIES_ACTIVE).message_uj is None
    with pytest.raises(InputError, match="inter_chip_messages is None"):
        inter_chip_sweep(uncounted)
    with pytest.raises(InputError, match=r"cpu does not spike.*macs is None"):
        estimate_energy(uncounted, energy.CPU)


@pytest.mark.parametrize(
    "field, value",
    [("spikes", -1), ("macs", float("nan")), ("n_images", 0), ("n_steps", 0), ("messages", -2)],
)
def test_refuses_impossible_counts(field, value):
    with pytest.raises(InputError, match=f"{field} = {value}"):
        replace(COUNTS, **{field: value})


def test_refuses_impossible_options():
    with pytest.raises(InputError, match="n_chips = 0"):
        estimate_energy(COUNTS, energy.LOIHI, n_chips=0)
    with pytest.raises(InputError, match="step_us = 0"):
        estimate_energy(COUNTS, energy.LOIHI, step_us=0)
    with pytest.raises(InputError, match="hop factor = -1"):
        inter_chip_sweep(COUNTS, [-1])
