"""Neural codes by name.

A code becomes known with `register`, in whatever package it is; from then on the command line, the
compiler, kept networks and reports know it. Of several that suit a network the one is taken that
needs the fewest chips, of these the one that was known first.
"""

import argparse
from collections.abc import Mapping
from typing import Any

from loihiseg.codes.code import NeuralCode, Trained
from loihiseg.codes.direct.code import DirectCode
from loihiseg.codes.options import Values, add_code_options
from loihiseg.codes.ramp.code import RampCode
from loihiseg.codes.rate import RateCode
from loihiseg.codes.shown import (
    LayersTable,
    layers_of_levels,
    layers_of_rates,
    words_of_levels,
    words_of_rates,
)
from loihiseg.codes.thermometer.code import ThermometerCode
from loihiseg.conversion import leaky, stepwise
from loihiseg.conversion import neuron_kinds as plain
from loihiseg.conversion.neuron import Neuron
from loihiseg.errors import InputError, Option, OptionError
from loihiseg.results.run import Code, Results
from partition.display.messages import one_line

_CODES: dict[str, type[NeuralCode]] = {
    RateCode.name: RateCode,
    ThermometerCode.name: ThermometerCode,
    RampCode.name: RampCode,
    DirectCode.name: DirectCode,
}


def register(code: type[NeuralCode]) -> type[NeuralCode]:
    """Make a code known; can stand above its class.

    Raises
    ------
    ValueError
        If another has its name.
    """
    if _CODES.setdefault(code.name, code) is not code:
        raise ValueError(f"there is a code named {code.name!r} already")
    return code


def unregister(name: str) -> None:
    """Forget a code that was registered, if it was."""
    _CODES.pop(name, None)


def names() -> tuple[str, ...]:
    """Names of all codes."""
    return tuple(_CODES)


def find(name: str) -> type[NeuralCode]:
    """The code of that name.

    Raises
    ------
    OptionError
        If there is none.
    """
    if name not in _CODES:
        raise OptionError(Option("code"), f": {name[:60]!a}: expected one of {', '.join(_CODES)}")
    return _CODES[name]


def suiting(
    trained: Trained, given: Values | None = None, looked_at: bool = False
) -> tuple[type[NeuralCode], ...]:
    """Codes that a network was trained for, in the order in which they became known; at least one.

    Parameters
    ----------
    trained : Trained
    given : mapping of str to object, optional
        Options that are given; codes that cannot do with them are left out, unless all are.
    looked_at : bool
        As of `completed`.

    Raises
    ------
    OptionError
        If there is none.
    """
    codes = tuple(code for code in _CODES.values() if code.suits(trained))
    if not codes:
        raise OptionError(
            Option("code"), f": none of {', '.join(_CODES)} suits such a network; name one"
        )
    able = tuple(code for code in codes if _takes(code, given or {}, looked_at))
    return able or codes[:1]


def _takes(code: type[NeuralCode], given: Values, looked_at: bool) -> bool:
    try:
        completed(code, given, looked_at)
    except InputError:
        return False
    return True


def neuron_kinds() -> Mapping[str, type[Neuron]]:
    """All kinds of neurons, by the tags that files say."""
    kinds = (
        *plain.KINDS,
        *stepwise.KINDS,
        *leaky.KINDS,
        *(kind for code in _CODES.values() for kind in code.neuron_kinds),
    )
    return {kind.__struct_config__.tag: kind for kind in kinds}  # type: ignore[attr-defined]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give a parser the options of all codes; without defaults, as they are the code's to choose.

    See `completed`.
    """
    parser.add_argument(
        "--code",
        choices=names(),
        help="how neurons stand for activations: "
        + ", ".join(f"{code.meaning} ({name})" for name, code in _CODES.items())
        + " (default: as the network was trained; of those on the fewest chips the first)",
    )
    add_code_options(parser, {name: code.options for name, code in _CODES.items()})


def option_names() -> tuple[str, ...]:
    """Names of the options of all codes, each once."""
    options = (option.name for code in _CODES.values() for option in code.options)
    return tuple(dict.fromkeys(options))


def completed(code: type[NeuralCode], given: Values, looked_at: bool = False) -> dict[str, Any]:
    """Values of all options of a code, checked.

    Parameters
    ----------
    code : type
    given : mapping of str to object
        Values by name; None or missing where they are not given.
    looked_at : bool
        Whether the host looks at the output before the end, to stop early.

    Raises
    ------
    OptionError
        If an option is another code's, or out of its range.
    """
    own = {option.name: option for option in code.options}
    chosen = {name: value for name, value in given.items() if value is not None}
    for name, value in chosen.items():
        if not _owners(name):
            raise OptionError(Option(name), ": no neural code has such an option")
        if name not in own:
            raise OptionError(
                Option(name),
                f" is of the {_owners(name)} code, the {code.name} code has none: leave it out",
            )
        choices = own[name].choices
        if choices and value not in choices:
            known = _choices(name)
            if value not in known:
                shown = one_line(str(value), 40)
                raise OptionError(Option(name), f": {shown}: expected one of {', '.join(known)}")
            raise OptionError(
                Option(name),
                f" {value} is of the {_owners(name, value)} code; the {code.name} code takes "
                f"{', '.join(choices)}",
            )
        own[name].check(value)
    return code.usual(chosen, looked_at)


def _owners(name: str, value: object = None) -> str:
    """Codes that have an option, or that take a value of it."""
    found = [
        code.name
        for code in _CODES.values()
        for option in code.options
        if option.name == name and (value is None or value in option.choices)
    ]
    return " and ".join(found)


def _choices(name: str) -> tuple[str, ...]:
    """Values of an option with all codes."""
    options = (option for code in _CODES.values() for option in code.options)
    choices = (choice for option in options if option.name == name for choice in option.choices)
    return tuple(dict.fromkeys(choices))


def words(code: Code) -> str:
    """The code of a deployment in a line, though it may not be known here."""
    if code.name in _CODES:
        return _CODES[code.name].words(code)
    return words_of_levels(code) if code.has_levels else words_of_rates(code)


def layers_table(results: Results) -> LayersTable:
    """The table of layers of a deployment, though its code may not be known here."""
    code = results.code
    if code.name in _CODES:
        return _CODES[code.name].layers_table(results)
    return layers_of_levels(results) if code.has_levels else layers_of_rates(results)
