"""Models as today's Keras saves them, and what they give, for `tests.conversion.test_keras_3`.

Keras 3 and tf_keras cannot be in one process, so this runs in an environment that has Keras alone::

    python3.12 -m venv keras3
    keras3/bin/pip install keras==3.15.1 jax h5py
    KERAS_BACKEND=jax keras3/bin/python tests/make_keras_3.py tests/fixtures/keras_3.zip
"""

import sys
import tempfile
import zipfile
from pathlib import Path

import keras
import numpy as np
from keras import layers as L

SIDE, CHANNELS = 8, 2


def pixels(name="pixels", channels=CHANNELS):
    return keras.Input((SIDE, SIDE, channels), name=name)


def stem(x):
    return L.Conv2D(4, 3, padding="same", activation="relu", name="stem")(x)


def convolutions():
    """Convolutions of every kind, stride, border and dilation."""
    first = pixels()
    x = stem(first)
    x = L.ReLU()(L.Conv2D(4, (3, 2), padding="valid", dilation_rate=2, groups=2)(x))
    x = L.ReLU()(L.Conv2DTranspose(3, 2, strides=3, padding="valid")(x))
    x = L.ReLU()(L.DepthwiseConv2D(3, strides=2, padding="same", depth_multiplier=2)(x))
    x = L.ReLU()(L.SeparableConv2D(4, 3, padding="same", depth_multiplier=2)(x))
    x = L.ReLU()(L.Conv2DTranspose(2, 3, strides=2, padding="same", use_bias=False)(x))
    return keras.Model(first, L.Conv2D(1, 1, strides=2, name="logit")(x))


def images():
    """What changes rows, columns and values."""
    first = pixels()
    x = stem(first)
    x = L.BatchNormalization()(L.AveragePooling2D((2, 3), strides=2, padding="same")(x))
    x = L.ReLU()(L.Conv2D(3, 3)(L.ZeroPadding2D(((1, 2), (0, 1)))(x)))
    x = L.UpSampling2D((2, 3), interpolation="nearest")(x)
    x = L.ReLU()(L.Conv2D(3, 1)(L.Cropping2D(((0, 1), (2, 0)))(x)))
    x = L.Rescaling(0.5, offset=-0.25)(L.UpSampling2D(2, interpolation="bilinear")(x))
    x = L.BatchNormalization(scale=False, center=False)(L.ReLU()(x))
    return keras.Model(first, L.Conv2D(2, 3, name="logit")(L.ReLU()(x)))


def vectors():
    """Vectors of images and images of vectors."""
    first = pixels()
    x = L.Permute((2, 3, 1))(stem(first))
    x = L.Flatten()(L.AveragePooling2D(2)(x))
    x = L.Reshape((2, 3, -1))(L.Dense(12, activation="relu")(x))
    x = L.GlobalAveragePooling2D()(L.Conv2D(4, 2, activation="relu")(x))
    x = L.Dense(5, activation="relu", use_bias=False)(x)
    return keras.Model(first, L.Softmax()(L.Dense(3, name="logit")(x)))


def joined():
    """Several inputs, layers called twice, models inside models."""
    first, second = pixels("first"), pixels("second")
    shared = L.Conv2D(3, 3, padding="same", name="shared")
    x, y = L.ReLU()(shared(first)), L.ReLU()(shared(second))
    inside = keras.Input((SIDE, SIDE, 3))
    z = L.BatchNormalization()(L.Conv2D(3, 3, padding="same")(inside))
    part = keras.Model(inside, L.Conv2D(3, 1)(z), name="part")
    part.trainable = False  # Keras writes weights that are not trained behind those that are
    row = keras.Sequential([L.Conv2D(3, 1), L.BatchNormalization()], name="row")
    x, y = L.ReLU()(part(L.Add()([x, y]))), L.ReLU()(row(L.Subtract()([y, x])))
    x = L.Concatenate()([x, y, L.Average()([part(x), y])])
    end = L.Activation("relu")(L.Conv2D(2, 1)(x))
    return keras.Model([first, second], L.Conv2D(1, 1, activation="sigmoid", name="end")(end))


def without_effect():
    """Layers that do nothing once trained."""
    first = pixels()
    x = L.Dropout(0.5, noise_shape=(None, 1, 1, 4))(stem(first))
    x = L.SpatialDropout2D(0.2)(L.AlphaDropout(0.2, seed=3)(L.GaussianDropout(0.3)(x)))
    x = L.Identity()(L.ActivityRegularization(0.1, 0.2)(L.GaussianNoise(0.1)(x)))
    x = L.ReLU()(L.Activation("linear")(L.Conv2D(3, 3)(x)))
    return keras.Model(first, L.Conv2D(1, 1, name="logit")(x))


