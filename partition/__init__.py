"""From layers to cores to chips: block shapes, traffic and placement for nengo-loihi models.

Nothing in this package knows of images, of TensorFlow or of ``loihiseg``.
"""
