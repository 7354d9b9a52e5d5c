"""Models of every shape come back as they were: models inside models, layers called twice."""

import json
import os
import subprocess
import sys
import zipfile

from loihiseg.frameworks import tf

import numpy as np
import pytest

from loihiseg.conversion.keras_file import layer_kinds, load_keras_model
from loihiseg.errors import InputError
from loihiseg.network.activations import LoihiReLU, PercentileFiringRate
from loihiseg.network.eight_bit import EightBitConv2D, EightBitConv2DTranspose
from loihiseg.network.quantized import QuantizedReLU

L = tf.keras.layers
SUFFIXES = [".h5", ".keras"]


def image(name=None, channels=2):
    return tf.keras.Input((4, 4, channels), name=name)


def block(channels=2, name="block"):
    inputs = image(channels=channels)
    x = L.BatchNormalization()(L.Conv2D(2, 3, padding="same")(inputs))
    return tf.keras.Model(inputs, L.Conv2D(2, 1)(L.LeakyReLU(0.2)(x)), name=name)


def called_twice():
    first, second = image("first"), image("second")
    shared = L.Conv2D(2, 3, padding="same", name="shared")
    return tf.keras.Model([first, second], shared(L.Add()([shared(first), shared(second)])))


def inside_called_twice():
    first, second = image("first"), image("second")
    inner = block()
    x = L.Concatenate()([inner(first), inner(second), first])
    return tf.keras.Model([first, second], [block(6, "other")(x), inner(inner(first))])


def three_deep():
    middle_in = image()
    middle = tf.keras.Model(
        middle_in, L.ReLU()(block()(block(name="again")(middle_in))), name="mid"
    )
    pixels = image("pixels")
    return tf.keras.Model(pixels, middle(pixels))


def frozen_inside():
    """.h5 files have the weights of the frozen part behind the others."""
    inner = tf.keras.Sequential(
        [L.Conv2D(2, 1, name="a"), L.BatchNormalization(), L.Conv2D(2, 1, name="b")], name="inner"
    )
    pixels = image("pixels")
    model = tf.keras.Model(pixels, inner(pixels))
    inner.layers[0].trainable = False
    return model


def all_frozen():
    pixels = image("pixels")
    inner = block()
    inner.trainable = False
    return tf.keras.Model(pixels, L.Conv2D(1, 1)(inner(pixels)))


def several_inputs_and_outputs_inside():
    first, second = image(), image()
    inner = tf.keras.Model(
        [first, second], [L.Add()([first, second]), L.Multiply()([first, second])]
    )
    pixels, others = image("pixels"), image("others")
    total, product = inner([pixels, others])
    return tf.keras.Model([pixels, others], L.Subtract()([L.Conv2D(2, 1)(total), product]))


def sequential():
    return tf.keras.Sequential(
        [image("pixels"), L.Conv2D(3, 3, activation="elu"), L.Flatten(), L.Dense(4), L.Softmax()]
    )


def sequential_of_models():
    return tf.keras.Sequential([image("pixels"), block(), L.Dropout(0.5), block(name="last")])


def every_plain_layer():
    pixels = image("pixels", 4)
    x = L.DepthwiseConv2D(3, padding="same")(pixels)
    x = L.SeparableConv2D(4, 3, padding="same", depth_multiplier=2)(x)
    x = L.PReLU(shared_axes=[1, 2])(L.GroupNormalization(2)(x))
    x = L.LayerNormalization()(L.ELU()(L.ReLU(6.0, 0.1)(x)))
    x = L.ZeroPadding2D(((1, 0), (2, 1)))(L.UpSampling2D(2, interpolation="bilinear")(x))
    x = L.Cropping2D(((1, 0), (2, 1)))(L.Rescaling(0.5, 1.0)(x))
    x = L.MaxPooling2D()(L.AveragePooling2D(2, 1, padding="same")(x))
    x = L.SpatialDropout2D(0.1)(L.GaussianNoise(0.1)(L.GaussianDropout(0.1)(x)))
    x = L.Average()([L.Maximum()([x, pixels]), L.Minimum()([x, pixels])])
    x = L.Permute((2, 1, 3))(L.Activation("tanh")(x))
    return tf.keras.Model(pixels, L.Dense(3)(L.Reshape((-1,))(L.GlobalAveragePooling2D()(x))))


def ours():
    pixels = image("pixels")
    x = EightBitConv2D(3, 3, padding="same", source_channels=[1, 1])(pixels)
    x = LoihiReLU(100.0, PercentileFiringRate(), window_steps=20)(x)
    x = QuantizedReLU(3)(EightBitConv2DTranspose(2, 2, 2)(x))
    kernel = {"kernel_regularizer": "l2", "kernel_constraint": tf.keras.constraints.MaxNorm(2.0)}
    return tf.keras.Model(pixels, L.Conv2D(1, 1, kernel_initializer="he_normal", **kernel)(x))


MODELS = [
    called_twice,
    inside_called_twice,
    three_deep,
    frozen_inside,
    all_frozen,
    several_inputs_and_outputs_inside,
    sequential,
    sequential_of_models,
    every_plain_layer,
    ours,
]


