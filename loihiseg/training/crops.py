"""Augmented crops that a network is trained on."""

from dataclasses import dataclass

from loihiseg.frameworks import tf

import numpy as np

from loihiseg.data.augmentation import sample_crops, sample_planes
from loihiseg.data.stack import Stack
from loihiseg.training.presets import TrainingConfig
from loihiseg.training.wanted import SKELETON, TARGET, WEIGHT, wanted


@dataclass(frozen=True, eq=False)
class Examples:
    """Sections that crops are taken from.

    Attributes
    ----------
    stack : Stack
        With labels.
    planes : numpy.ndarray or None
        Of `loihiseg.training.wanted`; None where the labels alone are wanted.
    """

    stack: Stack
    planes: np.ndarray | None = None


def examples_of(stack: Stack, config: TrainingConfig) -> Examples:
    """Sections with what the configuration's objective wants of them."""
    if config.objective.is_plain:
        return Examples(stack)
    return Examples(stack, wanted(stack, config.objective))


class Crops(tf.keras.utils.Sequence):
    """Crops of an epoch. Batch ``i`` of epoch ``e`` is the same in every run."""

    def __init__(self, examples: Examples, config: TrainingConfig, epoch: int) -> None:
        self.examples, self.config, self.epoch = examples, config, epoch

    def __len__(self) -> int:
        return self.config.steps_per_epoch

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        """Pixels; membrane, or target and middle line; weights where pixels count differently."""
        rng = np.random.default_rng([self.config.seed, self.epoch, index])
        size, batch = self.config.crop, self.config.batch
        stack, planes = self.examples.stack, self.examples.planes
        if planes is not None:
            pixels, found = sample_planes(stack, planes.__getitem__, size, batch, rng, augment=True)
            return pixels, found[..., [TARGET, SKELETON]], _weights(found[..., [WEIGHT]])
        pixels, membrane, known = sample_crops(stack, size, batch, rng)
        if known is None:
            return pixels, membrane
        return pixels, membrane, _weights(known)


def _weights(counts: np.ndarray) -> np.ndarray:
    """The loss is a mean over all pixels; so it is one over those that count."""
    weights = counts / np.float32(max(counts.mean(), np.finfo(np.float32).tiny))
    return weights.astype(np.float32)
