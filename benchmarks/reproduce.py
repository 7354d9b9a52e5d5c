"""The paper's experiment, from training to the table of results.

    python benchmarks/reproduce.py --data ISBI2012 --out runs/reproduction
    python benchmarks/reproduce.py --data ISBI2012 --parts seeds time   # some of it
    python benchmarks/reproduce.py --quick                              # minutes: does it all run

Interrupt it whenever you like: the same command goes on where it was. What is finished is not done
again; a training goes on after its last epoch. ``results.md``, ``results.json`` and the pictures in
the output folder are written anew after each run, from whatever is there.

Parts:

seeds     the preset trained with each seed, deployed on the test sections at 200 steps
time      the same networks at 25 to 400 steps
ablation  the recipe with one thing changed each, first seed
folds     the recipe on five splits in which every section is tested once
nengo-dl  NengoDL's spiking simulation of a few tiles beside the emulation of them
codes     networks of 1, 2, 3 and 7 levels trained on from those of rates, by thermometer code on
          the chip and simulated as Fast-SNN, beside the rate code
"""

import signal
import sys
from pathlib import Path

if __name__ == "__main__":
    # Python puts the script's folder first, where its modules would be found under other names.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import argparse

from benchmarks.reproduction.plan import (
    PARTS,
    chosen_runs,
    full_protocol,
    quick_protocol,
)
from loihiseg.commands.common import add_data_options, read_data, run
from loihiseg.errors import InputError, LoihisegError
from loihiseg.training.presets import PRESETS
from partition.command_line.options import seed, whole


def parse(arguments):
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        prog="python benchmarks/reproduce.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_data_options(parser)
    parser.add_argument(
        "--out",
        metavar="FOLDER",
        help="where all runs are kept (default: runs/reproduction, with --quick "
        "runs/reproduction-quick)",
    )
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="default: all")
    parser.add_argument("--seeds", type=seed, nargs="+", metavar="N", help="default: 0 1 2")
    parser.add_argument(
        "--preset", choices=tuple(PRESETS), help="default: paper, with --quick tiny"
    )
    parser.add_argument(
        "--ablation-epochs",
        type=whole(1, 10**5),
        metavar="N",
        help="train each variant of the recipe so long only, and the recipe beside them",
    )
    parser.add_argument(
        "--fold-epochs", type=whole(1, 10**5), metavar="N", help="train on each fold so long only"
    )
    parser.add_argument(
        "--level-epochs",
        type=whole(1, 10**5),
        nargs=2,
        metavar="N",
        help="train networks of levels so long with batch normalizations, and then without on "
        "8-bit weights (default: 15 5, with --quick 1 1)",
    )
    parser.add_argument(
        "--nengo-dl-tiles", type=whole(1, 10**5), metavar="N", help="default: 4, with --quick 2"
    )
    parser.add_argument(
        "--page",
        metavar="FILE",
        help="write the page there too, its pictures beside it, such as docs/reproduction.md",
    )
    parser.add_argument(
        "--quick", action="store_true", help="everything once, on very little: no results"
    )
    parser.add_argument(
        "--list", action="store_true", help="say what is done and what is left, and do nothing"
    )
    return parser.parse_args(arguments)


def protocol_of(options, n_sections: int):
    """What the options ask for."""
    changes = {
        "preset": options.preset,
        "seeds": options.seeds and tuple(dict.fromkeys(options.seeds)),
        "ablation_epochs": options.ablation_epochs,
        "fold_epochs": options.fold_epochs,
        "level_epochs": options.level_epochs and tuple(options.level_epochs),
        "nengo_dl_tiles": options.nengo_dl_tiles,
    }
    make = quick_protocol if options.quick else full_protocol
    return make(n_sections, **{name: value for name, value in changes.items() if value is not None})


def workplace(options, arguments, digest):
    """Where the options ask for it to be done."""
    from benchmarks.reproduction.page import short_command
    from benchmarks.reproduction.runs import Workplace
    from loihiseg.files import writable_folder

    out = options.out or ("runs/reproduction-quick" if options.quick else "runs/reproduction")
    command = short_command(["benchmarks/reproduce.py", *arguments])
    return Workplace(
        writable_folder(Path(out)), options.data, options.labels, options.label_polarity, digest,
        command, options.label_threshold, options.boundary_width, options.ignore_label,
        options.pixel_nm,
    )  # fmt: skip


def main(arguments):
    """Run what is left, and write the page after each run."""
    options = parse(arguments)

    from benchmarks.reproduction import runs

    stack = read_data(options)
    if stack.membrane is None:
        raise InputError(f"{stack.source}: has no labels to train on; give --labels")
    protocol = protocol_of(options, stack.n_sections)
    place = workplace(options, arguments, stack.digest)
    chosen = chosen_runs(protocol, options.parts)
    if options.list:
        for one in chosen:
            print(f"{'done' if runs.is_finished(place, one) else 'left'}  {one.name}")
        return
    signal.signal(signal.SIGTERM, _interrupt)
    with runs.locked(place.out) as lock:
        runs.check_folders(place, chosen)
        page = options.page and Path(options.page)
        failed = run_all(place, protocol, chosen, lock, page)
    if failed:
        raise LoihisegError(f"ended with an error: {', '.join(failed)}")


def run_all(place, protocol, chosen, lock, also=None) -> list[str]:
    """Run what is not finished, and return the names of what ended with an error."""
    from benchmarks.reproduction import runs
    from benchmarks.reproduction.page import write_results
    from benchmarks.reproduction.results import collect

    made = runs.made_with(place.command)
    failed: list[str] = []

    def write():
        return write_results(place.out, collect(place, protocol), made, failed, also)

    page = write()
    for number, one in enumerate(chosen, 1):
        title = f"[{number} of {len(chosen)}] {one.name}"
        if runs.is_finished(place, one):
            say(f"{title}: done before")
            continue
        if runs.job_of(place, one) is None:
            say(f"{title}: left out, for its network is not trained")
            failed.append(one.name)
            continue
        say(title)
        code = runs.execute(place, one, lock)
        if code:
            say(f"{one.name}: ended with exit code {code}")
            failed.append(one.name)
        page = write()
    say(f"results: {page}")
    return failed


def say(text):
    """Print a line on standard error, among what the runs say."""
    print(text, file=sys.stderr, flush=True)


def _interrupt(*_):
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(run(main))
