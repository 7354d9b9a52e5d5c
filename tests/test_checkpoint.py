"""A checkpoint comes back as it was written, or is refused in one line."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loihiseg.checkpoint import (
    FILE_NAME,
    Checkpoint,
    CheckpointInfo,
    DataRecord,
    SplitRecord,
    load_checkpoint,
    model_weights,
    save_checkpoint,
    set_model_weights,
)
from loihiseg.errors import InputError
from loihiseg.files import pack_arrays, sha256
from loihiseg.network.config import RateTarget, UNetConfig
from loihiseg.network.presets import TrainingConfig
from loihiseg.source_network import load_network

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
    return {"a/kernel:0": rng.normal(size=(3, 3, 1, 2)).astype("f4"), "a/bias:0": np.ones(2, "f4")}


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
    document = json.loads((folder / FILE_NAME).read_text())
    document.update(changes)
    kept = {k: v for k, v in document.items() if v is not None}
    (folder / FILE_NAME).write_text(json.dumps(kept))
    return document


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
    from loihiseg import checkpoint

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


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_another_version(folder, version):
    edit(folder, format=version)
    refused(folder, f"format {version}, this version reads format 1; train it again or use")


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
    refused(path, "not a checkpoint .no readable checkpoint.json.; make one with")


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
def test_damaged_description_is_refused_or_read(folder, place, bit, cut):
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
        load_checkpoint(folder)
    except InputError as error:
        assert "\n" not in str(error)
    path.write_bytes(whole)


def test_weights_that_are_no_archive_though_their_digest_fits(folder):
    path = weights_path(folder)
    path.write_bytes(b"hello")
    edit(folder, sha256=sha256(b"hello"))
    refused(folder, "damaged checkpoint")


def test_pickled_weights_are_refused(folder):
    import io

    buffer = io.BytesIO()
    np.savez(buffer, evil=np.array([{"a": 1}], dtype=object))
    weights_path(folder).write_bytes(buffer.getvalue())
    edit(folder, sha256=sha256(buffer.getvalue()))
    refused(folder, "damaged checkpoint")


def test_unwritable_folder(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match=r"cannot be written .*; choose another --out"):
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
