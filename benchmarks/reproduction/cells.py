"""Cells that several tables share."""

from benchmarks.reproduction import plan as names
from benchmarks.reproduction.plan import REFERENCE_STEPS
from benchmarks.reproduction.results import EMULATED, TRAINED, lost, spread

UJ_PER_MJ = 1000.0

NOT_RUN = "not run"
SCORE_HEADER = (
    "pixel accuracy",
    "membrane IoU",
    "F1",
    "V_Rand",
    "V_Info",
)
DROP_HEADER = (
    "accuracy, ANN",
    "emulated",
    "lost, points",
    "IoU, ANN",
    "emulated",
    "lost, points",
    "V_Rand lost",
    "V_Info lost",
)

_PATTERNS = {
    "accuracy": "{:.2%}",
    "membrane_iou": "{:.3f}",
    "membrane_f1": "{:.3f}",
    "v_rand": "{:.3f}",
    "v_info": "{:.3f}",
}


def of_seeds(results, steps=REFERENCE_STEPS) -> list[dict]:
    """Records of all seeds that are there."""
    found = (results.get(names.steps_name(names.seed_name(s), steps))
             for s in results.protocol.seeds)  # fmt: skip
    return [one for one in found if one is not None]


def drop_cells(one):
    """Scores of a record's trained network and emulation, and what lies between: `DROP_HEADER`."""
    if one is None:
        return not_run(len(DROP_HEADER))
    ann, chip = one["scores"][TRAINED], one["scores"][EMULATED]
    return (
        f"{ann['accuracy']:.2%}",
        f"{chip['accuracy']:.2%}",
        f"{100 * lost(one, 'accuracy'):.2f}",
        f"{ann['membrane_iou']:.3f}",
        f"{chip['membrane_iou']:.3f}",
        f"{100 * lost(one, 'membrane_iou'):.2f}",
        f"{lost(one, 'v_rand'):.4f}",
        f"{lost(one, 'v_info'):.4f}",
    )


def mean_lost(records, key):
    """Mean of what the emulations score lower than their own trained networks."""
    return spread(lost(one, key) for one in records).mean


def score_cells(records, stage):
    """Scores of a network over records, in the order of `SCORE_HEADER`."""
    rows = [one["scores"][stage] for one in records if stage in one["scores"]]
    if not rows:
        return not_run(len(_PATTERNS))
    return tuple(
        spread(row[key] for row in rows).text(pattern) for key, pattern in _PATTERNS.items()
    )


def aim(what, wanted, records, value, pattern, holds):
    """What is aimed at, the aim, what a function of records gives, and whether it holds.

    Records that are None are left out; without any it is said that none was run.
    """
    records = [one for one in records if one is not None]
    if not records:
        return (what, wanted, NOT_RUN, "")
    found = value(records)
    return (what, wanted, pattern.format(found), "yes" if holds(found) else "no")


def not_run(n):
    """``n`` cells that say so."""
    return (NOT_RUN, *[""] * (n - 1))
