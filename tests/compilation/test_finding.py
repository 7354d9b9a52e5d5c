"""Differences by hand; searches, corrections and budgets on small networks."""

import numpy as np
import pytest

from loihiseg.codes.ramp.code import RampCode
from loihiseg.codes.thermometer.code import ThermometerCode
from loihiseg.compilation import finding
from loihiseg.compilation.agreement import Judge
from loihiseg.compilation.budget import CHOICES, levels_within, sensitivity
from loihiseg.compilation.finding import FIXED, Finder
from loihiseg.compilation.finding_levels import _kept
from loihiseg.compilation.levels import with_counts
from loihiseg.compilation.options import CompileOptions
from loihiseg.conversion.host_graph import Convolution, HostGraph, Node
from loihiseg.conversion.spec import LoweredNetwork
from loihiseg.errors import InputError
from loihiseg.results.task import Task
from tests.simulation.networks import pooled

PICTURES = np.random.default_rng(2).integers(0, 64, (8, 8, 8, 1)).astype(np.float32) / 64
LEVELS = dict.fromkeys("abcd", 2)


def readout(channels=1):
    kernel = np.random.default_rng(4).normal(0, 1, (1, 1, 2, channels)).astype(np.float32)
    conv = Convolution(kernel, np.zeros(channels, np.float32))
    return HostGraph(("d",), (Node("logits", ("d",), conv),), "logits")


def finder(**options):
    task = Task("membrane", (8, 8, 1), (2, 2, 1))
    return Finder(pooled(), readout(), task, 0.5, PICTURES, **options)


class Fixed(Judge):
    """Logits are those that it is given."""

    def _logits(self, network, readout):
        return np.asarray(network, np.float32)


def test_divergence_and_answers_by_hand():
    task = Task("membrane", (2, 2, 1), (2, 2, 1))
    judge = Fixed([[[0, 9], [-9, 9]]], None, task, 0.5, None)
    same = judge.difference([[[0, 9], [-9, 9]]], None)
    assert same.divergence == pytest.approx(0, abs=1e-9) and same.answers == 0
    # From a half to a quarter: ln 2 / ... = 0.5 ln(0.5/0.25) + 0.5 ln(0.5/0.75).
    other = judge.difference([[[np.log(1 / 3), 9], [-9, -1]]], None)
    half = 0.5 * np.log(2) + 0.5 * np.log(2 / 3)
    wrong = np.log1p(np.exp(1)) - np.log1p(np.exp(-9)) - 1 / (1 + np.exp(9)) * 1
    assert other.divergence == pytest.approx((half + wrong) / 4, rel=1e-2)
    # Two are called membrane in floats, one of them is left.
    assert other.answers == 0.5


def test_of_classes_the_largest_is_what_is_called():
    task = Task("classes", (8, 8, 1), (1, 1, 3))
    judge = Fixed([[1.0, 2, 0], [0, 0, 5]], None, task, 0.5, None)
    found = judge.difference([[3.0, 2, 0], [0, 0, 5]], None)
    ours, theirs = (np.exp(x) / np.exp(x).sum() for x in (np.array([3.0, 2, 0]), [1.0, 2, 0]))
    expected = (theirs * np.log(theirs / ours)).sum() / 2
    assert found.divergence == pytest.approx(expected) and found.answers == 0.5


def test_a_search_is_no_worse_than_any_fixed_quantile(monkeypatch):
    pytest.importorskip("optuna", reason="loihiseg[calibration]")
    monkeypatch.setattr(finding, "EVALUATIONS", 12)
    said = []
    one = finder(on_trial=lambda *of: said.append(of))
    found = one.searched(LEVELS, 0)
    fixed = [one.percentile(LEVELS, share).difference for share in FIXED]
    assert len(said) == 12 and found.difference <= min(fixed)
    assert found.difference == min(of for _, of in said)
    assert finder().searched(LEVELS, 0).words == found.words
    assert found.words[0].startswith("Quantiles searched in 12 evaluations: 8 x 8 0.")


