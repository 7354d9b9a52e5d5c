"""Options that say how data are read, as the commands take them."""

import numpy as np
import pytest

from loihiseg.commands.common import read_data
from loihiseg.commands.deploy.configuration import configuration
from loihiseg.commands.deploy.options import parse
from loihiseg.commands.train.options import parse as parse_train
from loihiseg.training import shipped
from loihiseg.training.checkpoint import load_checkpoint

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A stack of 8 nm and its labels, of which some say nothing."""
    folder = tmp_path_factory.mktemp("data")
    labels = np.where(RNG.random((3, 40, 40)) < 0.3, 0, 2**63).astype(np.uint64)
    labels[:, :5] = 2**63 + 1
    np.save(folder / "em.npy", RNG.integers(1, 255, (3, 40, 40), dtype=np.uint8))
    np.save(folder / "labels.npy", labels)
    return "--data", str(folder / "em.npy"), "--labels", str(folder / "labels.npy")


def test_labels_are_ignored_and_pixels_resampled(data):
    options = ("--ignore-label", str(2**63 + 1), "--pixel-nm", "8")
    for read in (configuration(parse([*data, *options])), parse_train([*data, *options])):
        stack = read_data(read)
        assert not stack.known[:, :5].any() and stack.known[:, 5:].all()
        assert stack.pixel_nm == (None, 8, 8) and stack.images.shape == (3, 40, 40)
        stack = read_data(read, (4.0, 4.0))
        assert not stack.known[:, :10].any() and stack.known[:, 10:].all()
        assert stack.pixel_nm == (None, 4, 4) and stack.images.shape == (3, 80, 80)


@pytest.mark.parametrize(
    "option, value",
    [("--pixel-nm", "4,4"), ("--pixel-nm", "0"), ("--pixel-nm", "nan"), ("--ignore-label", "x")],
)
def test_values_that_mean_nothing(data, option, value, capsys):
    with pytest.raises(SystemExit) as error:
        parse_train([*data, option, value])
    assert error.value.code == 2 and option in capsys.readouterr().err


def test_sizes_of_three_axes(data):
    options = parse_train([*data, "--pixel-nm", "50,4,5", "--ignore-label", "nan"])
    assert options.pixel_nm == (50, 4, 5) and np.isnan(options.ignore_label)


@pytest.mark.parametrize("name", shipped.names())
def test_networks_that_come_along_know_their_pixels(name):
    assert load_checkpoint(shipped.FOLDER / name).info.data.pixel_nm == (4, 4)
