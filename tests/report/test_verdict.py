"""What stands above a report: whether it fits, what is lost, what must not be overlooked."""

from dataclasses import replace

from loihiseg.report.page import Head, page_html
from loihiseg.report.verdict import verdict_of
from loihiseg.results import EarlyFirings, HostLayer, Network
from tests.results.examples import energy, example, score_row


def with_rows(*rows):
    return replace(example(), score_rows=rows, whole_sections=True)


def test_the_line_says_it_all():
    found = with_rows(
        score_row(Network.TRAINED, 0.925, 0.684), score_row(Network.EMULATED, 0.922, 0.681)
    )
    mapping = replace(found.mapping, messages=348.94)
    line = verdict_of(replace(found, mapping=replace(mapping, proved=True))).line
    assert line.startswith("Fits: 2 cores on 2 of 2 chips; 92.2% of pixels right on chip, 0.3 ")
    assert "points below the network as trained; membrane IoU 0.681; " in line
    assert line.endswith("348.9 messages a step between chips, proved least.")
    line = verdict_of(replace(found, mapping=replace(mapping, proved=False))).line
    assert line.endswith("348.9 messages a step between chips.")
    mapping = replace(mapping, n_chips_used=1)
    line = verdict_of(replace(found, mapping=mapping)).line
    assert line.startswith("Fits: 2 cores on 1 of 2 chips; ") and "nothing crosses" in line


def test_a_chip_that_scores_higher_is_said_to():
    found = with_rows(score_row(Network.TRAINED, 0.92), score_row(Network.EMULATED, 0.925))
    assert "0.5 points above the network as trained" in verdict_of(found).line


def test_without_truth_nothing_is_said_of_scores():
    found = verdict_of(with_rows())
    assert "right on chip" not in found.line and found.line.startswith("Fits: ")


def test_a_small_networks_energy_is_not_none():
    found = replace(with_rows(), per_section=None)
    for total_uj, said in (
        (7.25, "7.25 uJ a tile"),
        (99.9, "99.90 uJ"),
        (4250.0, "4.25 mJ a tile"),
    ):
        line = verdict_of(replace(found, energy=(energy(total=total_uj),))).line
        assert f"; {said}" in line


def test_what_must_not_be_overlooked():
    rows = (score_row(Network.TRAINED, 0.92, 0.66), score_row(Network.EMULATED, 0.75, 0.2))
    found = with_rows(*rows)
    silent = replace(found.layers[0].rates, silent_share=0.97)
    layers = (replace(found.layers[0], rates=silent), *found.layers[1:])
    host = (
        HostLayer("stem", "before", 100, 10),
        HostLayer("last", "after", 2_000_000, 10, is_hidden=True),
    )
    early = (EarlyFirings("b_spikes", 1234, 1),)
    warnings = verdict_of(
        replace(found, layers=layers, host_layers=host, early_firings=early)
    ).warnings
    for said in (
        "Below all cell", "hardly any membrane", "loses 46.0 points of membrane IoU",
        f"97% of the neurons of {layers[0].layer} never fire",
        "b_spikes fired early, before all of its input was there: 1234 spikes in 1 of 8 presen",
        "1 hidden layer run on the host (last): 2,000,000",
    ):  # fmt: skip
        assert any(said in text for text in warnings), said
    good = with_rows(score_row(Network.TRAINED), score_row(Network.EMULATED))
    assert verdict_of(good).warnings == ()


def test_the_head_is_text():
    script = "<script>alert(1)</script>"
    head = Head(script, (script,), ((script, script),), f'{{\n  "data": "{script}"\n}}')
    page = page_html(script, [], {}, head=head)
    assert "<script>alert" not in page and page.count("&lt;script&gt;") >= 6
    assert "\n  &#34;data&#34;" in page
