"""Whether what compiles and trains is installed; asked before anything slow. Imports nothing."""

import importlib.util
import sys

from loihiseg.errors import Option, OptionError

FRAMEWORKS = ("tensorflow", "tf_keras", "nengo_dl", "nengo_loihi")


def require_tensorboard() -> None:
    """Refuse to write for TensorBoard where it is not installed: TensorFlow writes through it.

    Raises
    ------
    InputError
        In one line.
    """
    if importlib.util.find_spec("tensorboard") is None:
        raise OptionError(
            Option("tensorboard"), ": TensorBoard is not installed; pip install -c constraints.txt "
            "tensorboard, or leave it out (history.csv has the same numbers)",
        )  # fmt: skip


def require_frameworks() -> None:
    """Refuse what needs TensorFlow and nengo where they are not installed.

    Raises
    ------
    InputError
        In one line: what is missing, and which Python has it.
    """
    missing = [name for name in FRAMEWORKS if importlib.util.find_spec(name) is None]
    if not missing:
        return
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    remedy: tuple[str | Option, ...] = ("install loihiseg again with what it needs",)
    if sys.version_info[:2] not in ((3, 11), (3, 12)):
        compiled = Option("deployed", "loihiseg.run")
        remedy = ("use Python 3.11 or 3.12, or run a network that was compiled there: ", compiled)
    raise OptionError(
        f"compiling and training need {', '.join(missing)}, not installed here for Python {here}; ",
        *remedy,
    )
