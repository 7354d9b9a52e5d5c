"""Hostile Keras files: no code of theirs runs, each is refused in one line."""

from contextlib import suppress

from loihiseg.frameworks import tf

import pytest

from loihiseg.conversion.keras_file import layer_kinds, load_keras_model
from loihiseg.errors import InputError
from tests.conversion.hostile_keras import (
    ARCHIVES,
    CONFIGURATIONS,
    HDF5,
    TEXTS,
    Kitchen,
    hostile_files,
    lambda_layer,
)

CONFIGURED = [f"{name}{end}" for end in (".h5", ".keras") for name in {**CONFIGURATIONS, **TEXTS}]


@pytest.fixture(scope="module")
def kitchen(tmp_path_factory):
    return Kitchen(tmp_path_factory.mktemp("hostile"))


@pytest.fixture(scope="module")
def files(kitchen):
    return hostile_files(kitchen)


def test_plain_files_are_read(kitchen, tmp_path):
    for suffix, data in kitchen.plain.items():
        (tmp_path / f"plain{suffix}").write_bytes(data)
        load_keras_model(tmp_path / f"plain{suffix}")


def test_canary_sings_where_keras_reads(kitchen, tmp_path):
    """What is refused below is no empty threat."""
    path = tmp_path / "model.h5"
    path.write_bytes(kitchen.changed(".h5", lambda_layer))
    with suppress(ValueError):  # of its weights: there is one layer less
        tf.keras.models.load_model(path, compile=False)
    assert kitchen.canary.exists()
    kitchen.canary.unlink()


def check_refused(kitchen, files, tmp_path, monkeypatch, name):
    monkeypatch.syspath_prepend(kitchen.folder)
    monkeypatch.chdir(kitchen.folder)
    suffix, make = files[name]
    path = tmp_path / f"hostile{suffix}"
    path.write_bytes(make())
    with pytest.raises(InputError) as error:
        load_keras_model(path)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400
    assert not kitchen.canary.exists()
    return path


@pytest.mark.parametrize("name", CONFIGURED)
def test_configuration_is_refused(kitchen, files, tmp_path, monkeypatch, warm_map, name):
    path = check_refused(kitchen, files, tmp_path, monkeypatch, name)
    try:
        layer_kinds(path)
    except InputError as error:
        assert "\n" not in str(error)
    assert not kitchen.canary.exists()


@pytest.mark.parametrize("name", [*HDF5, *ARCHIVES])
def test_container_is_refused(kitchen, files, tmp_path, monkeypatch, name):
    check_refused(kitchen, files, tmp_path, monkeypatch, name)
