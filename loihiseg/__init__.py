"""From an electron-microscopy stack and a U-Net to a spiking deployment on Loihi."""

__version__ = "0.1.0"
