"""Steps before the last in which a layer is needed, by hand."""

from loihiseg.network.ways import steps_before_end


def test_a_layer_is_needed_once_for_every_length_of_its_ways():
    sources = {"stem": ["pixels"], "down": ["stem"], "up": ["down"], "join": ["up", "stem"]}
    assert steps_before_end(sources, ["join"]) == {
        "stem": {1, 3}, "down": {2}, "up": {1}, "join": {0}
    }  # fmt: skip


def test_outputs_may_be_heard_too_and_dead_ends_are_never_needed():
    sources = {"a": [], "b": ["a"], "c": ["b"], "dead": ["a"]}
    assert steps_before_end(sources, ["b", "c"]) == {
        "a": {1, 2}, "b": {0, 1}, "c": {0}, "dead": set()
    }  # fmt: skip
