"""Where chips lie on a board and blocks on the mesh of their chip, so that ways are short.

`placement.place_blocks` is the way in, `floorplan` draws what came out. Which chip a block is on
was decided before, in `partition.chips`.
"""
