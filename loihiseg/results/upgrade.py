"""``metrics.json`` of former formats in today's form.

Format 1, which has no number, was written before version 0.2. Format 2 called the rows of scores
``stages``. Up to format 3 there were scores of maps shifted by a constant besides, which are
not read any more.
"""

from typing import Any

from loihiseg.results.run import FORMAT
from loihiseg.results.scores import Network

_WHOLE = "whole sections"
_STOPPED = "the same, stopped after"
_OUR_ALLOCATOR = "partition"


def upgraded(values: dict[str, Any]) -> dict[str, Any]:
    """A deployment of a former format in today's form; scores of shifted maps are left out.

    Raises
    ------
    KeyError, TypeError, AttributeError, ValueError
        If it is no such thing.
    """
    if values.get("format", 1) == 1:
        return _of_first_format(values)
    return _renamed(values) | {"format": FORMAT}


def _renamed(values: dict[str, Any]) -> dict[str, Any]:
    if "score_rows" in values:
        return values
    kept = {key: value for key, value in values.items() if key != "stages"}
    return kept | {"score_rows": values["stages"]}


def _of_first_format(values: dict[str, Any]) -> dict[str, Any]:
    """The same of format 1.

    Rows of scores were told apart by their names, and ours among the allocators by its own. What
    the first versions did not write yet is filled in as they meant it.
    """
    rows = [_row(row) for row in values["stages"]]
    mapping, activity = values["mapping"], values["activity"]
    filled = {"agreement": None, "early_exit": None} | values
    filled.setdefault("code", _rates(activity, values["layers"]))
    spiking = [row for row in rows if row["network"] == Network.EMULATED.value]
    allocators = [row | {"ours": row["name"] == _OUR_ALLOCATOR} for row in mapping["allocators"]]
    return _renamed(filled) | {
        "format": FORMAT,
        "score_rows": rows,
        "whole_sections": all(row["whole_sections"] for row in spiking),
        "mapping": {"lower_bound": None} | mapping | {"allocators": allocators},
    }


def upgraded_simulation(values: dict[str, Any]) -> dict[str, Any]:
    """The same of a simulation as Fast-SNN."""

    def by_network(parts: dict[str, Any]) -> dict[str, Any]:
        return {_network(name): part for name, part in parts.items()}

    values = _renamed(values)
    if all("network" in row for row in values["score_rows"]):
        return values
    return values | {
        "score_rows": [_row(row) for row in values["score_rows"]],
        "spiking": by_network(values["spiking"]),
        "tuning": by_network(values["tuning"]),
    }


def _row(row: dict[str, Any]) -> dict[str, Any]:
    own = {"network": _network(row["name"]), "whole_sections": row["pixels"] == _WHOLE}
    return row | own


def _network(name: str) -> str:
    if name.startswith(_STOPPED):
        return Network.STOPPED.value
    for network in Network:
        if network.title == name:
            return network.value
    raise ValueError(f"no network is called {name[:80]!r}")


def _rates(activity: dict[str, Any], layers: list[Any]) -> dict[str, Any]:
    """The code, which was not named while there was but one."""
    return {
        "name": "rate",
        "steps": activity["n_steps"] // activity["n_images"],
        "window_steps": None,
        "held": True,
        "input": "held",
        "levels": [],
        "chip_levels": [0] * len(layers),
    }
