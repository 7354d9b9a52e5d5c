"""The way to a chip, with nengo-loihi's emulator in the chip's place."""

import functools

import numpy as np


def test_output_spikes_come_from_the_simulator():
    from loihiseg.frameworks import tf

    import nengo_loihi

    from loihiseg.compilation.mapping import apply_block_shapes
    from loihiseg.conversion.converter import convert
    from loihiseg.conversion.lowering import lower
    from loihiseg.emulator.hardware import HardwarePresenter
    from loihiseg.emulator.reference import Presenter
    from loihiseg.network.unet import build_unet
    from loihiseg.training.presets import UNetConfig

    tf.keras.utils.set_random_seed(3)
    config = UNetConfig(tile=16, channels=(2, 4), convs_down=(1, 1), convs_up=(1,))
    network = lower(build_unet(config)).network
    shapes = {layer.name: layer.shape for layer in network.layers}
    blocks = {layer.name: layer.shape for layer in network.chip_layers}

    def make():
        converted = convert(network)
        apply_block_shapes(converted, network, blocks)
        return converted

    converted = make()
    (node,) = converted.inputs.values()
    images = np.random.default_rng(0).normal(size=(2, 16, 16)) * 2
    simulator = functools.partial(nengo_loihi.Simulator, target="sim", seed=0, progress_bar=False)
    with Presenter(converted.net, node, converted.ensembles, shapes) as emulator:
        expected = emulator.present_all(images, 60, 30)

        class Silent:
            """An emulator whose output layers are blanked, so that they must be filled in."""

            def present_each(self, *arguments):
                for one in emulator.present_each(*arguments):
                    for name in network.outputs:
                        one.spikes[name][:] = -1
                        one.window_spikes[name][:] = -1
                    yield one

        chip = HardwarePresenter(network, make, Silent(), simulator)
        found = chip.present_all(images, 60, 30)
    for ours, theirs in zip(found, expected):
        assert theirs.spikes[network.outputs[0]].any()
        for name in shapes:
            np.testing.assert_array_equal(ours.spikes[name], theirs.spikes[name])
            np.testing.assert_array_equal(ours.window_spikes[name], theirs.window_spikes[name])
