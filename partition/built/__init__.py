"""Built nengo-loihi models: their block graph, their use of cores, an allocator for them.

The block graph can be kept in a file (`graph_file`). Only the allocator imports nengo_loihi, so it
is imported by whoever wants an allocator. `nengo_layers` reads networks before they are built.
"""
