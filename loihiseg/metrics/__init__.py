"""What numbers say: scores of maps, rates, levels and energy, computed from arrays alone.

No module knows of networks or deployments, so that training can measure by what a deployment is
judged by. Import the module that is needed; the package itself imports nothing:

- `pixels`: pixel scores against the all-cell baseline, choice of a threshold;
- `isbi`: the ISBI 2012 challenge scores V_Rand and V_Info, with `thinning`, its watershed;
- `rates`, `levels`: what neurons of a layer do, against a wanted range;
- `energy`: counted activity times published energy constants.
"""
