"""Random Keras models of float64 whose neurons are levels of functions that never fall."""

from contextlib import contextmanager

from loihiseg.frameworks import tf

import numpy as np

from loihiseg.network.equal_levels import EqualLevels

L = tf.keras.layers

FUNCTIONS = {
    "ReLU": lambda r: L.ReLU(),
    "ReLU6": lambda r: L.ReLU(6.0),
    "ReLU of all": lambda r: L.ReLU(
        float(r.uniform(1, 3)), float(r.uniform(0, 0.5)), float(r.uniform(0, 0.5))
    ),
    "LeakyReLU": lambda r: L.LeakyReLU(float(r.uniform(0.05, 0.6))),
    "PReLU": lambda r: L.PReLU(shared_axes=[1, 2]),
    "ELU": lambda r: L.ELU(float(r.uniform(0.3, 1.5))),
    "ThresholdedReLU": lambda r: L.ThresholdedReLU(float(r.uniform(0.1, 0.6))),
    **{
        name: lambda r, name=name: L.Activation(name)
        for name in ("sigmoid", "hard_sigmoid", "tanh", "softplus", "softsign", "selu", "elu",
                     "exponential", "linear")
    },
}  # fmt: skip
"""Activations by name."""

RANGES = {"sigmoid": (0, 1), "hard_sigmoid": (0, 1), "tanh": (-1, 1), "softsign": (-0.8, 0.8),
          "ReLU": (0, 2), "ReLU6": (0, 2), "ReLU of all": (-0.3, 1.5), "ThresholdedReLU": (0, 2),
          "exponential": (0.1, 3), "softplus": (0.1, 2)}  # fmt: skip
"""Values of level 0 and of the highest; of others -0.6 to 1.8."""


@contextmanager
def in_float64():
    """Layers that are made are of float64."""
    tf.keras.backend.set_floatx("float64")
    try:
        yield
    finally:
        tf.keras.backend.set_floatx("float32")


class _Builder:
    def __init__(self, seed):
        self.rng = np.random.default_rng([seed, 7])
        self.names, self.counter = set(), 0

    def levels(self, x):
        """A function, and levels of it."""
        rng = self.rng
        name = str(rng.choice(list(FUNCTIONS)))
        self.names.add(name)
        self.counter += 1
        low, high = RANGES.get(name, (-0.6, 1.8))
        low, high = low + float(rng.uniform(0, 0.05)), high * float(rng.uniform(0.7, 0.95))
        x = FUNCTIONS[name](rng)(x)
        return EqualLevels(int(rng.integers(1, 6)), low, high, name=f"s{self.counter}")(x)

    def linear(self, x):
        rng, filters = self.rng, int(self.rng.integers(2, 5))
        if rng.random() < 0.3:
            x = L.BatchNormalization()(x)
        size, padding = int(rng.integers(1, 4)), str(rng.choice(["same", "valid"]))
        kind = rng.choice(["plain", "strided", "transposed", "depthwise"])
        if kind == "strided":
            return L.Conv2D(filters, size, strides=2, padding=padding)(x)
        if kind == "transposed" and x.shape[1] <= 5:
            return L.Conv2DTranspose(filters, 2, strides=2)(x)
        if kind == "depthwise":
            return L.DepthwiseConv2D(size, padding=padding)(x)
        return L.Conv2D(filters, size, padding=padding)(x)

    def pooled(self, x):
        rng = self.rng
        if rng.random() < 0.3:
            x = L.BatchNormalization()(x)
        if x.shape[1] <= 5 and rng.random() < 0.5:
            x = L.UpSampling2D(int(rng.integers(2, 4)))(x)
        return L.MaxPooling2D(2, strides=int(rng.integers(1, 3)))(x)

    def model(self):
        rng = self.rng
        side = int(rng.integers(6, 9))
        pixels = tf.keras.Input((side, side, int(rng.integers(1, 3))), name="pixels")
        x = self.levels(L.Conv2D(int(rng.integers(2, 4)), 3, padding="same")(pixels))
        known = [x]
        for _ in range(int(rng.integers(1, 4))):
            x = self.pooled(x) if min(x.shape[1:3]) > 3 and rng.random() < 0.35 else x
            others = [y for y in known if y.shape[1:3] == x.shape[1:3] and y is not x]
            if others and rng.random() < 0.5:
                x = L.Concatenate()([x, others[0]])
            if min(x.shape[1:3]) < 3:
                break
            x = self.levels(self.linear(x))
            known.append(x)
        if not (known[1:] and known[-1] is x):
            x = self.levels(L.Conv2D(2, 1)(x))
        return tf.keras.Model(pixels, L.Conv2D(1, 1)(x))


def random_model(seed):
    """A model of float64 with float32's weights, images for it, and names of its functions."""
    builder = _Builder(seed)
    with in_float64():
        model = builder.model()
    rng = np.random.default_rng(seed)
    for variable in model.weights:
        name = variable.name.rsplit("/", 1)[-1]
        if "variance" in name or "gamma" in name:
            sign = rng.choice([-1, 1, 1], variable.shape) if "gamma" in name else 1
            value = sign * rng.uniform(0.5, 2, variable.shape)
        elif "kernel" in name:
            own = variable.shape[:2] if "depthwise" in name else variable.shape[:-1]
            value = rng.normal(0, 1.6 / np.sqrt(np.prod(own)), variable.shape)
        elif "alpha" in name:
            value = rng.uniform(0.05, 1.5, variable.shape)
        elif name.startswith(("low", "high")):
            value = variable.numpy()
        else:
            value = rng.normal(0.1, 0.3, variable.shape)
        variable.assign(np.float32(value).astype(float))
    pixels = rng.normal(size=(2, *model.input_shape[1:])).astype(np.float32)
    return model, pixels, builder.names
