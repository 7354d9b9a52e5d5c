"""Sections in, maps and counts out, tile by tile; neither TensorFlow nor nengo is imported here."""
