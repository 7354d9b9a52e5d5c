"""Random Keras models of every kind of layer that can be placed between two activations."""

from collections import Counter

from loihiseg.frameworks import tf

import numpy as np

from loihiseg.network.quantized import QuantizedReLU

L = tf.keras.layers
MOST_SIDE, MOST_CHANNELS = 14, 12

IMAGES = {
    "Conv2D": lambda r: L.Conv2D(n(r, 1, 5), size(r), strides=n(r, 1, 3), padding=padding(r)),
    "dilated": lambda r: L.Conv2D(n(r, 1, 4), 2, padding=padding(r), dilation_rate=2),
    "grouped": lambda r: L.Conv2D(2 * n(r, 1, 3), size(r), padding="same", groups=2),
    "bare": lambda r: L.Conv2D(n(r, 1, 5), 1, use_bias=False),
    "Conv2DTranspose": lambda r: L.Conv2DTranspose(
        n(r, 1, 5), size(r), strides=n(r, 1, 3), padding=padding(r)
    ),
    "output padding": lambda r: L.Conv2DTranspose(
        n(r, 1, 3), 3, strides=2, padding=padding(r), output_padding=n(r, 0, 2)
    ),
    "DepthwiseConv2D": lambda r: L.DepthwiseConv2D(
        size(r), strides=n(r, 1, 3), padding=padding(r), depth_multiplier=n(r, 1, 3)
    ),
    "SeparableConv2D": lambda r: L.SeparableConv2D(n(r, 1, 5), size(r), padding=padding(r)),
    "AveragePooling2D": lambda r: L.AveragePooling2D(
        n(r, 1, 4), strides=n(r, 1, 3), padding=padding(r)
    ),
    "nearest": lambda r: L.UpSampling2D((n(r, 1, 3), n(r, 1, 3))),
    "bilinear": lambda r: L.UpSampling2D(n(r, 1, 4), interpolation="bilinear"),
    "ZeroPadding2D": lambda r: L.ZeroPadding2D(((n(r, 0, 3), n(r, 0, 3)), (n(r, 0, 3), 1))),
    "Cropping2D": lambda r: L.Cropping2D(((n(r, 0, 2), n(r, 0, 2)), (n(r, 0, 2), 1))),
    "BatchNormalization": lambda r: L.BatchNormalization(
        scale=bool(r.integers(2)), center=bool(r.integers(2))
    ),
    "Rescaling": lambda r: L.Rescaling(float(r.normal()), float(r.normal())),
    "Dense": lambda r: L.Dense(n(r, 1, 5)),
    "Permute": lambda r: L.Permute(tuple(int(i) + 1 for i in r.permutation(3))),
    "GlobalAveragePooling2D": lambda r: L.GlobalAveragePooling2D(keepdims=True),
    "Dropout": lambda r: L.Dropout(0.5),
    "SpatialDropout2D": lambda r: L.SpatialDropout2D(0.5),
    "GaussianNoise": lambda r: L.GaussianNoise(0.5),
    "ActivityRegularization": lambda r: L.ActivityRegularization(0.1),
    "Identity": lambda r: L.Identity(),
    "linear": lambda r: L.Activation("linear"),
}
"""Layers that take an image."""

POOLS = {
    "MaxPooling2D": lambda r: L.MaxPooling2D(n(r, 1, 4), strides=n(r, 1, 3), padding=padding(r)),
    "GlobalMaxPooling2D": lambda r: L.GlobalMaxPooling2D(keepdims=True),
    "MaxPooling2D of 2": lambda r: L.MaxPooling2D(2),
}
JOINS = ("Add", "Subtract", "Average", "Concatenate")
EXTREMES = ("Maximum", "Minimum")


def n(rng, low, high):
    return int(rng.integers(low, high))


def size(rng):
    return n(rng, 1, 4), n(rng, 1, 4)


def padding(rng):
    return str(rng.choice(["same", "valid"]))


