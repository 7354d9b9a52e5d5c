"""What tests of all formats share."""

import os
import signal

import numpy as np
import tifffile
import zarr

from loihiseg.data.writers import is_begun, open_output

NAMES = ["map.zarr", "map.tif", "map.tiff", "map.ome.tif"]


def pixels(shape, dtype, seed=0):
    """Pixels of all values a type has, the largest among them."""
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return rng.random(shape).astype(dtype)
    most = np.iinfo(dtype).max
    array = rng.integers(0, most, shape, dtype=dtype, endpoint=True)
    array.flat[-1] = most
    return array


def opened(path, array, kind="image", pixel_nm=(50.0, 4.0, 4.5), **options):
    return open_output(
        path, shape=array.shape, dtype=array.dtype, pixel_nm=pixel_nm, kind=kind, **options
    )


def read(path):
    """(z, y, x) as another library reads it."""
    if path.suffix == ".zarr":
        return zarr.open_group(str(path), mode="r")["0"][:]
    with tifffile.TiffFile(path) as tiff:
        # tifffile leaves out axes of length one.
        page = tiff.pages.first
        return tiff.asarray().reshape(-1, page.imagelength, page.imagewidth)


def content(folder):
    """Bytes of all files in a folder, by their paths."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def write_windows(path, stop=-1):
    """An image and cells, window by window, going on with what there is; dies at window `stop`."""
    array, cells = pixels((4, 540, 30), "u1"), pixels((4, 540, 30), "u4")
    with opened(path, array, resume=is_begun(path, ["cells"])) as output:
        labels = output.add_labels("cells", "u4")
        for at in range(8):
            number, top = at // 2, 250 * (at % 2)
            output.write_window(number, top, 0, array[number, top : top + 290])
            if at == stop:
                os.kill(os.getpid(), signal.SIGKILL)
            labels.write_window(number, top, 0, cells[number, top : top + 290])
            output.sync()
