"""Published methods that make spiking networks, one folder each; see `loihiseg.methods.method`.

A new one takes a folder with a class as of `loihiseg.methods.method.Method` and a line in
`loihiseg.methods.registry`. The package itself imports nothing, and neither of the two TensorFlow:
a command line can name all methods at once.
"""
