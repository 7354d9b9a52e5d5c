"""Blocks to chips: few messages between chips, never more blocks than a chip has cores.

`cut.assign_chips` is the way in. Starts, moves and cuts of pairs find an assignment; flows, branch
and bound and worths of blocks say how much better another could be. All of it works on a block
graph and knows nothing of layers.
"""
