"""Ready-made sizes of the U-Net and the training that suits each.

Free of TensorFlow, so that command lines can name them in their help.
"""

from dataclasses import dataclass, field

from loihiseg.network.config import RateTarget, UNetConfig


@dataclass(frozen=True)
class TrainingConfig:
    """How a U-Net is trained.

    Attributes
    ----------
    network : UNetConfig
    crop, batch : int
        Pixels of the side of a training crop, and crops per step. Weights do not depend on the
        size; crops larger than a tile waste less of it on the border.
    steps_per_epoch, epochs : int
    learning_rate : float
        Of Adam at the start; falls to a hundredth along a half cosine.
    patience : int
        Epochs without a lower validation loss before training stops, where none are tuning
        epochs.
    seed : int
        Of weights, crops and augmentation.
    tuning_epochs : int
        The last so many epochs train with what the chip does to a network: see the next two.
    eight_bit : bool
        In these epochs weights on the chip are rounded to its 8 bits.
    window_steps : int
        In these epochs rates are counted in windows of so many steps; 0 leaves them exact.
    """

    network: UNetConfig = field(default_factory=UNetConfig)
    crop: int = 256
    batch: int = 8
    steps_per_epoch: int = 100
    epochs: int = 20
    learning_rate: float = 5e-3
    patience: int = 10
    seed: int = 0
    tuning_epochs: int = 0
    eight_bit: bool = True
    window_steps: int = 100


PRESETS: dict[str, TrainingConfig] = {
    "tiny": TrainingConfig(
        UNetConfig(tile=64, channels=(4, 8), convs_down=(1, 1), convs_up=(1,)),
        crop=128,
        batch=8,
        steps_per_epoch=60,
        epochs=20,
    ),
    "small": TrainingConfig(
        UNetConfig(tile=128, channels=(8, 16, 32), convs_down=(1, 1, 1), convs_up=(1, 1)),
        crop=256,
        batch=8,
        steps_per_epoch=100,
        epochs=24,
    ),
    # Small tiles leave room for channels: 48 x 48 x 16 on the finest level, 36,864 neurons a layer
    # there, 18,432 and 9,216 below. Few layers settle soon.
    "paper": TrainingConfig(
        UNetConfig(
            tile=96, channels=(16, 32, 64), convs_down=(2, 1, 1), convs_up=(1, 1), stem_channels=8
        ),
        crop=192,
        batch=12,
        steps_per_epoch=100,
        epochs=40,
        patience=40,
        tuning_epochs=8,
    ),
}
"""Presets by name. ``paper`` has 239,616 neurons on the chip, within 1 % of the paper's 238K."""

__all__ = ["PRESETS", "RateTarget", "TrainingConfig", "UNetConfig"]
