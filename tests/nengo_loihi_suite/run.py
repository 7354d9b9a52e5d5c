"""nengo-loihi's own test suite against our Simulator.

    pip install -r tests/nengo_loihi_suite/requirements.txt   # in an environment of its own
    python tests/nengo_loihi_suite/run.py

Tests that fail are run again with nengo-loihi's simulator. What fails there too (its wheel lacks a
data file) is not ours. Ends with 1 if anything passes with nengo-loihi's simulator and fails with
ours.
"""

import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

HERE = Path(__file__).resolve().parent
STOCK = "LOIHISEG_SUITE_STOCK"


def run(functions=(), stock=False):
    """Run the suite, or some test functions of it, in a process of its own.

    Returns sets of names: passed, failed, skipped.
    """
    environment = dict(os.environ)
    environment["PYTHONPATH"] = os.pathsep.join(
        [str(HERE), str(HERE.parents[1]), environment.get("PYTHONPATH", "")]
    )
    environment.pop(STOCK, None)
    if stock:
        environment[STOCK] = "1"
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-c", str(HERE / "pytest.ini"), "--pyargs"]
        command += ["nengo_loihi", f"--junitxml={report}", "--no-header", "--tb=no"]
        if functions:
            command += ["-k", " or ".join(functions)]
        done = subprocess.run(
            command,
            env=environment,
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if not report.exists():
            sys.exit(f"nengo-loihi's tests did not run:\n{done.stdout}")
        cases = list(ElementTree.parse(report).iter("testcase"))
    found = {"passed": set(), "failed": set(), "skipped": set()}
    for case in cases:
        outcome = "passed"
        if case.find("failure") is not None or case.find("error") is not None:
            outcome = "failed"
        elif case.find("skipped") is not None:
            outcome = "skipped"
        found[outcome].add((case.get("classname"), case.get("name")))
    return found["passed"], found["failed"], found["skipped"]


def main():
    """Compare both simulators."""
    passed, failed, skipped = run()
    print(f"our simulator: {len(passed)} passed, {len(failed)} failed, {len(skipped)} skipped")
    if not passed:
        sys.exit("no test passed")
    ours = set()
    if failed:
        functions = sorted({name.split("[")[0] for _, name in failed})
        _, stock_failed, _ = run(functions, stock=True)
        print(f"of these, {len(failed & stock_failed)} fail with nengo-loihi's simulator too")
        ours = failed - stock_failed
    for name, test in sorted(ours):
        print(f"only with ours: {name}::{test}")
    sys.exit(1 if ours else 0)


if __name__ == "__main__":
    main()
