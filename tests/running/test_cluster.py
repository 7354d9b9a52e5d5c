"""Windows on a cluster come out as in one process, whatever happens to workers."""

import os
import signal

import numpy as np
import pytest

from loihiseg.data.contrast import contrast
from loihiseg.data.windows import windows_of
from loihiseg.errors import InputError
from loihiseg.running.counts import Tally
from loihiseg.running.options import SegmentOptions
from loihiseg.running.scheduler import Local, scheduler
from loihiseg.running.windows import Piece, halo, run_windows
from tests.small_deployed import TILE, small_deployed

cluster = pytest.importorskip("loihiseg.running.cluster", reason="loihiseg[cluster]")

IMAGE = np.random.default_rng(3).integers(0, 256, (23, 17), dtype=np.uint8)


def pieces_of(image, side):
    found = contrast(image)
    for window in windows_of(image.shape, side):
        taken = halo(image.shape, window, TILE)
        yield Piece(0, image.shape, window, image[taken.slices], (taken.top, taken.left), found)


@pytest.fixture(scope="module")
def deployed():
    return small_deployed()


@pytest.fixture(scope="module")
def workers():
    with cluster.open_cluster("local:2") as found:
        yield found


def found_by(runs):
    """Logits of the whole, tiles, and what was counted."""
    logits, n_tiles, tally = np.full(IMAGE.shape, np.nan, np.float32), 0, None
    for one in runs:
        logits[one.piece.window.slices] = one.logits
        n_tiles += one.n_tiles
        if one.tally is not None:
            tally = tally or Tally(one.tally._deployed)
            tally.merge(one.tally)
    return logits, n_tiles, None if tally is None else tally.counts()


@pytest.mark.parametrize("on", ["chip", "float"])
def test_as_in_one_process(workers, deployed, on):
    assert workers.in_words() == "2 workers of local:2, 2 threads"
    options = SegmentOptions(on, orientations=4)
    logits, n_tiles, counts = found_by(workers.run(deployed, pieces_of(IMAGE, 6), options))
    here = found_by(run_windows(deployed, pieces_of(IMAGE, 6), on, orientations=4))
    assert np.array_equal(logits, here[0]) and (n_tiles, counts) == here[1:]
    assert not np.isnan(logits).any()


def test_workers_do_not_watch_themselves(workers):
    def busy():
        import threading

        return [thread.name for thread in threading.enumerate()]

    for names in workers._client.run(busy).values():
        assert names and "Profile" not in names


def test_a_killed_worker_changes_nothing(workers, deployed):
    killed = []

    def runs():
        for number, one in enumerate(workers.run(deployed, pieces_of(IMAGE, 4), SegmentOptions())):
            if number == 2:
                process = next(iter(workers._client.run(os.getpid).values()))
                os.kill(process, signal.SIGKILL)
                killed.append(process)
            yield one

    logits, n_tiles, counts = found_by(runs())
    here = found_by(run_windows(deployed, pieces_of(IMAGE, 4)))
    assert killed and np.array_equal(logits, here[0]) and (n_tiles, counts) == here[1:]


def test_few_windows_are_read_ahead(workers, deployed):
    read = []

    def counted():
        for piece in pieces_of(IMAGE, 4):
            read.append(piece)
            yield piece

    for done, _ in enumerate(workers.run(deployed, counted(), SegmentOptions()), start=1):
        assert len(read) - done <= 2 * 2


def test_a_window_that_fails_is_named(workers, deployed):
    (good, *_), window = pieces_of(IMAGE, 8), list(windows_of(IMAGE.shape, 8))[-1]
    bad = Piece(7, IMAGE.shape, window, None, (0, 0), good.contrast)
    with pytest.raises(cluster.ClusterError) as error:
        list(workers.run(deployed, [good, bad], SegmentOptions()))
    text = str(error.value)
    assert "window at row 16, column 16 of section 7 failed 3 times" in text
    assert "TypeError" in text and "\n" not in text
    # Those that it left behind are no longer in the way.
    assert len(list(workers.run(deployed, [good], SegmentOptions()))) == 1


def test_other_versions_are_refused(workers, monkeypatch):
    monkeypatch.setattr(cluster, "__version__", "0.0.1")
    with pytest.raises(cluster.ClusterError, match=r"has loihiseg .*, this process 0\.0\.1"):
        cluster._check_workers(workers._client, "local:2")


def test_a_worker_is_no_scheduler(workers):
    address = next(iter(workers._client.nthreads()))
    with pytest.raises(InputError, match="is a Worker of Dask"):
        with cluster.open_cluster(address):
            pass


def test_nobody_answers(monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_S", 0.5)
    with pytest.raises(InputError, match=r"127\.0\.0\.1:1: no scheduler answers") as error:
        with cluster.open_cluster("127.0.0.1:1"):
            pass
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "text, meant",
    [
        ("local:1", Local(1)),
        ("local:256", Local(256)),
        ("tcp://10.0.0.7:8786", "tcp://10.0.0.7:8786"),
        ("host.lab:8786", "host.lab:8786"),
        ("tcp://[::1]:8786", "tcp://[::1]:8786"),
    ],
)
def test_schedulers(text, meant):
    assert scheduler(text) == meant


@pytest.mark.parametrize("text", ["local:0", "local:257", "local:-1", "local:", "local", "host",
                                  "http//x", "a b:1", "", "host:port", "\nhost:1"])  # fmt: skip
def test_no_schedulers(text):
    with pytest.raises(InputError, match="expected the address of a scheduler"):
        scheduler(text)
