"""Charts: lengths to one scale, what a row says, and nothing that a name could break."""

import re
from dataclasses import replace

from loihiseg.report import charts
from loihiseg.report.charts import Bar, BarChart
from loihiseg.results import LayerWork, StepScore
from tests.results.examples import example, stopped

LAYERS, QUANTIZATION = example().layers, example().quantization


def says(html):
    return re.findall(r'data-says="([^"]*)"', html)


def test_lengths_are_to_one_scale():
    chart = BarChart("t", "n", (Bar("a", 25, "25", "x"), Bar("b", 0, "0", "y", 50)), (10, 400), 100)
    assert "width: 25.00%" in chart.html and "width: 0.00%" in chart.html
    assert "left: 50.00%" in chart.html
    # What is wanted ends with the chart.
    assert 'class="band" style="left: 10.00%; width: 90.00%"' in chart.html
    alone = BarChart("t", "n", (Bar("a", 50, "50", "x"),))
    assert "width: 92.59%" in alone.html and "band" not in alone.html  # 1 / 1.08
    assert "width: 0.00%" in BarChart("t", "n", (Bar("a", 0, "0", "x"),)).html


def test_names_are_text():
    script = "<script>alert(1)</script>\x1b"
    html = BarChart(script, script, (Bar(script, 1, script, script),)).html
    assert "<script" not in html and "\x1b" not in html and html.count("&lt;script&gt;") == 5


def test_rates_stand_in_their_band():
    html = charts.rates_chart(LAYERS, False)
    assert says(html) == [
        "a: 99.5th percentile 90 Hz, mean 20.0 Hz; of the neurons that fire 96% are within 50 to "
        "200 Hz; 10% never fire"
    ]
    assert 'class="band" style="left: 20.00%; width: 60.00%"' in html  # Of 250 Hz.
    assert "width: 36.00%" in html and "left: 8.00%" in html
    levels = charts.rates_chart(LAYERS, True)
    assert "band" not in levels and "within" not in levels


def test_what_quantization_loses():
    html = charts.loss_chart(QUANTIZATION, LAYERS)
    assert says(html) == [
        "a: 2.0% off with 8-bit weights; 1.0% of the weights became zero, 0 bits lost, signal to "
        "noise 41.5 dB; 10.0% off with spikes"
    ]
    (layer,) = LAYERS
    exact = charts.loss_chart(QUANTIZATION, (replace(layer, spiking_error=None),))
    assert "spikes" not in exact and "mark" not in exact


def test_work_by_layer():
    assert charts.work_charts(LAYERS, 8, 1) == ""
    (layer,) = LAYERS
    layers = (
        replace(layer, work=LayerWork(12_800, 640, 4_000, 30.0)),
        replace(layer, layer="b", work=LayerWork(6_400, 80, 1_000, 10.0)),
    )
    html = charts.work_charts(layers, 8, 1)
    assert html.count("<figure") == 2
    assert says(html)[0] == (
        "a: 30.00 uJ a tile, 75.0% of all (estimate); 500 synaptic events, 80 spikes, 1,600 neuron "
        "updates"
    )
    # Two presentations of a tile take twice as much.
    assert "b: 20.00 uJ a tile, 25.0% of all" in charts.work_charts(layers, 4, 2)


def test_accuracy_against_steps():
    found = stopped(example()).early_exit
    assert charts.steps_chart(None) == "" and charts.steps_chart(found) == ""
    steps = (StepScore(10, 0.5, 0.8, 0.25), StepScore(20, 1.0, 0.9, 0.5))
    html = charts.steps_chart(replace(found, by_step=steps))
    assert "Accuracy against steps" in html
    assert says(html)[0] == (
        "after 10 steps: 50.00% called as at the end, 80.00% right, membrane IoU 0.250"
    )
    html = charts.steps_chart(replace(found, by_step=(StepScore(10, 0.5),)))
    assert "right" not in html and "Agreement with the end" in html
