"""The rate curve is nengo-loihi's, number by number, and trains as its smooth average."""

from loihiseg.frameworks import tf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loihiseg.network.activations import DT_S, LoihiReLU, loihi_rate
from loihiseg.network.regularizers import PercentileFiringRate


def nengo_rates(current_hz):
    from nengo_loihi.neurons import LoihiSpikingRectifiedLinear

    bias = np.asarray(current_hz, np.float64)
    return LoihiSpikingRectifiedLinear().rates(np.zeros(1), np.ones_like(bias), bias).ravel()


def gradient_of(current_hz):
    current = tf.constant(current_hz, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(current)
        rate = loihi_rate(current)
    return tape.gradient(rate, current).numpy()


# Steps between spikes, hand-counted: a neuron that gains `current` per second fires in the first
# step in which it has gained 1.
@pytest.mark.parametrize(
    "current_hz, rate_hz",
    [
        (-1e30, 0.0),
        (-400.0, 0.0),
        (0.0, 0.0),
        (1e-30, 0.0),
        (9.0, 1000 / 112),
        (60.0, 1000 / 17),
        (150.0, 1000 / 7),
        (300.0, 250.0),
        (400.0, 1000 / 3),
        (499.0, 1000 / 3),
        (501.0, 500.0),
        (999.0, 500.0),
        (1001.0, 1000.0),
        (1e6, 1000.0),
    ],
)
def test_rates_by_hand(current_hz, rate_hz):
    assert loihi_rate(tf.constant([current_hz])).numpy() == pytest.approx([rate_hz], rel=1e-6)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), spread=st.sampled_from([10.0, 300.0, 3000.0]))
def test_rates_equal_nengo_loihi(seed, spread):
    current_hz = np.random.default_rng(seed).normal(0, spread, 4000).astype(np.float32)
    positive = np.where(current_hz > 0, current_hz, np.inf).astype(np.float64)
    period = 1 / (DT_S * positive)
    # In float32 a period within rounding of a whole number may fall on either side of it.
    safe = np.abs(period - np.round(period)) > 1e-5 * np.maximum(period, 1)
    safe |= current_hz <= 0
    assert safe.sum() > 3500
    ours = loihi_rate(tf.constant(current_hz)).numpy()
    np.testing.assert_allclose(ours[safe], nengo_rates(current_hz)[safe], rtol=1e-5)


def test_rates_of_nengo_loihi_neurons_that_really_run():
    import nengo
    from nengo_loihi.neurons import LoihiSpikingRectifiedLinear

    current_hz = np.array([37.0, 113.0, 222.0, 400.0, 777.0])
    with nengo.Network() as net:
        at_rest = {"voltage": nengo.dists.Choice([0])}
        ensemble = nengo.Ensemble(
            5,
            1,
            neuron_type=LoihiSpikingRectifiedLinear(initial_state=at_rest),
            gain=np.ones(5),
            bias=current_hz,
        )
        probe = nengo.Probe(ensemble.neurons)
    with nengo.Simulator(net, progress_bar=False) as simulator:
        simulator.run(3.0)
    counted = (simulator.data[probe] > 0).sum(axis=0) / 3.0
    np.testing.assert_allclose(loihi_rate(tf.constant(current_hz, tf.float32)), counted, atol=1.0)


@settings(max_examples=200, deadline=None)
@given(st.floats(2**-6, 2000, width=32))
def test_staircase_lies_below_the_line_by_less_than_one_step(current_hz):
    rate_hz = float(loihi_rate(tf.constant(current_hz)))
    assert rate_hz <= min(current_hz, 1000.0) * (1 + 1e-5)
    # One step more between spikes than the ideal neuron, at most.
    assert 1 / rate_hz <= 1 / min(current_hz, 1000.0) + DT_S * (1 + 1e-4)


def test_gradient_by_hand():
    # d/dj of 1 / (1/j + dt/2) is 1 / (1 + j dt/2)**2; at 400 Hz 1 / 1.2**2.
    found = gradient_of([-5.0, 0.0, 1e-30, 400.0, 2000.0])
    assert found.tolist() == pytest.approx([0, 0, 1, 1 / 1.44, 0.25], rel=1e-6)


@settings(max_examples=100, deadline=None)
@given(st.floats(1, 1500))
def test_gradient_is_the_slope_of_the_average_curve(current_hz):
    def smooth(j):
        return 1 / (1 / j + DT_S / 2)

    step = current_hz * 1e-4
    slope = (smooth(current_hz + step) - smooth(current_hz - step)) / (2 * step)
    assert gradient_of([current_hz])[0] == pytest.approx(slope, rel=1e-4)


def test_gradient_takes_the_upstream_factor():
    current = tf.constant([400.0, -1.0])
    with tf.GradientTape() as tape:
        tape.watch(current)
        loss = tf.reduce_sum(loihi_rate(current) * [3.0, 7.0])
    assert tape.gradient(loss, current).numpy().tolist() == pytest.approx([3 / 1.44, 0.0])


@pytest.mark.parametrize("scale_hz", [50.0, 100.0, 250.0])
def test_layer_works_in_units_of_the_rate_scale(scale_hz):
    x = np.linspace(-2, 5, 101).astype(np.float32).reshape(1, 101)
    staircase = LoihiReLU(scale_hz)(x).numpy()
    np.testing.assert_allclose(
        staircase, loihi_rate(x * np.float32(scale_hz)) / scale_hz, rtol=1e-6
    )
    ideal = LoihiReLU(scale_hz, staircase=False)(x).numpy()
    np.testing.assert_allclose(ideal, np.maximum(x, 0), rtol=1e-6)


def test_layer_adds_the_regularizer_of_its_currents():
    regularizer = PercentileFiringRate(50, 50, 200, weight=2.0)
    layer = LoihiReLU(100.0, regularizer)
    layer(tf.constant([[-1.0], [3.0], [2.5]]))
    # Median current 250 Hz, 50 above the range: 2 * (50 / 200)**2.
    assert [float(loss) for loss in layer.losses] == pytest.approx([0.125])


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
@pytest.mark.parametrize("regularizer", [None, PercentileFiringRate(90, 40, 160, 0.3)])
def test_layer_survives_saving(tmp_path, suffix, regularizer):
    inputs = tf.keras.Input((6, 6, 2))
    x = tf.keras.layers.Conv2D(3, 3, name="conv")(inputs)
    outputs = LoihiReLU(80.0, regularizer, staircase=regularizer is None, name="spikes")(x)
    model = tf.keras.Model(inputs, outputs)
    model.save(tmp_path / f"model{suffix}", save_format={".h5": "h5"}.get(suffix, "keras_v3"))
    loaded = tf.keras.models.load_model(tmp_path / f"model{suffix}", compile=False)
    layer = loaded.get_layer("spikes")
    assert layer.get_config() == model.get_layer("spikes").get_config()
    assert (layer.rate_scale_hz, layer.staircase) == (80.0, regularizer is None)
    if regularizer is None:
        assert layer.rate_regularizer is None
    else:
        assert layer.rate_regularizer.get_config() == regularizer.get_config()
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 2)).astype(np.float32)
    np.testing.assert_array_equal(loaded(x), model(x))
    np.testing.assert_array_equal(
        [float(v) for v in loaded.losses], [float(v) for v in model.losses]
    )
