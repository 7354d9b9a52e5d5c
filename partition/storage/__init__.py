"""Files that may come from strangers, and files that a kill leaves whole.

One regular file read once and written at once (`files`), archives of one kind, JSON within stated
limits. What the files say is the business of those who ask for them: block graphs are read in
`partition.built.graph_file`.
"""
