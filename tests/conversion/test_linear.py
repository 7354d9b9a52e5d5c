"""The algebra between two activations computes what Keras computes."""

from loihiseg.frameworks import tf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loihiseg.conversion import linear

SEEDS = st.integers(0, 2**32 - 1)


def run(one, sources):
    """Evaluate a map on a batch, with TensorFlow's own convolutions."""
    total = tf.constant(one.offset)
    for term in one.terms:
        x = sources[term.source]
        if term.transposed:
            shape = (len(x), *one.shape)
            kernel = np.swapaxes(term.kernel, 2, 3)
            y = tf.nn.conv2d_transpose(x, kernel, shape, term.strides, term.padding.upper())
        else:
            y = tf.nn.conv2d(x, term.kernel, term.strides, term.padding.upper())
        assert tuple(y.shape[1:]) == one.shape
        total = total + y
    return np.broadcast_to(total, (len(next(iter(sources.values()))), *one.shape))


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


def mixture(rng, names, shape, channels):
    """A random channel mixture of several sources, and its sources' values."""
    sources = {
        n: rng.normal(size=(2, *shape, rng.integers(1, 4))).astype(np.float32) for n in names
    }
    maps = []
    for name, x in sources.items():
        kernel = rng.normal(size=(1, 1, x.shape[-1], channels)).astype(np.float32)
        maps.append(
            linear.LinearMap((linear.Term(name, kernel),), np.zeros(channels), (*shape, channels))
        )
    return linear.add(maps), sources


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, n=st.integers(1, 4))
def test_concatenate_equals_keras(seed, n):
    rng = np.random.default_rng(seed)
    xs = [rng.normal(size=(2, 5, 4, rng.integers(1, 4))).astype(np.float32) for _ in range(n)]
    maps = [linear.identity(str(i), x.shape[1:]) for i, x in enumerate(xs)]
    joined = linear.concatenate(maps)
    assert joined.shape == (5, 4, sum(x.shape[-1] for x in xs))
    close(run(joined, {str(i): x for i, x in enumerate(xs)}), np.concatenate(xs, axis=-1))


def test_concatenate_of_a_source_with_itself_is_one_term():
    x = np.random.default_rng(0).normal(size=(1, 3, 3, 2)).astype(np.float32)
    one = linear.identity("a", (3, 3, 2))
    joined = linear.concatenate([one, linear.scale(one, [2, 3], [0, 1])])
    assert len(joined.terms) == 1
    close(run(joined, {"a": x}), np.concatenate([x, x * [2, 3] + [0, 1]], axis=-1))


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, n=st.integers(1, 3))
def test_add_and_scale_equal_numpy(seed, n):
    rng = np.random.default_rng(seed)
    xs = {str(i): rng.normal(size=(2, 4, 3, 2)).astype(np.float32) for i in range(n)}
    factors, offsets = rng.normal(size=(n, 2)), rng.normal(size=(n, 2))
    maps = [
        linear.scale(linear.identity(str(i), (4, 3, 2)), factors[i], offsets[i]) for i in range(n)
    ]
    expected = sum(xs[str(i)] * factors[i] + offsets[i] for i in range(n))
    close(run(linear.add(maps), xs), expected)
    # Adding twice is doubling, with no term more.
    twice = linear.add([linear.add(maps), linear.add(maps)])
    assert len(twice.terms) == n
    close(run(twice, xs), 2 * expected)


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, n=st.integers(1, 3))
def test_scaling_twice_is_scaling_by_the_product(seed, n):
    rng = np.random.default_rng(seed)
    one, xs = mixture(rng, [str(i) for i in range(n)], (3, 4), 3)
    a, b, c, d = rng.normal(size=(4, 3))
    twice = linear.scale(linear.scale(one, a, b), c, d)
    close(run(twice, xs), run(linear.scale(one, a * c, b * c + d), xs))


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS)
def test_batch_normalization_folds(seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(2, 4, 4, 3)).astype(np.float32)
    layer = tf.keras.layers.BatchNormalization()
    layer.build((None, 4, 4, 3))
    layer.set_weights(
        [rng.normal(size=3), rng.normal(size=3), rng.normal(size=3), rng.uniform(0.1, 2, 3)]
    )
    gamma, beta, mean, variance = layer.get_weights()
    factor = gamma / np.sqrt(variance + layer.epsilon)
    folded = linear.scale(linear.identity("a", (4, 4, 3)), factor, beta - mean * factor)
    close(run(folded, {"a": x}), layer(x, training=False))


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("kernel", [1, 2, 3, 5])
@pytest.mark.parametrize("n_sources", [1, 3])
def test_convolution_of_a_mixture(kernel, stride, padding, n_sources):
    rng = np.random.default_rng([kernel, stride, n_sources])
    one, xs = mixture(rng, [str(i) for i in range(n_sources)], (9, 8), 4)
    if padding == "valid":
        one = linear.scale(one, rng.normal(size=4), rng.normal(size=4))
    layer = tf.keras.layers.Conv2D(2, kernel, stride, padding=padding, bias_initializer="normal")
    expected = layer(run(one, xs))
    weights, bias = layer.get_weights()
    found = linear.convolve(
        one, weights, bias, expected.shape[1:], strides=(stride, stride), padding=padding
    )
    assert [t.source for t in found.terms] == [str(i) for i in range(n_sources)]
    assert found.convolved
    close(run(found, xs), expected)


