"""What a check says of networks over time that the chip cannot have: everything, one by one."""

from pathlib import Path
from types import SimpleNamespace

from loihiseg.compilation.checking_over_time import verdicts_over_time
from loihiseg.methods.bntt.published import published
from loihiseg.network.config import UNetConfig
from loihiseg.through_time.settings import ThroughTime, lacking_on_chip


def test_everything_that_the_chip_lacks_is_named():
    config = UNetConfig(tile=16, channels=(3, 4), convs_down=(3, 2), convs_up=(1,))
    checkpoint = SimpleNamespace(info=SimpleNamespace(config=SimpleNamespace(network=config)))
    time = published(3)
    rows, refusals, lowering = verdicts_over_time(Path("a"), checkpoint, time)
    assert lowering is None and len(refusals) == 3
    assert "scales of their own for each step" in refusals[0]
    assert "a reset by subtraction" in refusals[1]
    assert "arrive in the step in which they are sent" in refusals[2]
    assert {row.verdict for row in rows} == {"refused"} and rows[1].reasons == refusals
    # Without delays all layers are in one step.
    assert {row.kind for row in rows if row.kind.startswith("same")} == {"same, steps 1 to 3"}
    membranes = ThroughTime(2, residual="membrane")
    _, refusals, _ = verdicts_over_time(Path("a"), checkpoint, membranes)
    assert len(refusals) == 1 and "currents that pass a layer by" in refusals[0]
    plain = SimpleNamespace(network=UNetConfig(channels=(3, 4), convs_down=(1, 1), convs_up=(1,)))
    checkpoint = SimpleNamespace(info=SimpleNamespace(config=plain))
    time = ThroughTime(1, normalization="bntt", rests=True)
    rows, _, _ = verdicts_over_time(Path("a"), checkpoint, time)
    assert [row.kind for row in rows][1:3] == [
        "same, steps 2 to 5, silent in 2",
        "down, steps 3 to 3",
    ]
    assert lacking_on_chip(ThroughTime(2)) == ()
