"""What is shown of a run beside others, in order and form."""

from collections.abc import Mapping
from dataclasses import dataclass

Value = float | str | None


@dataclass(frozen=True)
class Fact:
    """A row of a comparison.

    Attributes
    ----------
    key : str
        Name of a column in CSV, with its unit.
    says : str
        Name in tables.
    form : str
        Format of a number; "%" of a share.
    """

    key: str
    says: str
    form: str = ""

    def text(self, value: Value) -> str:
        """A value as tables have it."""
        if value is None:
            return ""
        return value if isinstance(value, str) else format(value, self.form)


FACTS = (
    Fact("kind", "kind"),
    Fact("network", "network"),
    Fact("data", "data"),
    Fact("sections", "sections"),
    Fact("code", "code"),
    Fact("steps", "steps a tile", ",.0f"),
    Fact("scored", "scored"),
    Fact("accuracy_trained", "accuracy, trained", ".2%"),
    Fact("accuracy", "accuracy", ".2%"),
    Fact("accuracy_lost_points", "accuracy lost, points", ".2f"),
    Fact("iou_trained", "membrane IoU, trained", ".3f"),
    Fact("iou", "membrane IoU", ".3f"),
    Fact("iou_lost_points", "IoU lost, points", ".2f"),
    Fact("v_rand", "V_Rand", ".3f"),
    Fact("v_info", "V_Info", ".3f"),
    Fact("agreement", "called as with 8-bit weights", ".3%"),
    Fact("mean_hz", "mean rate, Hz", ",.1f"),
    Fact("share_in_range", "neurons in the rate range", ".1%"),
    Fact("share_silent", "neurons that are silent", ".1%"),
    Fact("spikes_per_section", "spikes a section", ",.0f"),
    Fact("events_per_section", "synaptic events a section", ",.0f"),
    Fact("updates_per_section", "neuron updates a section", ",.0f"),
    Fact("section_mj", "mJ a section, estimate", ",.1f"),
    Fact("tile_mj", "mJ a tile, estimate", ",.3f"),
    Fact("messages_per_step", "messages between chips a step", ",.1f"),
    Fact("n_cores", "cores", ",.0f"),
    Fact("n_chips", "chips", ",.0f"),
    Fact("epochs", "epochs", ",.0f"),
    Fact("seconds", "seconds", ",.1f"),
    Fact("peak_memory_mib", "peak memory, MiB", ",.0f"),
)  # fmt: skip
"""In the order in which they are shown."""


@dataclass(frozen=True)
class ComparedRun:
    """A run as it is compared.

    Attributes
    ----------
    name : str
        Of its folder.
    options : mapping of str to str
        What it was asked, by name; "" of an option that was left out.
    facts : mapping of str to (float, str or None)
        By `Fact.key`; others are not known of it.
    maps : str or None
        A file of its maps, where there is one.
    sections : tuple of int
        That the maps are of, in their order.
    """

    name: str
    options: Mapping[str, str]
    facts: Mapping[str, Value]
    maps: str | None = None
    sections: tuple[int, ...] = ()
