"""Files that may come from strangers: archives of arrays, digests, and what arrays must be."""
