"""The algebra between two activations computes what Keras computes, borders included."""

from loihiseg.frameworks import tf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loihiseg.conversion.convolution import term_input
from loihiseg.conversion.linear import SparseTerm, Term
from loihiseg.conversion.lowering import linear_map as linear
from loihiseg.conversion.lowering import taps
from loihiseg.conversion.lowering.terms import terms_of
from loihiseg.conversion.lowering.windows import NotPlacedError, Windows

SEEDS = st.integers(0, 2**32 - 1)


def run(one, sources):
    """Evaluate the terms that a map becomes."""
    n_images = len(next(iter(sources.values())))
    total = np.broadcast_to(one.offset, (n_images, *one.shape)).astype(np.float32)
    for term in terms_of(one):
        total = total + term_input(term, sources[term.source], one.shape)
    return total


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


def mixture(rng, names, shape, channels):
    """A random channel mixture of several sources, and its sources' values."""
    sources = {
        n: rng.normal(size=(2, *shape, rng.integers(1, 4))).astype(np.float32) for n in names
    }
    maps = []
    for name, x in sources.items():
        kernel = rng.normal(size=(x.shape[-1], channels))
        one = linear.identity(name, x.shape[1:])
        maps.append(linear.apply(one, linear.mixture(kernel, one.shape)))
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
    assert len(terms_of(joined)) == 1
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
    assert len(terms_of(twice)) == n
    close(run(twice, xs), 2 * expected)


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, n=st.integers(1, 3))
def test_scaling_twice_is_scaling_by_the_product(seed, n):
    rng = np.random.default_rng(seed)
    one, xs = mixture(rng, [str(i) for i in range(n)], (3, 4), 3)
    a, b, c, d = rng.normal(size=(4, 3))
    twice = linear.scale(linear.scale(one, a, b), c, d)
    close(run(twice, xs), run(linear.scale(one, a * c, b * c + d), xs))


def along(rng, length):
    """Random taps along an axis: one of every kind."""
    size, stride = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    kind = rng.integers(8)
    if kind == 0:
        return taps.identity(length)
    if kind == 1:
        before = int(rng.integers(0, size))
        dilation = int(rng.integers(1, 3))
        return taps.sliding(length, -(-length // stride), size, stride, before, dilation)
    if kind == 2:
        return taps.transposed(length, length * stride, size, stride, int(rng.integers(0, size)))
    if kind == 3:
        result = -(-length // stride)
        before = max((result - 1) * stride + size - length, 0) // 2
        return taps.means(length, result, size, stride, before)
    if kind == 4:
        before = int(rng.integers(-length // 2, 3))
        return taps.moved(length, before, max(length + before - int(rng.integers(0, 2)), 1))
    if kind == 5:
        return taps.repeated(length, stride)
    if kind == 6:
        return taps.bilinear(length, stride)
    return taps.means(length, 1, length, length, 0)


def windows(rng, shape):
    """A random operation of an image of a shape."""
    rows, columns = along(rng, shape[0]), along(rng, shape[1])
    size = rows.n_taps, columns.n_taps
    if rng.integers(2):
        return Windows(rows, columns, rng.normal(size=(*size, shape[2], 1)), True)
    return Windows(rows, columns, rng.normal(size=(*size, shape[2], rng.integers(1, 4))))


@settings(max_examples=80, deadline=None)
@given(seed=SEEDS, n=st.integers(1, 4))
def test_operations_in_a_row_are_one(seed, n):
    """On impulses at the corners, the edges and inside: a composed map, and step by step."""
    rng = np.random.default_rng(seed)
    shape = int(rng.integers(2, 7)), int(rng.integers(2, 7)), int(rng.integers(1, 3))
    image = np.zeros(shape)
    for place in rng.integers(0, 100, (4, 3)):
        image[tuple(place % shape)] = rng.normal()
    for row in (0, shape[0] - 1):
        image[row, rng.integers(shape[1])] = rng.normal()
    one, expected = linear.identity("a", shape), image
    for _ in range(n):
        if max(one.shape) > 24:
            break
        bias = rng.normal(size=one.shape[2]) * rng.integers(2)
        one = linear.scale(one, np.ones(one.shape[2]), bias)
        own = windows(rng, one.shape)
        expected = own.of(expected + np.float32(bias))
        one = linear.apply(one, own)
    assert one.shape == expected.shape
    found = run(one, {"a": image[None].astype(np.float32)})
    scale = np.abs(expected).max() + 1e-3
    np.testing.assert_allclose(found[0] / scale, expected / scale, atol=2e-5)


def test_what_no_convolution_expresses_is_sparse():
    """A convolution whose values were cut off at the border by the padding of the next."""
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(3, 3, 2, 2))
    rows, columns = (taps.sliding(n, n, 3, 1, 1) for n in (6, 5))
    own = Windows(rows, columns, kernel)
    one = linear.apply(linear.apply(linear.identity("a", (6, 5, 2)), own), own)
    whole, border = terms_of(one)
    assert isinstance(whole, Term) and whole.kernel.shape == (5, 5, 2, 2)
    assert isinstance(border, SparseTerm) and border.weights.has_sorted_indices
    inner = border.weights.toarray().reshape(6, 5, 2, 6, 5, 2)[1:-1, 1:-1]
    assert not inner.any()


def test_a_map_of_too_many_weights_is_refused():
    rng = np.random.default_rng(0)
    one = linear.identity("a", (64, 64, 16))
    down = Windows(taps.sliding(64, 32, 2, 2), taps.sliding(64, 32, 2, 2),
                          rng.normal(size=(2, 2, 16, 16)))  # fmt: skip
    up = Windows(taps.repeated(32, 2), taps.repeated(32, 2), rng.normal(size=(1, 1, 16, 80)))
    one = linear.apply(linear.apply(one, down), up)
    with pytest.raises(NotPlacedError, match="put an activation between"):
        terms_of(one)


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


def test_maps_are_not_changed_in_place():
    one = linear.identity("a", (4, 4, 2))
    kernel = one.parts[0].windows.kernel.copy()
    linear.scale(one, [5, 6], [7, 8])
    linear.add([one, one])
    linear.concatenate([one, one])
    np.testing.assert_array_equal(one.parts[0].windows.kernel, kernel)
    assert one.offset.tolist() == [0, 0]
