"""Some seconds of the real thing: does what is installed work together?"""

import importlib.util
import time
import warnings

from loihiseg.commands.doctor.findings import Finding
from loihiseg.progress import Reporter

N_NEURONS, N_STEPS = 60, 100


def self_test(reporter: Reporter) -> list[Finding]:
    """Run TensorFlow once, and a small network on both emulators, where they are there.

    Parameters
    ----------
    reporter : Reporter
        Told what is tried next.
    """
    found = []
    for name, module, test in (
        ("TensorFlow", "tensorflow", _tensorflow),
        ("emulator", "nengo_loihi", _emulators),
    ):
        if importlib.util.find_spec(module) is None:
            continue
        reporter.say(f"trying {name}")
        start = time.perf_counter()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                said = test()
        except Exception as error:
            what = f"{type(error).__name__}: {error}"
            remedy = "install loihiseg again into an empty environment, with constraints.txt"
            found.append(Finding(f"test of {name}", what, "wrong", remedy))
        else:
            seconds = time.perf_counter() - start
            found.append(Finding(f"test of {name}", f"{said}, {seconds:.1f} s"))
    return found


def _emulators() -> str:
    """The compiled emulator beside nengo-loihi's own; fails where a spike differs."""
    # First of all: it keeps back what TensorFlow, which nengo-dl imports, has to say.
    import loihiseg.frameworks  # noqa: F401

    import nengo
    import nengo_loihi
    import numpy as np

    from loihiseg.emulator.simulator import Simulator

    with nengo.Network(seed=0) as net:
        wave = nengo.Node(lambda t: np.sin(40 * t))
        a = nengo.Ensemble(N_NEURONS, 1, seed=1)
        b = nengo.Ensemble(N_NEURONS, 1, seed=2)
        nengo.Connection(wave, a)
        nengo.Connection(a, b, function=np.square)
        probe = nengo.Probe(b.neurons)
    found = []
    for kind in (nengo_loihi.Simulator, Simulator):
        with kind(net, target="sim", progress_bar=False, seed=0) as sim:
            sim.run_steps(N_STEPS)
            found.append(np.asarray(sim.data[probe]))
    theirs, ours = found
    if not np.array_equal(theirs, ours):
        raise RuntimeError(f"{int((theirs != ours).sum())} spikes differ from nengo-loihi's")
    return f"{int((theirs > 0).sum())} spikes, all as nengo-loihi's"


def _tensorflow() -> str:
    from loihiseg.frameworks import tf

    import numpy as np

    layer = tf.keras.layers.Conv2D(1, 3, kernel_initializer="ones", use_bias=False)
    found = float(layer(np.ones((1, 3, 3, 1), np.float32))[0, 0, 0, 0])
    if found != 9.0:
        raise RuntimeError(f"a sum of nine ones is {found:g}")
    return "computes"
