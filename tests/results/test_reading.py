"""metrics.json read into types: back as it was written, old ones too, and nothing wrong."""

import copy
import json
from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from loihiseg.errors import InputError
from loihiseg.report.run_folder import load_results, load_simulation, write_results
from loihiseg.results import (
    FORMAT,
    EarlyFirings,
    Network,
    Results,
    decode_results,
    decode_simulation,
    plain,
)
from tests.results.examples import example, simulation, stopped, timed, with_levels

OLD = Path(__file__).parent.parent / "fixtures" / "metrics-format-1.json"
EXAMPLES = {
    "rates": example(),
    "levels": with_levels(example()),
    "stopped": stopped(example()),
    "timed": timed(example()),
    "not overlapping": timed(example(), None),
    "bare": replace(example(), agreement=None, spikes_sha256=None, peak_memory_mb=None),
}


@pytest.mark.parametrize("results", EXAMPLES.values(), ids=list(EXAMPLES))
def test_read_as_written(tmp_path, results):
    write_results(tmp_path, results)
    assert load_results(tmp_path) == load_results(tmp_path / "metrics.json") == results
    values = json.loads((tmp_path / "metrics.json").read_text())
    assert values["format"] == FORMAT and values == json.loads(json.dumps(plain(results)))


def test_simulations_are_read_as_written(tmp_path):
    results = simulation()
    write_results(tmp_path, results)
    assert load_simulation(tmp_path) == results


def test_folders_of_format_1_open(tmp_path):
    old = json.loads(OLD.read_text())
    assert "format" not in old
    found = load_results(OLD)
    networks = [row.network for row in found.score_rows]
    assert networks == [
        Network.TRAINED, Network.TRAINED, Network.EIGHT_BIT, Network.EMULATED, Network.STOPPED,
    ]  # fmt: skip
    assert [row.whole_sections for row in found.score_rows] == [True] + [False] * 4
    assert not found.whole_sections and len(found.compared) == 4
    assert found.scores(Network.TRAINED) is found.score_rows[1]
    assert [row.ours for row in found.mapping.allocators] == [False, False, False, True]
    assert found.early_exit is not None and found.spikes_sha256 is None
    # All that it said is still said, but of shifted maps.
    old["score_rows"] = old.pop("stages")
    del old["challenge_shift"]
    for row in old["score_rows"]:
        row.pop("challenge_shifted", None)
    assert _lost(old, json.loads(json.dumps(plain(found)))) == []
    write_results(tmp_path, found)
    assert load_results(tmp_path) == found


@pytest.mark.parametrize("results", EXAMPLES.values(), ids=list(EXAMPLES))
def test_folders_of_format_2_open(results):
    """They called the rows of scores stages."""
    old = json.loads(json.dumps(plain(results)))
    old |= {"format": 2, "stages": old.pop("score_rows")}
    assert decode_results(json.dumps(old).encode(), "metrics.json") == results


@pytest.mark.parametrize("results", EXAMPLES.values(), ids=list(EXAMPLES))
def test_folders_of_format_3_open(results):
    """They had scores of shifted maps."""
    old = json.loads(json.dumps(plain(results)))
    old |= {"format": 3, "challenge_shift": 2.4}
    for row in old["score_rows"]:
        row["challenge_shifted"] = row["challenge"]
    assert decode_results(json.dumps(old).encode(), "metrics.json") == results


def test_folders_that_did_not_count_early_firings_open():
    old = json.loads(json.dumps(plain(example())))
    assert old.pop("early_firings") == []
    assert decode_results(json.dumps(old).encode(), "metrics.json") == example()
    fired = replace(example(), early_firings=(EarlyFirings("a_spikes", 12, 2),))
    assert decode_results(json.dumps(plain(fired)).encode(), "metrics.json") == fired


def test_simulations_without_networks_open():
    old = json.loads(json.dumps(plain(simulation())))
    old["stages"] = old.pop("score_rows")
    # As version 0.2 wrote them, and as version 0.1 did.
    assert decode_simulation(json.dumps(old).encode(), "metrics.json") == simulation()
    for row in old["stages"]:
        del row["network"], row["whole_sections"]
    for part in ("spiking", "tuning"):
        old[part] = {Network(name).title: value for name, value in old[part].items()}
    assert decode_simulation(json.dumps(old).encode(), "metrics.json") == simulation()


def test_the_first_folders_said_less():
    old = json.loads(OLD.read_text())
    for name in ("code", "agreement", "early_exit"):
        del old[name]
    del old["mapping"]["lower_bound"]
    old["stages"].pop()
    found = decode_results(json.dumps(old).encode(), "metrics.json")
    assert found.code.name == "rate" and found.code.steps == 40 and not found.code.has_levels
    assert found.agreement is None and found.mapping.lower_bound is None


