"""From layers to cores to chips: block shapes, traffic and placement for nengo-loihi models.

Nothing in this package knows of images, of TensorFlow or of ``loihiseg``. Its main names can be
imported from here; each brings in its own module when it is first asked for, so that nengo_loihi is
imported with the allocators and not before.

Rooms, in the order in which they may import each other: ``core`` and ``display``; ``storage`` and
``command_line``; ``shapes`` and ``chips``; ``joint``; ``places``; ``built``. `solution` and the
command line stand above them, `system` below.
"""

from importlib import import_module

_MODULE_OF = {
    "MinTrafficAllocator": "built.allocator",
    "compare_allocators": "built.allocator",
    "Assignment": "chips.cut",
    "assign_chips": "chips.cut",
    "DoesNotFitError": "core.errors",
    "PartitionError": "core.errors",
    "block_graph": "built.graph",
    "block_violations": "built.blocks",
    "load_graph": "built.graph_file",
    "save_graph": "built.graph_file",
    "layers_of": "built.nengo_layers",
    "use_block_shapes": "built.nengo_layers",
    "choose_tiling_and_chips": "joint.choose",
    "Placement": "places.placement",
    "place_blocks": "places.placement",
    "choose_block_shapes": "shapes.tiling",
    "solve": "solution",
    "tiling_graph": "core.traffic",
}

__all__ = [
    "Assignment",
    "DoesNotFitError",
    "MinTrafficAllocator",
    "PartitionError",
    "Placement",
    "assign_chips",
    "block_graph",
    "block_violations",
    "choose_block_shapes",
    "choose_tiling_and_chips",
    "compare_allocators",
    "layers_of",
    "load_graph",
    "place_blocks",
    "save_graph",
    "solve",
    "tiling_graph",
    "use_block_shapes",
]


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
