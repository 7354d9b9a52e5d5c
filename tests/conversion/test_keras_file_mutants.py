"""Keras files that were damaged: refused in words, or read as they were.

HDF5 as Keras writes it has no checksum: what was damaged in the numbers of an .h5 file is read as
other numbers. In a .keras file every member has one: nothing else than what was saved is ever read.
"""

import resource
import zipfile
from collections import Counter
from pathlib import Path

from loihiseg.frameworks import tf

import pytest

from loihiseg.conversion.keras_file import load_keras_model
from loihiseg.errors import InputError
from loihiseg.network.activations import LoihiReLU
from tests.mutants import mutants

L = tf.keras.layers

MOST_SECONDS = 10
MOST_BYTES = 1 << 30

KERAS_3 = Path(__file__).parents[1] / "fixtures" / "keras_3.zip"


def small_model():
    pixels = tf.keras.Input((4, 4, 1), name="pixels")
    x = L.BatchNormalization(name="n")(L.Conv2D(2, 3, padding="same", name="c")(pixels))
    x = LoihiReLU(name="s")(x)
    return tf.keras.Model(pixels, L.Conv2D(1, 1, name="logit")(x), name="net")


def saved(tmp_path, suffix):
    model = small_model()
    path = tmp_path / f"model{suffix}"
    model.save(path, save_format="h5" if suffix == ".h5" else "keras")
    return model, path


def meaning(model):
    """What a model computes: its layers, their settings and their numbers."""
    config = model.get_config()
    for layer in config["layers"]:
        # How numbers came about that were since read from the file.
        layer["config"] = {
            key: value
            for key, value in layer["config"].items()
            if not key.endswith(("initializer", "regularizer", "constraint"))
        }
    return str(config), [array.tobytes() for array in model.get_weights()]


def outcomes(model, path, n, seed):
    """How often damaged copies were refused, read as they were, or read as another model."""
    as_saved = meaning(model)
    counted = Counter()
    for number, data in enumerate(mutants(path.read_bytes(), n, seed)):
        damaged = path.with_name(f"damaged{path.suffix}")
        damaged.write_bytes(data)
        before, start = _peak_bytes(), _cpu_seconds()
        try:
            read = load_keras_model(damaged)
        except InputError as error:
            first, *more = str(error).splitlines()
            assert len(first) < 500 and all(line.startswith("  ") for line in more), str(error)
            counted["refused"] += 1
        else:
            counted["same" if meaning(read) == as_saved else "other"] += 1
        tf.keras.backend.clear_session()
        assert _cpu_seconds() - start < MOST_SECONDS, number
        assert _peak_bytes() - before < MOST_BYTES, number
    return counted


def _peak_bytes():
    """Most memory of this process and of any it started, so far."""
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return 1024 * sum(resource.getrusage(who).ru_maxrss for who in whose)


def _cpu_seconds():
    """Processor time of this process and of those it started: what a loop takes on any machine."""
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    used = [resource.getrusage(who) for who in whose]
    return sum(u.ru_utime + u.ru_stime for u in used)


def check(tmp_path, suffix, n, seed):
    counted = outcomes(*saved(tmp_path, suffix), n, seed)
    print(suffix, dict(counted))
    assert counted["refused"] > n // 2
    if suffix == ".keras":
        assert not counted["other"]


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_damaged(tmp_path, suffix, warm_map):
    check(tmp_path, suffix, 200, 1)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_much_damaged(tmp_path, suffix, warm_map):
    check(tmp_path, suffix, 2000, 2)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_much_damaged_files_of_keras_3(tmp_path, suffix, warm_map):
    with zipfile.ZipFile(KERAS_3) as archive:
        path = Path(archive.extract(f"in_a_row{suffix}", tmp_path))
    counted = outcomes(load_keras_model(path), path, 2000, 3)
    print("Keras 3", suffix, dict(counted))
    assert counted["refused"] > 1000
    if suffix == ".keras":
        assert not counted["other"]