def test_corrections_are_searched_from_those_of_least_error_on(monkeypatch):
    pytest.importorskip("optuna", reason="loihiseg[calibration]")
    monkeypatch.setattr(finding, "CORRECTED_EVALUATIONS", 3)
    said = []
    found = finder(on_trial=lambda *of: said.append(of)).corrected(LEVELS, 1)
    plain = finder().corrected(LEVELS).difference
    assert said[0][1] == plain and len(said) == 3
    assert found.difference <= plain


def test_corrections_are_kept_only_where_answers_agree_better():
    one = finder()
    before, after = one.percentile(LEVELS), one.corrected(LEVELS)
    better, worse = sorted([before, after], key=lambda of: of.difference.answers)
    if better.difference.answers < worse.difference.answers:
        kept = _kept(worse, better)
        assert kept.network is better.network and "are kept" in kept.words[-1]
    left = _kept(better, better)
    assert left.network is better.network and "are left out" in left.words[-1]


def test_levels_within_steps():
    one, network = finder(), pooled()
    losses = sensitivity(network, one)
    assert list(losses) == ["c", "d"] and list(losses["c"]) == sorted(CHOICES, reverse=True)
    assert losses["c"][15] == losses["d"][15] <= losses["c"][1]

    def steps(levels):
        return RampCode.of(with_counts(network, levels)).n_steps

    def within(most):
        return levels_within(network, losses, RampCode, CompileOptions(levels="auto", **most))

    # What levels are worth does not change how many steps they take.
    options = CompileOptions(levels="auto")
    assert levels_within(network, losses, RampCode, options, one.valued) == within({})

    usual = within({})
    assert steps(usual) <= steps({**usual, "c": 3, "d": 3}) and set(usual) == set("abcd")
    fewest = steps({**usual, "c": 1, "d": 1})
    assert steps(within({"most_steps": fewest})) == fewest
    assert min(within({"most_steps": 500}).values()) == 15
    with pytest.raises(InputError, match=f"most_steps {fewest - 1}: the fewest levels take"):
        within({"most_steps": fewest - 1})


def test_the_host_gets_as_many_levels_as_the_chip_adds_up(monkeypatch):
    """All of them arrive in one step, in which sums of 15 are too large here, and of 10."""
    network, options = pooled(), CompileOptions(levels="auto", most_steps=60)
    losses = sensitivity(network, finder())
    monkeypatch.setattr("loihiseg.codes.ramp.clock.MOST_INPUT", 300_000)
    found = levels_within(network, losses, RampCode, options)
    assert found["a"] == found["b"] == 7
    assert RampCode.of(with_counts(network, found)).n_steps <= 60
    monkeypatch.setattr("loihiseg.codes.ramp.clock.MOST_INPUT", 60_000)
    with pytest.raises(InputError, match="layer 'c': its sums need"):
        levels_within(network, losses, RampCode, options)


def test_levels_within_cores():
    one, network = finder(), pooled()
    losses = sensitivity(network, one)
    found = levels_within(network, losses, ThermometerCode, CompileOptions(levels="auto"))
    assert found == {"a": 3, "b": 3, "c": 15, "d": 15}
    options = CompileOptions(levels="auto", most_steps=9)
    with pytest.raises(InputError, match="thermometer code takes as many steps for any number"):
        levels_within(network, losses, ThermometerCode, options)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"corrections": True}, "corrections: is of levels"),
        ({"normalization": "bayes"}, "normalization: is of levels"),
        ({"levels": 3, "most_steps": 9}, "most_steps: is what levels are chosen by; give levels"),
        ({"levels": 3, "normalization": "bayes", "quantile": 0.9}, "quantile: is searched"),
    ],
)
def test_options_that_do_not_go_together(given, says):
    with pytest.raises(InputError, match=says):
        CompileOptions(**given)


def test_without_optuna_a_search_is_refused(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"bayes needs optuna.*install loihiseg\[calibration\]"):
        CompileOptions(levels=3, normalization="bayes")


def test_a_single_image_is_for_both():
    task = Task("membrane", (8, 8, 1), (2, 2, 1))
    network: LoweredNetwork = pooled()
    one = Finder(network, readout(), task, 0.5, PICTURES[:1])
    assert one.percentile(LEVELS).difference.divergence >= 0
