"""What both commands share: options for data, and errors turned into one line and an exit code."""

import argparse
import signal
import sys
import threading
import warnings
from contextlib import contextmanager

from loihiseg.errors import InputError, LoihisegError

INTERRUPT_AGAIN_S = 0.5
"""Seconds after which a lost Ctrl-C is raised again."""


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    """Says a default where there is one to say."""

    def _get_help_string(self, action):
        if action.default in (None, False) or "default" in (action.help or ""):
            return action.help
        return super()._get_help_string(action)


class Parser(argparse.ArgumentParser):
    """Shows defaults in the help; a wrong option is one line and exit code 2."""

    def __init__(self, **kwargs):
        super().__init__(formatter_class=_Help, **kwargs)

    def error(self, message):
        """Print one line and leave with 2."""
        self.exit(2, f"{self.prog}: error: {message}\n")


def add_data_options(parser: argparse.ArgumentParser) -> None:
    """Options that say which stack to read."""
    group = parser.add_argument_group("data")
    group.add_argument(
        "--data",
        metavar="PATH",
        help="stack: folder with train-volume.tif and train-labels.tif, TIFF file, folder of "
        "sections, or Zarr; synthetic sections if not given",
    )
    group.add_argument("--labels", metavar="PATH", help="labels, where --data does not hold them")
    group.add_argument(
        "--label-polarity",
        choices=("auto", "cell-bright", "membrane-bright"),
        default="auto",
        help="which of the two label values is membrane",
    )


def read_data(options):
    """The stack the options ask for: the synthetic one if no path is given."""
    if options.data is None:
        from loihiseg.data.synthetic import synthetic_stack

        return synthetic_stack()
    from loihiseg.data.readers import read_stack

    return read_stack(options.data, options.labels, options.label_polarity)


def positive(text: str) -> int:
    """A whole number of at least 1, for argparse."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not at least 1")
    return value


positive.__name__ = "whole number"


def seed(text: str) -> int:
    """A whole number that every random generator in use takes, for argparse."""
    value = int(text)
    if not 0 <= value < 2**31:
        raise argparse.ArgumentTypeError(f"{value} is not in 0 to 2147483647")
    return value


seed.__name__ = "whole number"


def run(main, arguments=None) -> int:
    """Call a command's main function and turn errors into one line and an exit code.

    Parameters
    ----------
    main : callable
        Takes the list of arguments.
    arguments : list of str, optional
        Those of the process by default.

    Returns
    -------
    int
        0 done, 2 input that cannot be used, 4 does not fit, 130 interrupted, 1 anything else that
        was expected to happen.
    """
    from partition.errors import DoesNotFitError, PartitionError

    try:
        with _library_chatter_off(), _interrupts_arrive():
            main(sys.argv[1:] if arguments is None else arguments)
        return 0
    except LoihisegError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except DoesNotFitError as error:
        print(f"error: {error}", file=sys.stderr)
        for violation in error.violations:
            if violation != str(error):
                print(f"  {violation}", file=sys.stderr)
        return 4
    except PartitionError as error:
        print(f"error: {error}", file=sys.stderr)
        return InputError.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


@contextmanager
def _interrupts_arrive():
    """Raise a KeyboardInterrupt again if the first is lost.

    Python drops an exception that is raised while it clears away objects, as TensorFlow makes it do
    all the time.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def first(*_):
        signal.setitimer(signal.ITIMER_REAL, INTERRUPT_AGAIN_S)
        raise KeyboardInterrupt

    def again(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, first), signal.signal(signal.SIGALRM, again)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGINT, before[0])
        signal.signal(signal.SIGALRM, before[1])


@contextmanager
def _library_chatter_off():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", FutureWarning)
        warnings.filterwarnings("ignore", module="nengo.*")
        warnings.filterwarnings("ignore", module="keras.*")
        yield
