"""Block shapes and chips chosen together, for few messages between chips.

`choose.choose_tiling_and_chips` is the way in; plans begin with straight lines through the image
and with tilings, and are improved layer by layer and block by block. Stands on `shapes` and
`chips`.
"""
