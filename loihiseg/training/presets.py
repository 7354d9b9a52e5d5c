"""Ready-made sizes of the U-Net and the training that suits each.

Free of TensorFlow, so that command lines can name them in their help.
"""

import math
from dataclasses import dataclass, field
from typing import Annotated

from msgspec import Meta

from loihiseg.errors import InputError
from loihiseg.network.config import RateTarget, UNetConfig
from loihiseg.storage.ranges import Amount, Count, Levels, Positive, Seed, Side
from loihiseg.through_time.settings import ThroughTime, check_on_chip
from loihiseg.training.objective import Objective


@dataclass(frozen=True)
class Stage:
    """Epochs of a training that goes down to few levels step by step.

    Attributes
    ----------
    levels : int or tuple of int
        As in `UNetConfig`; 0 for ideal rectified-linear units.
    epochs : int
    eight_bit : bool
        Weights on the chip are rounded to its 8 bits.
    batch_norm : bool
        As in `UNetConfig`. The first stage without folds those of the stage before into kernels
        and biases.
    """

    levels: Levels | tuple[Levels, ...]
    epochs: Positive
    eight_bit: bool = True
    batch_norm: bool = False

    def __post_init__(self) -> None:
        if self.epochs < 1 or (self.eight_bit and self.batch_norm):
            raise InputError(
                f"stage of levels {self.levels}: {self.epochs} epochs"
                f"{', 8-bit weights before a batch normalization' * self.batch_norm}; expected at "
                "least 1 epoch, and batch normalizations folded before weights are rounded"
            )


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
    stages : tuple of Stage
        Training of a network of few levels, instead of one for rates: no rate is regularized,
        each stage starts from the end of the one before with a new optimizer, and none stops
        early. The last has the levels of ``network``.
    start : str
        Digest of the weights that training starts from; empty: random ones.
    event_weight : float
        In stages with levels, or over time, of the synaptic events per multiply-accumulate in the
        loss; see `loihiseg.network.events` and `loihiseg.through_time.events`.
    time : ThroughTime or None
        Training of a spiking network through time, instead of one of rates or levels. Its tuning
        epochs train it in the chip's form, see `loihiseg.through_time.unet`.
    objective : Objective
        What the loss asks for beside each pixel's label.
    average : float
        What is validated and kept is the mean of weights over batches in which a batch counts
        this times the next, from the begin of each phase; see `loihiseg.training.averaging`. 0:
        the weights themselves.
    register : bool
        Images are moved to where the labels of the training sections lie, see
        `loihiseg.data.registration`.
    """

    network: UNetConfig = field(default_factory=UNetConfig)
    crop: Side = 256
    batch: Side = 8
    steps_per_epoch: Positive = 100
    epochs: Positive = 20
    learning_rate: Annotated[float, Meta(gt=0, le=1e3)] = 5e-3
    patience: Count = 10
    seed: Seed = 0
    tuning_epochs: Count = 0
    eight_bit: bool = True
    window_steps: Count = 100
    stages: Annotated[tuple[Stage, ...], Meta(max_length=1000)] = ()
    start: Annotated[str, Meta(pattern="^([0-9a-f]{64})?$")] = ""
    event_weight: Amount = 0.0
    time: ThroughTime | None = None
    objective: Objective = field(default_factory=Objective)
    average: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    register: bool = False

    def __post_init__(self) -> None:
        if self.time is not None:
            self._check_over_time(self.time)
        if not 0 <= self.event_weight < math.inf:
            raise InputError(
                f"training configuration: event_weight {self.event_weight}; expected 0 or more"
            )
        if not self.stages:
            return
        if self.epochs != sum(stage.epochs for stage in self.stages) or self.tuning_epochs:
            raise InputError(
                f"training configuration: {self.epochs} epochs and {self.tuning_epochs} tuning "
                "epochs; with stages expected the sum of theirs, and 0"
            )
        last = self.stages[-1]
        if (last.levels, last.batch_norm) != (self.network.levels, self.network.batch_norm):
            raise InputError(
                f"training configuration: the last stage has levels {last.levels}, batch_norm "
                f"{last.batch_norm}, the network {self.network.levels}, "
                f"{self.network.batch_norm}; they must be the same"
            )
        norms = [stage.batch_norm for stage in self.stages]
        if norms != sorted(norms, reverse=True):
            raise InputError(
                "training configuration: a stage with batch normalizations follows one without; "
                "once folded they do not come back"
            )

    def _check_over_time(self, time: ThroughTime) -> None:
        if self.stages or self.network.levels or self.network.batch_norm or self.window_steps:
            raise InputError(
                "training configuration: a network over time has no levels, stages, batch "
                "normalizations of its own or windows of firing rates"
            )
        if self.network.pooling or self.network.neighbours:
            raise InputError(
                "training configuration: a network over time has neither pooling nor neighbouring "
                "sections"
            )
        if self.tuning_epochs:
            check_on_chip(time)

    @property
    def ends_in_eight_bit(self) -> bool:
        """Whether the last stage trains a network of levels on the chip's 8-bit weights."""
        return bool(self.stages) and self.stages[-1].eight_bit


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
    # Where nothing is spent on ways up and down, there is room for two convolutions at each depth.
    "pooled": TrainingConfig(
        UNetConfig(
            tile=96, channels=(16, 32, 64), convs_down=(1, 2, 2), convs_up=(2, 2),
            stem_channels=16, levels=3, pooling=True,
        ),
        crop=128,
        batch=12,
        steps_per_epoch=100,
        epochs=40,
        learning_rate=3e-3,
        window_steps=0,
        stages=(
            Stage(0, 24, eight_bit=False, batch_norm=True),
            Stage(3, 12, eight_bit=False, batch_norm=True),
            Stage(3, 4),
        ),
        average=0.995,
    ),
}  # fmt: skip
"""Presets by name. ``paper`` has 239,616 neurons on the chip, within 1 % of the paper's 238K,
``pooled``, whose activations have levels, 216,576.
"""

__all__ = ["PRESETS", "RateTarget", "Stage", "TrainingConfig", "UNetConfig"]