def randomized(model):
    rng = np.random.default_rng(0)
    model.set_weights([rng.uniform(0.5, 1.5, array.shape) for array in model.get_weights()])
    return model


def random_inputs(model):
    rng = np.random.default_rng(1)
    return [rng.normal(size=(2, *t.shape[1:])).astype("f4") for t in model.inputs]


def settings_of(model):
    """Settings of all layers inside, the initializers included."""
    leaves = [m for m in model.submodules if isinstance(m, L.Layer)]
    leaves = [leaf for leaf in leaves if not isinstance(leaf, (tf.keras.Model, L.InputLayer))]
    return sorted(json.dumps(leaf.get_config(), default=str) for leaf in leaves)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
def test_equal_to_the_bit(tmp_path, warm_map, make, suffix):
    model = randomized(make())
    path = tmp_path / f"model{suffix}"
    model.save(path, save_format="h5" if suffix == ".h5" else "keras")
    loaded = load_keras_model(path)
    inputs = random_inputs(model)
    inputs = inputs if len(inputs) > 1 else inputs[0]
    expected, found = (tf.nest.flatten(each(inputs)) for each in (model, loaded))
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_array_equal(one, other)
    trained = [[v.trainable for v in each.weights] for each in (model, loaded)]
    assert trained[0] == trained[1]
    assert settings_of(model) == settings_of(loaded)


def rewritten(path, change):
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(parts["config.json"])
    change(config["config"]["layers"])
    parts["config.json"] = json.dumps(config)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)


def test_all_faults_at_once(tmp_path, warm_map):
    path = tmp_path / "model.keras"
    sequential_of_models().save(path)

    def change(layers):
        layers[1]["config"]["layers"][1]["config"]["filters"] = -1
        layers[2]["config"]["rate"] = "much"
        layers[3]["class_name"] = "Lambda"

    rewritten(path, change)
    with pytest.raises(InputError) as error:
        load_keras_model(path)
    first, *others = str(error.value).splitlines()
    assert first == f"{path}: not read, for 3 reasons:"
    assert "filters is -1; expected a whole number in 1..1048576" in others[0]
    assert "(Dropout): rate is 'much'; expected a number in 0..1" in others[1]
    assert "(Lambda) carries Python code, which is not run" in others[2]


def test_training_call_is_refused(tmp_path, warm_map):
    """Its statistics would be those of the batch; conversion would take those of the file."""
    pixels = image("pixels")
    path = tmp_path / "model.h5"
    tf.keras.Model(pixels, L.BatchNormalization(name="n")(pixels, training=True)).save(path)
    with pytest.raises(InputError, match="layer 'n' is called with training=True; call it without"):
        load_keras_model(path)


_TODAY = """
import sys, numpy as np, keras
from keras import layers as L
image = lambda channels=2: keras.Input((4, 4, channels))
def block(channels, name):
    inputs = image(channels)
    x = L.BatchNormalization()(L.Conv2D(2, 3, padding="same", activation="silu")(inputs))
    return keras.Model(inputs, L.LeakyReLU(0.2)(x), name=name)
first, second = image(), image()
one = block(2, "one")
x = L.Concatenate()([one(first), one(second), L.Dropout(0.5)(first)])
tail = keras.Sequential([L.DepthwiseConv2D(3), L.ReLU(max_value=6.0), L.Conv2D(1, 1)], name="tail")
up = L.UpSampling2D(2, interpolation="bilinear")(L.LayerNormalization()(block(6, "two")(x)))
model = keras.Model([first, second], [tail(L.Conv2DTranspose(2, 2, 2, name="up")(x)), up])
one.trainable = False
rng = np.random.default_rng(0)
model.set_weights([rng.uniform(0.5, 1.5, w.shape) for w in model.get_weights()])
inputs = [rng.normal(size=(2, 4, 4, 2)).astype("f4") for _ in range(2)]
outputs = model.predict(inputs, verbose=0)
np.savez(sys.argv[1] + "/arrays.npz", *inputs, *outputs)
model.save(sys.argv[1] + "/model.h5")
model.save(sys.argv[1] + "/model.keras")
"""


@pytest.mark.slow
def test_files_of_todays_keras(tmp_path):
    """Of the one that is installed; `tests.conversion.test_keras_3` has files of one of its own."""
    pytest.importorskip("keras")
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment.pop("TF_USE_LEGACY_KERAS", None)
    subprocess.run(
        [sys.executable, "-c", _TODAY, str(tmp_path)],
        env=environment,
        check=True,
        stderr=subprocess.DEVNULL,
    )
    arrays = list(np.load(tmp_path / "arrays.npz").values())
    for suffix in SUFFIXES:
        found = load_keras_model(tmp_path / f"model{suffix}").predict(arrays[:2], verbose=0)
        for one, other in zip(arrays[2:], found, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


def test_kinds_without_tensorflow(tmp_path):
    path = tmp_path / "model.keras"
    ours().save(path)
    code = (
        "import sys; from loihiseg.conversion.keras_file import layer_kinds; "
        f"assert 'QuantizedReLU' in layer_kinds({str(path)!r}); "
        "sys.exit('tensorflow' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert {"EightBitConv2D", "LoihiReLU", "PercentileFiringRate"} <= layer_kinds(path)
