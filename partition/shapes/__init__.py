"""Block shapes: each layer cut into blocks that fit a core, fewest cores first.

`tiling.choose_block_shapes` searches, `candidates` are the shapes a layer could take; where nothing
fits, `remedies` tries changes to the network and says which would help.
"""