@pytest.mark.parametrize("padding", ["valid"])
@pytest.mark.parametrize("kernel, stride", [(2, 2), (3, 3), (3, 2), (2, 3), (1, 1), (3, 1)])
@pytest.mark.parametrize("n_sources", [1, 2])
def test_transposed_convolution_of_a_mixture(kernel, stride, padding, n_sources):
    rng = np.random.default_rng([kernel, stride, n_sources])
    one, xs = mixture(rng, [str(i) for i in range(n_sources)], (4, 5), 3)
    layer = tf.keras.layers.Conv2DTranspose(2, kernel, stride, padding=padding)
    expected = layer(run(one, xs))
    weights, bias = layer.get_weights()
    found = linear.convolve(
        one,
        np.swapaxes(weights, 2, 3),
        bias,
        expected.shape[1:],
        strides=(stride, stride),
        padding=padding,
        transposed=True,
    )
    close(run(found, xs), expected)


def offset_map():
    return linear.scale(linear.identity("a", (4, 4, 1)), [1.0], [0.5])


@pytest.mark.parametrize("padding, transposed", [("same", False), ("valid", True), ("same", True)])
def test_offset_under_padding_is_refused(padding, transposed):
    kernel = np.ones((3, 3, 1, 1), np.float32)
    with pytest.raises(linear.NotLinearizableError, match="cuts off at the border"):
        linear.convolve(
            offset_map(), kernel, np.zeros(1), (4, 4, 1), strides=(1, 1), padding=padding,
            transposed=transposed,
        )  # fmt: skip


def test_offset_goes_through_a_1_by_1_convolution():
    kernel = np.full((1, 1, 1, 2), 3.0, np.float32)
    found = linear.convolve(
        offset_map(), kernel, np.array([1.0, -1.0]), (2, 2, 2), strides=(2, 2), padding="same"
    )
    assert found.offset.tolist() == [2.5, 0.5]


def test_second_convolution_is_refused():
    kernel = np.ones((3, 3, 1, 1), np.float32)
    once = linear.convolve(
        linear.identity("a", (6, 6, 1)),
        kernel,
        np.zeros(1),
        (4, 4, 1),
        strides=(1, 1),
        padding="valid",
    )
    for one in (once, linear.concatenate([once]), linear.add([once]), linear.scale(once, [2], [0])):
        with pytest.raises(linear.NotLinearizableError, match="follows another convolution"):
            linear.convolve(one, kernel, np.zeros(1), (2, 2, 1), strides=(1, 1), padding="valid")


def test_maps_are_not_changed_in_place():
    one = linear.identity("a", (4, 4, 2))
    kernel = one.terms[0].kernel.copy()
    linear.scale(one, [5, 6], [7, 8])
    linear.add([one, one])
    linear.concatenate([one, one])
    np.testing.assert_array_equal(one.terms[0].kernel, kernel)
    assert one.offset.tolist() == [0, 0]
