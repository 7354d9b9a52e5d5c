from partition.built.usage import Use, usage_table
from partition.shapes.tiling import make_tiling
from tests.partition.networks import build, skip_net


def test_rows_equal_the_tiling():
    import nengo_loihi

    layers = skip_net()
    shapes = {"a": (6, 12, 4), "b": (6, 6, 8), "c": (6, 12, 5)}
    net, _, _ = build(layers, shapes)
    model = nengo_loihi.Simulator(net, target="sim", progress_bar=False).model
    rows = usage_table(model)
    assert [row.layer for row in rows] == ["a", "b", "c"]
    for row, usage in zip(rows, make_tiling(layers, shapes).usage):
        assert row.n_blocks == usage.n_blocks
        assert row.in_axons.value == usage.in_axons
        assert row.out_axon_slots.value == usage.out_axon_slots
        assert row.synapse_bits == Use(usage.synapse_bits, 1048576)
    assert [row.n_compartments for row in rows] == [576, 288, 720]


def test_percent():
    assert Use(256, 1024).percent == 25.0