def read_outs():
    """What the host computes behind the chip."""
    first = pixels()
    x = L.Conv2D(4, 3, activation="relu")(stem(first))
    x = L.LeakyReLU(negative_slope=0.1)(L.Conv2D(4, 3, padding="same")(x))
    x = L.ELU()(L.MaxPooling2D(2, padding="same")(L.Conv2D(4, 1)(x)))
    x = L.Activation("tanh")(L.Conv2DTranspose(3, 3, strides=2, padding="same")(x))
    x = L.Activation("softplus")(L.Conv2D(3, 1)(x))
    return keras.Model(first, L.Dense(2, name="end")(L.GlobalMaxPooling2D()(x)))


def read_alone():
    """What is read, and run by no chip."""
    first = pixels()
    x = L.PReLU(shared_axes=(1, 2))(stem(first))
    x = L.LayerNormalization()(L.MaxPooling2D(2)(x))
    y = L.GroupNormalization(2)(L.Conv2D(4, 1, activation="silu")(x))
    x = L.Maximum()([x, L.Multiply()([x, y])])
    x = L.Minimum()([L.ReLU(max_value=1.5, negative_slope=0.1)(x), L.ELU(alpha=0.5)(y)])
    return keras.Model(first, L.Conv2D(1, 1, name="logit")(x))


def mobile():
    """Inverted residuals, whose activations have a maximum, as networks for phones have them."""
    first = pixels()
    x = stem(first)
    y = L.ReLU(max_value=1.5)(L.BatchNormalization()(L.Conv2D(6, 1, use_bias=False)(x)))
    y = L.DepthwiseConv2D(3, padding="same", use_bias=False)(y)
    y = L.Activation("relu6")(L.Rescaling(5.0)(L.BatchNormalization()(y)))
    x = L.Add()([x, L.BatchNormalization()(L.Conv2D(4, 1, use_bias=False)(y))])
    x = L.Conv2D(5, 3, strides=2, padding="same", activation="relu6")(x)
    x = L.Dense(6, activation="relu6")(L.GlobalAveragePooling2D()(x))
    return keras.Model(first, L.Dense(3, name="logit")(x))


def in_a_row():
    """A model of layers one behind the other, whose input is no layer of it."""
    model = keras.Sequential(
        [
            L.Conv2D(3, 3, activation="relu", kernel_regularizer="l2"),
            L.BatchNormalization(),
            L.Conv2D(3, 3, kernel_initializer="he_normal"),
            L.ReLU(),
            L.Dense(2, name="logit"),
        ]
    )
    model.build((None, SIDE, SIDE, CHANNELS))
    return model


MODELS = {
    "convolutions": convolutions,
    "images": images,
    "vectors": vectors,
    "joined": joined,
    "without_effect": without_effect,
    "read_outs": read_outs,
    "read_alone": read_alone,
    "in_a_row": in_a_row,
    "mobile": mobile,
}


def with_weights(model, seed):
    """The model with weights none of which is 0 or 1."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        shape = tuple(weight.shape)
        if "variance" in weight.name or "gamma" in weight.name:
            weight.assign(rng.uniform(0.5, 2, shape))
        elif "kernel" in weight.name:
            weight.assign(rng.normal(0, 1.3 / np.sqrt(np.prod(shape[:-1])), shape))
        elif "seed" not in weight.name:
            weight.assign(np.abs(rng.normal(0, 0.3, shape)))
    return model


def main(path):
    """Write the archive: of each model both formats, its inputs and what it gives for them."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for seed, (name, make) in enumerate(MODELS.items()):
            keras.utils.clear_session()
            model = with_weights(make(), seed)
            rng = np.random.default_rng(seed)
            shapes = [tuple(tensor.shape[1:]) for tensor in model.inputs]
            inputs = [rng.normal(size=(2, *shape)).astype(np.float32) for shape in shapes]
            outputs = np.asarray(model(inputs if len(inputs) > 1 else inputs[0]))
            with tempfile.TemporaryDirectory() as folder:
                for suffix in (".keras", ".h5"):
                    model.save(Path(folder) / f"{name}{suffix}")
                values = {f"input{number}": array for number, array in enumerate(inputs)}
                np.savez(Path(folder) / f"{name}.npz", output=outputs, **values)
                for file in sorted(Path(folder).iterdir()):
                    # A date of its own, so that the same models are the same bytes.
                    archive.writestr(zipfile.ZipInfo(file.name), file.read_bytes(), 8, 9)


if __name__ == "__main__":
    main(sys.argv[1])
