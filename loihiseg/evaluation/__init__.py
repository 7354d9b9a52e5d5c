"""Scores and estimates: what a segmentation is worth and what a deployment costs.

Import the module that is needed; the package itself imports nothing:

- `metrics`: pixel scores against the all-cell baseline, choice of a threshold;
- `isbi`: the ISBI 2012 challenge scores V_Rand and V_Info, with `thinning`, its watershed;
- `rates`: firing rates of a layer against a wanted range;
- `energy`: counted activity times published energy constants.
"""