def _lost(before, after, path=""):
    """Values of a file that are not in another."""
    if isinstance(before, dict):
        pairs = [(key, value, after.get(key)) for key, value in before.items()]
    elif isinstance(before, list) and len(before) == len(after):
        pairs = [(index, *pair) for index, pair in enumerate(zip(before, after))]
    else:
        return [] if before == after else [f"{path}: {before} became {after}"]
    return [text for key, *pair in pairs for text in _lost(*pair, f"{path}.{key}")]


@pytest.mark.parametrize(
    "change, says",
    [
        (lambda v: v.update(format=5), "format 5; this version reads formats 1 to 4"),
        (lambda v: v.update(format=0), "format 0"),
        (lambda v: v.update(format=True), "format True"),
        (lambda v: v.update(format="4"), "format 4"),
        (lambda v: v.pop("activity"), "activity"),
        (lambda v: v.update(threshold=1.5), "$.threshold"),
        (lambda v: v.update(threshold="0.5"), "$.threshold"),
        (lambda v: v["activity"].update(n_steps=0), "n_steps"),
        (lambda v: v["activity"].update(spikes=-1), "spikes"),
        (lambda v: v["activity"].update(n_images=7), "8 tiles, but 7 images"),
        (lambda v: v["data"].update(sha256="0" * 63), "$.data.sha256"),
        (lambda v: v["score_rows"][0].update(network="other"), "other"),
        (
            lambda v: v["score_rows"][0]["pixel"].update(accuracy=-0.1),
            "$.score_rows[0].pixel.accuracy",
        ),
        (lambda v: v["mapping"]["chip_of_block"].append(0), "chip_of_block has 3 blocks"),
        (lambda v: v["mapping"]["core_of_block"].__setitem__(0, -1), "core_of_block"),
        (lambda v: v.update(layers=[]), "no layer is on the chip"),
        (lambda v: v["code"].update(chip_levels=[2, 2]), "levels of 2"),
        (lambda v: v.update(tiles=[[1, 2]]), "$.tiles[0]"),
    ],
)
def test_refused_in_one_line(change, says):
    values = json.loads(json.dumps(plain(example())))
    change(values)
    with pytest.raises(InputError) as refused:
        decode_results(json.dumps(values).encode(), "runs/one/metrics.json")
    text = str(refused.value)
    assert text.startswith("runs/one/metrics.json: ") and says in text
    assert "\n" not in text and len(text) < 400


@pytest.mark.parametrize(
    "data",
    [
        b"", b"[]", b"null", b"{", b"{}", b"\xff", b"[" * 100_000, b'{"a":' * 100_000,
        b'{"format": 1e999}', b'{"format": 1' + b"0" * 400 + b"}", b'{"format": NaN}',
        b'{"stages": 1}', b'{"format": 2, "stages": {}}', b'{"format": 4, "score_rows": 1}',
        b'{"format": 2}', b'{"stages": [1]}', b'{"format": 2, "stages": [{}]}',
    ],
)  # fmt: skip
def test_no_results(data):
    for decode in (decode_results, decode_simulation):
        with pytest.raises(InputError, match=r"^x: "):
            decode(data, "x")


def test_no_folder(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        load_results(tmp_path)


VALUES = (None, True, -1, 0.5, 10**20, 1e300, "", "x", [], {}, [[]], {"a": 1})


@pytest.mark.parametrize("old", [False, True])
def test_damaged_values_are_refused_or_within_their_ranges(old):
    """Any value of the file in place of any other: one kind of error, or results in full."""
    values = json.loads(OLD.read_text()) if old else plain(stopped(example()))
    values = json.loads(json.dumps(values))
    rng = np.random.default_rng(0)
    n_refused = 0
    for _ in range(400):
        damaged = copy.deepcopy(values)
        _damage(damaged, rng)
        try:
            found = decode_results(json.dumps(damaged).encode(), "x")
        except InputError as refused:
            assert "\n" not in str(refused)
            n_refused += 1
        else:
            assert isinstance(found, Results)
            _check(found)
    assert n_refused > 200


def _damage(part, rng):
    while True:
        keys = list(part) if isinstance(part, dict) else list(range(len(part)))
        key = keys[rng.integers(len(keys))]
        if isinstance(part[key], dict | list) and part[key] and rng.random() < 0.9:
            part = part[key]
            continue
        if rng.random() < 0.2:
            del part[key]
        else:
            part[key] = VALUES[rng.integers(len(VALUES))]
        return


def _check(value):
    """Values are of the kinds that the fields say, all the way down."""
    if is_dataclass(value):
        for field in fields(value):
            _check(getattr(value, field.name))
    elif isinstance(value, tuple):
        for one in value:
            _check(one)
    elif isinstance(value, dict):
        assert all(isinstance(key, str) for key in value)
    else:
        assert value is None or isinstance(value, str | int | float | Network)
