"""Training: fit, stages, resume, checkpoints and the networks that come along.

Import the modules that are needed; this package imports none.
"""
