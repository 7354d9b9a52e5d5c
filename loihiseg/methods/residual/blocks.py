"""U-Nets with residual blocks, and the same network without."""

from dataclasses import replace

from loihiseg.errors import InputError
from loihiseg.network.config import UNetConfig


def with_blocks(config: UNetConfig, blocks: int) -> UNetConfig:
    """A U-Net with so many blocks of two convolutions more at every depth but where it is read out.

    Parameters
    ----------
    config : UNetConfig
    blocks : int
        At least 1.

    Raises
    ------
    InputError
        If there are fewer.
    """
    if blocks < 1:
        raise InputError(f"{blocks} residual blocks: expected at least 1")
    down = (max(config.convs_down[0], 1), *(0 for _ in config.convs_down[1:]))
    up = tuple(1 + 2 * blocks * (depth > 0) for depth in range(len(config.convs_up)))
    return replace(config, convs_down=tuple(n + 2 * blocks for n in down), convs_up=up)
