"""EM stacks: reading, splitting, augmenting, tiling, and synthetic sections to start with."""

from loihiseg.data.augmentation import augment, normalize, sample_crops
from loihiseg.data.readers import read_stack
from loihiseg.data.sections import parse_sections
from loihiseg.data.splits import Split, z_block_folds, z_block_split
from loihiseg.data.stack import LabelPolarity, Stack, make_stack
from loihiseg.data.synthetic import synthetic_stack
from loihiseg.data.tiles import TileGrid, cut, stitch, tile_grid

__all__ = [
    "LabelPolarity",
    "Split",
    "Stack",
    "TileGrid",
    "augment",
    "cut",
    "make_stack",
    "normalize",
    "parse_sections",
    "read_stack",
    "sample_crops",
    "stitch",
    "synthetic_stack",
    "tile_grid",
    "z_block_folds",
    "z_block_split",
]