class Builder:
    """Grows one model."""

    def __init__(self, seed, levels=False):
        self.rng = np.random.default_rng([seed, levels])
        self.levels = levels
        self.kinds = Counter()
        self.counter = 0

    def model(self):
        """A model, and the names of its layers of neurons."""
        rng = self.rng
        pixels = tf.keras.Input((n(rng, 6, 11), n(rng, 6, 11), n(rng, 1, 3)), name="pixels")
        x = self.activation(L.Conv2D(n(rng, 2, 5), 3, padding="same")(pixels))
        self.known = [x]
        for _ in range(n(rng, 1, 4)):
            x = self.known[n(rng, 0, len(self.known))]
            x = self.pooled(x) if self.levels and rng.random() < 0.6 else x
            for _ in range(n(rng, 0, 4)):
                x = self.linear(x)
            x = self.activation(self.vector(x) if rng.random() < 0.15 else x)
            self.known.append(x)
        end = L.Conv2D(1, 1) if len(x.shape) == 4 else L.Dense(2)
        return tf.keras.Model(pixels, end(x))

    def called(self, kind, layer, x):
        """The result of a layer; x where it cannot take it, or it is too large."""
        try:
            y = layer(x)
        except ValueError:
            return x if not isinstance(x, list) else x[0]
        shape = tuple(y.shape[1:])
        fits = max(shape[:-1], default=1) <= MOST_SIDE and np.prod(shape) <= 14 * 14 * 6
        if min(shape) < 1 or not fits or shape[-1] > 6 * MOST_CHANNELS:
            return x if not isinstance(x, list) else x[0]
        self.kinds[kind] += 1
        return y

    def linear(self, x):
        """One layer more, of any kind."""
        rng = self.rng
        if len(x.shape) != 4:
            return self.called("Dense of a vector", L.Dense(n(rng, 1, 6)), x)
        chance = rng.random()
        if chance < 0.15:
            return self.joined(x)
        if chance < 0.2:
            return self.depth_to_space(x)
        if chance < 0.25:
            return self.shared(x)
        if chance < 0.3:
            return self.nested(x)
        kind = str(rng.choice(list(IMAGES)))
        return self.called(kind, IMAGES[kind](rng), x)

    def joined(self, x):
        """Something together with something else of its shape."""
        kind = str(self.rng.choice(JOINS))
        others = [y for y in self.known if y.shape == x.shape]
        other = others[0] if others else L.Conv2D(x.shape[-1], 3, padding="same")(x)
        if kind == "Concatenate":
            axis = n(self.rng, 1, 4)
            return self.called(f"Concatenate of axis {axis}", L.Concatenate(axis=axis), [x, other])
        if self.rng.random() < 0.2:
            other = L.GlobalAveragePooling2D(keepdims=True)(x)
            return self.called(f"{kind} broadcast", getattr(L, kind)(), [x, other])
        return self.called(kind, getattr(L, kind)(), [x, other])

    def depth_to_space(self, x):
        """Blocks of channels as pixels, by what Keras has for it."""
        rows, columns, channels = x.shape[1:]
        if channels % 4 or rows > 6 or columns > 6:
            return self.called("4 channels", L.Conv2D(4, 1), x)
        y = L.Reshape((rows, columns, 2, 2, channels // 4))(x)
        y = L.Permute((1, 3, 2, 4, 5))(y)
        return self.called("depth to space", L.Reshape((2 * rows, 2 * columns, -1)), y)

    def shared(self, x):
        """One layer twice."""
        layer = L.Conv2D(x.shape[-1], 3, padding="same")
        return self.called("shared", layer, self.activation(layer(x)))

    def nested(self, x):
        """A model inside."""
        inside = tf.keras.Input(x.shape[1:])
        y = L.BatchNormalization()(L.Conv2D(3, 3, padding="same")(inside))
        if self.rng.random() < 0.5:
            part = tf.keras.Model(inside, y)
        else:
            part = tf.keras.Sequential([inside, L.Conv2D(2, 2, padding="same"), L.Rescaling(0.5)])
        return self.called("nested", part, x)

    def pooled(self, x):
        """An extreme of activations of levels."""
        rng = self.rng
        if len(x.shape) != 4:
            return x
        if rng.random() < 0.3:
            x = self.called("BatchNormalization", L.BatchNormalization(), x)
        if rng.random() < 0.3:
            negative = L.Rescaling(-1.0)(x)
            return L.Rescaling(-1.0)(self.called("MinPooling", L.MaxPooling2D(2), negative))
        others = [y for y in self.known if y.shape == x.shape and y is not x]
        if others and rng.random() < 0.5 and any(x is y for y in self.known):
            kind = str(rng.choice(EXTREMES))
            return self.called(kind, getattr(L, kind)(), [x, others[0]])
        kind = str(rng.choice(list(POOLS)))
        return self.called(kind, POOLS[kind](rng), x)

    def vector(self, x):
        """A vector of an image."""
        if len(x.shape) != 4 or np.prod(x.shape[1:]) > 600:
            return x
        y = L.Dense(n(self.rng, 2, 8))(self.called("Flatten", L.Flatten(), x))
        if self.rng.random() < 0.5:
            y = self.called("Reshape", L.Reshape((2, 2, -1)), L.Dense(8)(y))
        return y

    def activation(self, x):
        """Neurons."""
        self.counter += 1
        if self.levels:
            return QuantizedReLU(3, 2.0, name=f"s{self.counter}")(x)
        chance = self.rng.random()
        if chance < 0.3:
            return L.Activation("relu", name=f"s{self.counter}")(x)
        if chance < 0.5:
            layer = L.ReLU(float(self.rng.uniform(0.2, 1.5)), name=f"s{self.counter}")
            return self.called("ReLU with a maximum", layer, x)
        return L.ReLU(name=f"s{self.counter}")(x)


def with_weights(model, seed):
    """The model with weights none of which is 0 or 1, of which values stay of the order of 1."""
    rng = np.random.default_rng(seed)
    for variable in model.weights:
        name = variable.name.rsplit("/", 1)[-1]
        if "variance" in name or "gamma" in name:
            sign = rng.choice([-1, 1], variable.shape) if "gamma" in name else 1
            variable.assign(sign * rng.uniform(0.5, 2, variable.shape))
        elif "kernel" in name:
            own = variable.shape[:2] if "depthwise" in name else variable.shape[:-1]
            variable.assign(rng.normal(0, 1.3 / np.sqrt(np.prod(own)), variable.shape))
        elif "alpha" not in name:
            variable.assign(rng.normal(0, 0.3, variable.shape))
    return model


def random_model(seed, levels=False):
    """A model with its weights, images for it, and how often it has each kind of layer."""
    builder = Builder(seed, levels)
    model = with_weights(builder.model(), seed)
    rng = np.random.default_rng(seed)
    pixels = rng.normal(size=(2, *model.input_shape[1:])).astype(np.float32)
    return model, pixels, builder.kinds
