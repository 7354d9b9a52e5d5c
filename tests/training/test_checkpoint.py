"""A checkpoint comes back as it was written, or is refused in one line."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loihiseg.compilation.source import load_network
from loihiseg.data.record import DataRecord, SplitRecord
from loihiseg.errors import InputError
from loihiseg.files import sha256
from loihiseg.network.config import RateTarget, UNetConfig
from loihiseg.network.weight_shapes import weight_shapes
from loihiseg.storage.arrays import pack_arrays
from loihiseg.training.checkpoint import (
    FILE_NAME,
    Checkpoint,
    CheckpointInfo,
    load_checkpoint,
    model_weights,
    save_checkpoint,
    set_model_weights,
)
from loihiseg.training.presets import TrainingConfig
from partition.storage.strict_json import sealed

CONFIG = TrainingConfig(
    UNetConfig(16, (2, 3), (1, 1), (1,), rates=RateTarget(weight=0.25)), crop=32, batch=2, seed=7
)
INFO = CheckpointInfo(
    CONFIG,
    DataRecord("somewhere", "d1g3st", "labels: none", SplitRecord((0, 3), (3, 4), (4, 6))),
    threshold=0.375,
    epoch=4,
    metrics={"accuracy": 0.5, "membrane_iou": 0.25},
    versions={"python": "3"},
)


def weights(seed=0):
    rng = np.random.default_rng(seed)
    shapes = weight_shapes(CONFIG.network)
    return {name: rng.normal(size=shape).astype("f4") for name, shape in shapes.items()}


def equal(one, other):
    assert list(one) == list(other)
    for name in one:
        np.testing.assert_array_equal(one[name], other[name])
        assert one[name].dtype == other[name].dtype


@pytest.fixture
def folder(tmp_path):
    save_checkpoint(tmp_path, Checkpoint(INFO, weights()))
    return tmp_path


def refused(folder, says):
    with pytest.raises(InputError, match=says) as error:
        load_checkpoint(folder)
    assert "\n" not in str(error.value) and str(folder) in str(error.value)


def edit(folder, **changes):
    """Change the description, its digest made right again."""
    document = json.loads((folder / FILE_NAME).read_text())
    document.update(changes)
    kept = {k: v for k, v in document.items() if v is not None}
    (folder / FILE_NAME).write_text(json.dumps(sealed(kept, "digest")))
    return document


def as_format_1(folder):
    """The description as versions up to 0.9 wrote it: without a digest."""
    document = json.loads((folder / FILE_NAME).read_text())
    del document["digest"]
    (folder / FILE_NAME).write_text(json.dumps(document | {"format": 1}))


def test_round_trip(folder):
    found = load_checkpoint(folder)
    assert found.info == INFO
    equal(found.weights, weights())
    assert len(list(folder.iterdir())) == 2


def test_same_checkpoint_is_the_same_bytes(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    save_checkpoint(other, Checkpoint(INFO, weights()))
    assert sorted(p.name for p in folder.iterdir()) == sorted(p.name for p in other.iterdir())
    for path in folder.iterdir():
        assert path.read_bytes() == (other / path.name).read_bytes()


def test_newer_replaces_older(folder):
    save_checkpoint(folder, Checkpoint(replace(INFO, epoch=5), weights(1)))
    assert load_checkpoint(folder).info.epoch == 5
    equal(load_checkpoint(folder).weights, weights(1))
    assert len(list(folder.glob("*"))) == 2


def test_kill_between_weights_and_description(folder, monkeypatch):
    """Until the description is renamed into place the older checkpoint is whole."""
    from loihiseg.training import checkpoint

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint, "write_json", killed)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(folder, Checkpoint(replace(INFO, epoch=5), weights(1)))
    assert load_checkpoint(folder).info == INFO
    equal(load_checkpoint(folder).weights, weights())


def test_tuples_of_the_configuration_come_back_as_tuples(folder):
    network = load_checkpoint(folder).info.config.network
    assert network.channels == (2, 3) and isinstance(network.channels, tuple)
    hash(load_checkpoint(folder).info.config)


@pytest.mark.parametrize("version", [0, 3, "1", True, 1.0, None])
def test_another_version(folder, version):
    edit(folder, format=version)
    refused(folder, f"format {version}, this version reads formats 1 and 2; train it again or use")


@pytest.mark.parametrize("key", ["config", "data", "threshold", "epoch", "metrics", "weights"])
def test_key_missing(folder, key):
    edit(folder, **{key: None})
    refused(folder, f"damaged checkpoint.*{key}.*; train it again")


@pytest.mark.parametrize(
    "changes",
    [
        {"threshold": "high"},
        {"config": 3},
        {"metrics": [1, 2]},
        {"weights": "nowhere.npz"},
        {"weights": 5},
        {"weights": ""},
        {"data": {"source": "x"}},
    ],
)
def test_wrong_values(folder, changes):
    edit(folder, **changes)
    refused(folder, "damaged checkpoint")


def test_configuration_that_no_network_has(folder):
    document = edit(folder)
    document["config"]["network"]["tile"] = 17
    edit(folder, config=document["config"])
    refused(folder, "tile 17 must be a multiple of 4")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "3", "\x00\x01", '{"format": 1}'])
def test_description_is_no_description(folder, text):
    (folder / FILE_NAME).write_text(text)
    refused(folder, "damaged checkpoint|checkpoint format None")


def test_description_is_not_even_text(folder):
    (folder / FILE_NAME).write_bytes(b'{"format": "\xff\xfe"}')
    refused(folder, "damaged checkpoint")


@pytest.mark.parametrize("kind", ["empty", "absent", "file"])
def test_no_checkpoint(tmp_path, kind):
    path = tmp_path / "there"
    if kind == "empty":
        path.mkdir()
    elif kind == "file":
        path.write_text("hello")
    refused(path, "not a checkpoint .no readable checkpoint.json: .*; make one with")


def test_a_model_in_another_format_is_named(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"")
    refused(tmp_path, r"a SavedModel, .*; save the Keras model as \.keras or \.h5")
    (tmp_path / "model.onnx").write_bytes(b"")
    refused(tmp_path / "model.onnx", "or give a Keras model, a file whose name ends in")


def other_weights(folder, data):
    """Put bytes in the place of the weights, every digest made right again."""
    digest = sha256(data)
    weights_path(folder).unlink()
    (folder / f"weights-{digest[:12]}.npz").write_bytes(data)
    edit(folder, sha256=digest, weights=f"weights-{digest[:12]}.npz")


def weights_path(folder):
    (path,) = folder.glob("weights-*.npz")
    return path


def test_weights_missing(folder):
    weights_path(folder).unlink()
    refused(folder, "damaged checkpoint.*No such file")


def test_weights_outside_the_folder_are_not_read(folder, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / weights_path(folder).name
    weights_path(folder).rename(outside)
    edit(folder, weights=str(outside))
    refused(folder, "damaged checkpoint")


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(place=st.floats(0, 0.999), bit=st.integers(0, 7))
def test_any_flipped_bit_of_the_weights_is_found(folder, place, bit):
    path = weights_path(folder)
    whole = path.read_bytes()
    data = bytearray(whole)
    data[int(place * len(data))] ^= 1 << bit
    path.write_bytes(data)
    refused(folder, "SHA-256 differs from checkpoint.json.; copy or train it again")
    path.write_bytes(whole)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(place=st.floats(0, 0.999), bit=st.integers(0, 7), cut=st.booleans())
def test_damaged_description_is_refused_or_the_same(folder, place, bit, cut):
    path = folder / FILE_NAME
    whole = path.read_bytes()
    data = bytearray(whole)
    at = int(place * len(data))
    if cut:
        del data[at:]
    else:
        data[at] ^= 1 << bit
    path.write_bytes(data)
    try:
        assert load_checkpoint(folder).info == INFO
    except InputError as error:
        assert "\n" not in str(error)
    path.write_bytes(whole)


def test_format_1_is_read(folder):
    as_format_1(folder)
    assert load_checkpoint(folder).info == INFO
    # Nor is a digest, once there, taken off by a changed number.
    edit(folder, format=1)
    refused(folder, "damaged checkpoint .field digest")


@pytest.mark.parametrize(
    "place, value",
    [
        (("threshold",), 1.5),
        (("threshold",), -0.1),
        (("epoch",), 0),
        (("epoch",), 21),
        (("metrics", "accuracy"), 1e300),
        (("config", "learning_rate"), 0),
        (("config", "epochs"), -1),
        (("config", "batch"), 10**6),
        (("config", "seed"), -1),
        (("config", "seed"), 7.5),
        (("config", "start"), "x" * 64),
        (("config", "tuning_epochs"), 21),
        (("config", "stages"), [{"levels": 3, "epochs": 0}]),
        (("config", "event_weight"), -1),
        (("config", "sead"), 3),
        (("config", "network", "tile"), 2**20),
        (("config", "network", "channels"), [2, 10**9]),
        (("config", "network", "channels"), [1] * 20),
        (("config", "network", "convs_down"), [-1, 1]),
        (("config", "network", "stem_stride"), 0),
        (("config", "network", "levels"), -1),
        (("config", "network", "levels"), 10**9),
        (("config", "network", "rates", "percentile"), 101),
        (("config", "network", "rates", "low_hz"), 300),
        (("config", "network", "rates", "scale_hz"), 0),
        (("config", "network", "rates", "aim"), [0.5]),
        (("config", "network", "rates", "aims"), 1),
        (("data", "split", "train"), [3, 3]),
        (("data", "split", "train"), [0, 10**9]),
        (("data", "source"), "x" * 10**4),
    ],
)
@pytest.mark.parametrize("form", [1, 2])
def test_values_out_of_range(folder, place, value, form):
    document = json.loads((folder / FILE_NAME).read_text())
    inner = document
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    edit(folder, **document)
    if form == 1:
        as_format_1(folder)
    refused(folder, "damaged checkpoint")


@pytest.mark.parametrize(
    "damage, says",
    [
        ({"stem/bias:0": np.full(4, np.nan, "f4")}, r"stem/bias:0: .0. is nan"),
        ({"stem/bias:0": np.array([0, np.inf, 0, 0], "f4")}, r"stem/bias:0: .1. is inf"),
        ({"stem/bias:0": np.full(4, 1e12, "f4")}, "expected -1000000000 to 1000000000"),
        ({"stem/bias:0": np.zeros(4)}, "stem/bias:0 of shape .4,. expected, found .* float64"),
        ({"stem/bias:0": np.zeros(5, "f4")}, "stem/bias:0 of shape .4,. expected"),
        ({"more": np.zeros(5, "f4")}, "more is no weight of its network"),
    ],
)
def test_weights_of_no_such_network(folder, damage, says):
    other_weights(folder, pack_arrays({**weights(), **damage}))
    refused(folder, says)


def test_weights_that_are_no_archive_though_their_digest_fits(folder):
    other_weights(folder, b"hello")
    refused(folder, "damaged checkpoint .no archive")


def test_pickled_weights_are_refused(folder):
    import io

    buffer = io.BytesIO()
    np.savez(buffer, evil=np.array([{"a": 1}], dtype=object))
    other_weights(folder, buffer.getvalue())
    refused(folder, "damaged checkpoint")


def test_unwritable_folder(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match=r"cannot be written .*; choose another output folder"):
        save_checkpoint(tmp_path / "file" / "below", Checkpoint(INFO, weights()))


@pytest.fixture
def model():
    from loihiseg.network.unet import build_unet

    return build_unet(CONFIG.network)


def test_weights_of_a_model_round_trip(tmp_path, model):
    from loihiseg.network.unet import build_unet

    save_checkpoint(tmp_path, Checkpoint(INFO, model_weights(model)))
    other = build_unet(CONFIG.network)
    assert any((a != b).any() for a, b in zip(other.get_weights(), model.get_weights()) if a.any())
    set_model_weights(other, load_checkpoint(tmp_path).weights)
    equal(model_weights(other), model_weights(model))
    loaded = load_network(tmp_path)
    equal(model_weights(loaded.model), model_weights(model))
    assert (loaded.tile, loaded.threshold, loaded.info) == (16, 0.375, INFO)


@pytest.mark.parametrize("damage", ["missing", "shape"])
def test_weights_that_do_not_fit_the_configuration(tmp_path, model, damage):
    values = model_weights(model)
    if damage == "missing":
        del values["stem/kernel:0"]
    else:
        values["stem/kernel:0"] = values["stem/kernel:0"][:3]
    says = r"no such weight" if damage == "missing" else r"shape \(3, 5, 1, 4\)"
    with pytest.raises(
        InputError, match=rf"stem/kernel:0 of shape \(5, 5, 1, 4\).*{says}"
    ) as error:
        set_model_weights(model, values)
    assert "\n" not in str(error.value)
    save_checkpoint(tmp_path, Checkpoint(INFO, values))
    with pytest.raises(InputError, match="does not fit its configuration"):
        load_network(tmp_path)


def test_archive_is_the_same_bytes_for_the_same_arrays():
    assert pack_arrays(weights()) == pack_arrays(weights())
    assert pack_arrays(weights()) != pack_arrays(weights(1))
