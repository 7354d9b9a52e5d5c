"""`hdf5_map` for many files in a row: h5py is imported once, each file is read in a fork.

    python -P warm_hdf5_map.py hdf5_map.py CPU_SECONDS

Standard input: length as 8 bytes, then the file, again and again. Standard output: exit status and
length as 8 bytes each, then the map.
"""

import importlib.util
import io
import json
import os
import struct
import subprocess
import sys
from pathlib import Path


def _serve(script, cpu_seconds):
    specification = importlib.util.spec_from_file_location("hdf5_map", script)
    hdf5_map = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(hdf5_map)
    while header := sys.stdin.buffer.read(8):
        data = sys.stdin.buffer.read(struct.unpack("<q", header)[0])
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            hdf5_map.limit_resources(cpu_seconds)
            try:
                result = hdf5_map.describe(io.BytesIO(data))
            except hdf5_map.Refused as refused:
                result = {"refused": str(refused)}
            with os.fdopen(writing, "wb") as file:
                file.write(json.dumps(result).encode())
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as file:
            text = file.read()
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        sys.stdout.buffer.write(struct.pack("<qq", status, len(text)) + text)
        sys.stdout.buffer.flush()


class WarmMap:
    """Stands in for ``hdf5._map_of`` where many files are read."""

    def __init__(self, script: Path, cpu_seconds: int):
        self.process = subprocess.Popen(
            [sys.executable, "-P", __file__, str(script), str(cpu_seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def __call__(self, data: bytes) -> tuple[int, bytes]:
        self.process.stdin.write(struct.pack("<q", len(data)) + data)
        self.process.stdin.flush()
        status, length = struct.unpack("<qq", self.process.stdout.read(16))
        return status, self.process.stdout.read(length)

    def close(self):
        with self.process:
            self.process.stdin.close()


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]))
