"""Files with broken weights and unsupported layers: every refusal names every layer at fault."""

import json
from collections import Counter

import pytest

from loihiseg.compilation.source import build_network, read_network, task_of_network
from loihiseg.conversion.lowering import lower
from loihiseg.errors import InputError
from tests.commands import in_process
from tests.conversion.broken_keras import UNSUPPORTED, WEIGHT_FAULTS, Broken

SUITE, MANY = 20, 300

pytestmark = pytest.mark.usefixtures("warm_map")


def check_refused(seed, folder, capfd):
    """What was wrong with a file whose refusal names all of it."""
    broken = Broken(seed)
    code, out, err = in_process(capfd, "check", broken.write(folder), "--json")
    assert (code, err) == (2, ""), (seed, broken.offenders, err)
    refusals = json.loads(out)["refusals"]
    missed = [name for name in broken.offenders if f"'{name}'" not in "\n".join(refusals)]
    assert not missed, (seed, broken.offenders, refusals)
    assert all("\n" not in text and len(text) < 500 for text in refusals)
    innocent = [entry.name for entry in broken.entries if entry.name not in broken.offenders]
    for text in refusals:
        if "hidden layer behind" not in text:
            assert not any(text.startswith(f"layer '{name}'") for name in innocent), (seed, text)
    check_deployments_refuse(broken, folder)
    return broken.offenders.values()


def check_deployments_refuse(broken, folder):
    """Reading a file for a deployment names all of it too, whichever step comes upon a fault."""
    with pytest.raises(InputError) as error:
        source = read_network(broken.write(folder))
        task_of_network(source)
        lower(build_network(source).model)
    missed = [name for name in broken.offenders if f"'{name}'" not in str(error.value)]
    assert not missed, (broken.offenders, str(error.value))


@pytest.mark.parametrize("seed", range(SUITE))
def test_refused(seed, tmp_path, capfd):
    check_refused(seed, tmp_path, capfd)


@pytest.mark.slow
def test_many(tmp_path, capfd):
    found = Counter()
    for seed in range(MANY):
        for faults in check_refused(seed, tmp_path, capfd):
            found += Counter(faults.split(", "))
    assert {*UNSUPPORTED, *WEIGHT_FAULTS} <= set(found)
