"""Levels fit the budget, go where they are missed least, and are never fewer for a larger one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loihiseg.errors import InputError
from loihiseg.training.allocation import choose_levels

LOSSES = {
    "host": {3: 1.0, 1: 2.0},
    "a": {3: 1.0, 2: 1.1, 1: 1.5},
    "b": {3: 1.0, 2: 1.012, 1: 1.03},
    "c": {3: 1.0, 2: 1.5, 1: 3.0},
}
SIZES = {"a": 100, "b": 10, "c": 100}


@pytest.mark.parametrize(
    "budget, expected",
    [
        (630, (3, 3, 3)),
        # Per neuron saved: a 0.001, b 0.0012, c 0.005.
        (629, (2, 3, 3)),
        (530, (2, 3, 3)),
        (529, (2, 2, 3)),
        (520, (2, 2, 3)),
        (519, (2, 1, 3)),
        # Now a 0.004, c 0.005.
        (509, (1, 1, 3)),
        (410, (1, 1, 3)),
        (409, (1, 1, 2)),
        (210, (1, 1, 1)),
    ],
)
def test_by_hand(budget, expected):
    found = choose_levels(SIZES, LOSSES, budget)
    assert (found["a"], found["b"], found["c"]) == expected and found["host"] == 3
    assert list(found) == list(LOSSES)


def test_a_worse_step_on_the_way_is_passed():
    """Two levels are worse than one: straight down from three."""
    losses = {"a": {3: 1.0, 2: 1.5, 1: 1.1}, "b": {3: 1.0, 2: 1.2, 1: 1.9}}
    assert choose_levels({"a": 10, "b": 10}, losses, 59) == {"a": 1, "b": 3}
    assert choose_levels({"a": 10, "b": 10}, losses, 39) == {"a": 1, "b": 2}


def test_shortage_is_named():
    with pytest.raises(InputError, match="take 210 neurons, 1 more than the budget of 209"):
        choose_levels(SIZES, LOSSES, 209)
    with pytest.raises(InputError, match="layer 'd' has no losses"):
        choose_levels({"d": 3}, LOSSES, 209)


@st.composite
def problems(draw):
    n = draw(st.integers(1, 7))
    losses = {}
    for i in range(n):
        levels = draw(st.sets(st.integers(1, 15), min_size=1, max_size=4))
        losses[f"l{i}"] = {level: draw(st.floats(0, 2)) for level in levels}
    sizes = {name: draw(st.integers(0, 5000)) for name in losses if draw(st.booleans())}
    return sizes, losses


@settings(max_examples=300, deadline=None)
@given(problem=problems(), share=st.floats(0, 1.3), more=st.integers(0, 3000))
def test_fits_and_grows_with_the_budget(problem, share, more):
    sizes, losses = problem

    def taken(levels):
        return sum(size * levels[name] for name, size in sizes.items())

    least = taken({name: min(v) for name, v in losses.items()})
    most = taken({name: max(v) for name, v in losses.items()})
    budget = int(least + share * (most - least))
    found, larger = (choose_levels(sizes, losses, n) for n in (budget, budget + more))
    assert taken(found) <= budget and all(n in losses[name] for name, n in found.items())
    assert all(larger[name] >= n for name, n in found.items())
    if budget >= most:
        assert found == {name: max(v) for name, v in losses.items()}
    assert all(found[name] == max(losses[name]) for name in losses if not sizes.get(name))
