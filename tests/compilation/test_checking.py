"""What a check says of models: every layer, everything that is refused, cores and chips."""

import json
import os
import subprocess
import sys
from pathlib import Path

from loihiseg.frameworks import tf

import pytest

from loihiseg.commands.check.command import main
from loihiseg.compilation.checking import chip_fit, layer_verdicts, refusals_of
from loihiseg.compilation.options import CompileOptions
from loihiseg.conversion.lowering import verdicts
from loihiseg.errors import InputError
from tests.commands import in_process

ROOT = Path(__file__).parents[2]
L = tf.keras.layers


def conv(n, name, **more):
    return L.Conv2D(n, 3, padding="same", name=name, **more)


def ended(pixels, x):
    return tf.keras.Model(pixels, L.Conv2D(1, 1, name="logit")(x))


def plain(side=8, channels=3):
    """Layers of every verdict but a refused one, and one that the output does not need."""
    pixels = tf.keras.Input((side, side, 1), name="pixels")
    x = conv(2, "stem", activation="relu")(pixels)
    x = conv(channels, "mixed")(L.Dropout(0.1, name="drop")(x))
    x = L.ReLU(name="act")(L.BatchNormalization(name="norm")(x))
    return ended(pixels, conv(channels, "last", activation="relu")(x))


def hopeless():
    """Layers that cannot run between the neurons, and hidden ones behind them."""
    pixels = tf.keras.Input((8, 8, 1), name="pixels")
    x = conv(2, "stem", activation="relu")(pixels)
    x = L.LayerNormalization(name="normal")(L.LeakyReLU(name="leaky")(conv(2, "one")(x)))
    x = conv(2, "two", activation="relu")(x)
    return ended(pixels, L.ELU(name="elu")(conv(2, "three")(x)))


def looked_at(model, **options):
    found = verdicts(model)
    rows = layer_verdicts(found, **options)
    return found, {row.layer: row.verdict for row in rows}, refusals_of(found, rows)


def test_every_layer_has_its_verdict():
    found, rows, refusals = looked_at(plain())
    assert rows == {
        "stem": "host before", "drop": "no effect", "mixed": "composed", "norm": "composed",
        "act": "chip", "last": "chip", "logit": "host after",
    }  # fmt: skip
    assert refusals == () and found.lowering is not None


def test_all_that_is_refused_at_once():
    found, rows, refusals = looked_at(hopeless())
    assert found.lowering is None
    assert {name for name, verdict in rows.items() if verdict == "refused"} == {
        "leaky", "normal", "three", "elu"
    }  # fmt: skip
    assert len(refusals) == 4
    for text, says in zip(
        refusals,
        (
            "layer 'leaky' (LeakyReLU) has values that no firing rate stands for; use a ReLU",
            "layer 'normal' (LayerNormalization) cannot run on Loihi; use a BatchNormalization",
            "layer 'three' (Conv2D) is a hidden layer behind the last neurons of the chip",
            "layer 'elu' (ELU) is a hidden layer behind the last neurons of the chip",
        ),
        strict=True,
    ):
        assert text.startswith(says)
    _, rows, refusals = looked_at(hopeless(), allow_host_tail=True)
    assert len(refusals) == 2 and rows["elu"] == rows["three"] == "host after"


def test_what_is_wrong_with_the_whole_model_is_said_too():
    pixels = tf.keras.Input((8, 8, 1), name="pixels")
    found, _, refusals = looked_at(ended(pixels, conv(2, "stem", activation="relu")(pixels)))
    assert found.lowering is None
    assert len(refusals) == 1 and "leaves no layer for the chip" in refusals[0]


def test_cores_and_chips():
    lowering = verdicts(plain()).lowering
    fit = chip_fit(lowering, CompileOptions(), 1)
    assert (fit.code, fit.n_neurons, fit.n_chips, fit.fits) == ("rate", 2 * 64 * 3, 1, True)
    assert fit.n_cores == sum(row.n_blocks for row in fit.usage)
    assert [row.layer for row in fit.usage] == ["act", "last"]


@pytest.fixture
def one_remedy(monkeypatch):
    """Trying remedies takes long; `tests.partition.shapes.test_remedies` does."""
    monkeypatch.setattr("loihiseg.compilation.fit.remedy_lines", lambda *_: ["would fit: less"])


