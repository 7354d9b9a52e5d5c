"""Running a kept network: time to load, seconds per section, and memory for few and many sections.

    python -m loihiseg.deploy --chips 2 --save kept
    python benchmarks/running.py kept
    python benchmarks/running.py kept --data ISBI2012 --sections 2 24

Every number of sections runs in a process of its own, so that its peak memory is its own. What a
process takes before it has a section is told apart: interpreter, libraries and the network.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

if __name__ == "__main__":
    # Python puts the script's folder first.
    sys.path[0] = str(Path(__file__).resolve().parents[1])


def measured(folder: str, data: str | None, n_sections: int) -> dict[str, float]:
    """Load a network and run so many sections, in this process.

    Returns
    -------
    dict of str to float
        ``load_s``, ``run_s`` : seconds; ``before_mb``, ``peak_mb`` : MiB.
    """
    start = time.perf_counter()
    from loihiseg.compilation.artifact import load_deployed
    from loihiseg.running.sections import run

    imported = time.perf_counter()
    network = load_deployed(folder)
    loaded = time.perf_counter()
    images = _images(data)
    before = _peak_mb()
    begun = time.perf_counter()
    # One by one, as a volume larger than memory would come; more than there are begin anew.
    sections = (images[number % len(images)] for number in range(n_sections))
    for _ in run(network, sections):
        pass
    return {
        "import_s": imported - start,
        "load_s": loaded - imported,
        "run_s": time.perf_counter() - begun,
        "before_mb": before,
        "peak_mb": _peak_mb(),
    }


def _images(data: str | None):
    if data is None:
        from loihiseg.data.synthetic import synthetic_stack

        return synthetic_stack().images
    from loihiseg.data.readers import read_stack

    return read_stack(data).images


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", help="kept by python -m loihiseg.deploy --save")
    parser.add_argument("--data", metavar="PATH", help="stack; synthetic sections if not given")
    parser.add_argument("--sections", type=int, nargs="+", default=[2, 24], metavar="N")
    parser.add_argument("--alone", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone is not None:
        print(json.dumps(measured(options.folder, options.data, options.alone)))
        return
    print("sections  import s  load s  run s  s per section  peak MiB  before sections MiB")
    peaks = []
    for count in options.sections:
        command = [sys.executable, __file__, options.folder, "--alone", str(count)]
        command += ["--data", options.data] if options.data else []
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        one = json.loads(done.stdout)
        peaks.append(one["peak_mb"])
        print(
            f"{count:8d}  {one['import_s']:8.2f}  {one['load_s']:6.2f}  {one['run_s']:5.1f}  "
            f"{one['run_s'] / count:13.2f}  {one['peak_mb']:8.0f}  {one['before_mb']:19.0f}"
        )
    print(f"peak of {options.sections[-1]} over {options.sections[0]}: {peaks[-1] / peaks[0]:.3f}")


if __name__ == "__main__":
    main()
