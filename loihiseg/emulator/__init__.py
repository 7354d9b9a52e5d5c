"""Running block models: the nengo-loihi emulator behind an interface that counts what happens.

Import the modules that are needed; TensorFlow is not among their imports.
"""