def test_too_few_chips_and_what_would_fit(one_remedy):
    lowering = verdicts(plain(64, 24)).lowering
    # 2 * 64 * 64 * 24 neurons of at most 1,024 a core.
    most = chip_fit(lowering, CompileOptions())
    assert most.fits and most.n_cores >= 192 and most.n_chips == 2
    fit = chip_fit(lowering, CompileOptions(), 1)
    assert not fit.fits and (fit.n_cores, fit.n_chips) == (most.n_cores, 2)
    assert (
        f"needs {most.n_cores} cores = 2 chips of 128 cores, 1 chip would give"
        in (fit.violations[0])
    )
    assert fit.remedies == ("would fit: less",)


def test_a_code_that_needs_what_the_network_has_not():
    lowering = verdicts(plain()).lowering
    with pytest.raises(InputError, match="has no levels"):
        chip_fit(lowering, CompileOptions(code="thermometer"))
    fit = chip_fit(lowering, CompileOptions(code="thermometer", levels=3))
    assert (fit.code, fit.n_neurons) == ("thermometer", 3 * 2 * 64 * 3)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    for name, model in (("good", plain()), ("bad", hopeless()), ("large", plain(64, 24))):
        model.save(folder / f"{name}.keras")
    return folder


def called(capfd, *arguments):
    return in_process(capfd, "check", *arguments)


def test_exit_codes_and_tables(files, capfd, one_remedy):
    code, out, err = called(capfd, files / "good.keras", "--chips", 2)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].split() == ["layer", "kind", "shape", "verdict"]
    assert "host, before the chip" in lines[1] and "8 x 8 x 2" in lines[1]
    assert lines[-1].startswith("fits: 384 neurons on 2 cores, 1 chip of 2; rate code")
    code, out, err = called(capfd, files / "bad.keras")
    assert (code, err) == (2, "")
    assert "4 problems:\n  layer 'leaky' (LeakyReLU) has values that no firing rate" in out
    assert out.endswith("run on the host with --allow-host-tail\n") and "cores" not in out
    code, out, err = called(capfd, files / "large.keras", "--chips", 1)
    assert (code, err) == (4, "")
    assert (
        "does not fit: 196,608 neurons, rate code\n  needs " in out and "  would fit: less\n" in out
    )
    code, out, err = called(capfd, files / "none.keras")
    assert (code, out) == (2, "") and "none.keras" in err


def test_json(files, capfd):
    _, out, err = called(capfd, files / "good.keras", "--json")
    found = json.loads(out)
    assert err == "" and found["fits"] and found["model"] == "good.keras"
    assert [row["verdict"] for row in found["layers"]].count("chip") == 2
    assert found["chip"]["n_chips"] == 1 and found["limits"]["synapse_bits"] == 2**20
    assert [row["layer"] for row in found["host_layers"]] == ["stem", "logit"]
    code, out, _ = called(capfd, files / "bad.keras", "--json")
    found = json.loads(out)
    assert code == 2 and len(found["refusals"]) == 4
    assert not found["fits"] and found["chip"] is None


def test_a_network_of_ours_by_its_name(capfd):
    code, out, _ = called(capfd, "tiny-synthetic")
    assert code == 0 and "fits: 16,384 neurons" in out


@pytest.mark.parametrize("model", ["good.keras", "tiny-synthetic"])
def test_is_done_without_a_framework(files, model):
    path = str(files / model) if model.endswith(".keras") else model
    code = (
        "import sys\n"
        "from loihiseg.commands.check.command import main\n"
        f"main([{path!r}, '--chips', '1'])\n"
        "heavy = {'tensorflow', 'tf_keras', 'keras', 'nengo', 'nengo_dl', 'nengo_loihi'}\n"
        "heavy |= {'scipy.sparse', 'scipy.ndimage', 'skimage', 'networkx'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    found = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert (found.returncode, found.stderr) == (0, "")


def test_leaving_says_how_it_went(files, capsys):
    with pytest.raises(SystemExit) as caught:
        main([str(files / "bad.keras"), "--json"])
    assert caught.value.code == 2


def test_a_model_is_checked_in_one_call():
    from loihiseg import check_model

    found = check_model(plain(), chips=2)
    assert not found.refusals and found.fit.fits and found.fit.n_cores == 2
    verdicts_of = {row.layer: row.verdict for row in found.layers}
    assert verdicts_of["stem"] == "host before" and verdicts_of["last"] == "chip"
    refused = check_model(hopeless())
    assert refused.fit is None and any("normal" in text for text in refused.refusals)
    with pytest.raises(InputError, match="chips"):
        check_model(plain(), chips=0)
