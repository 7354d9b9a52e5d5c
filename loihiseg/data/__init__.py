"""EM stacks: reading, splitting, augmenting, tiling, and synthetic sections to start with.

Each name brings in its own module when it is first asked for: a command line that is only parsed
needs none of them.
"""

from importlib import import_module

_MODULE_OF = {
    "augment": "augmentation",
    "normalize": "contrast",
    "sample_crops": "augmentation",
    "read_stack": "readers",
    "parse_sections": "sections",
    "Split": "splits",
    "z_block_folds": "splits",
    "z_block_split": "splits",
    "LabelPolarity": "stack",
    "Stack": "stack",
    "make_stack": "stack",
    "synthetic_stack": "synthetic",
    "TileGrid": "tiles",
    "cut": "tiles",
    "stitch": "tiles",
    "tile_grid": "tiles",
}

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


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
