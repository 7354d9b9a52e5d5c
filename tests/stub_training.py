"""A training whose numbers cost nothing, and whose files are the real ones."""

import sys
from dataclasses import replace
from types import SimpleNamespace

from loihiseg.frameworks import tf

import numpy as np

from loihiseg.data.splits import z_block_split
from loihiseg.data.synthetic import synthetic_stack
from loihiseg.files import write_json
from loihiseg.network.weight_shapes import weight_shapes
from loihiseg.progress import Reporter
from loihiseg.training import models as trainable
from tests.training_runs import CONFIG

LOSSES = (0.5, 0.6, 0.4)
"""Of the epochs: the checkpoint is written, kept, replaced."""


class _Variable:
    dtype = tf.float32

    def __init__(self, name, value):
        self.name, self.value = name, value.astype(np.float32)

    @property
    def shape(self):
        return self.value.shape

    def numpy(self):
        return self.value.copy()

    def assign(self, value):
        self.value = np.array(value, np.float32)


class _Model:
    """Weights of the configuration's network; each epoch changes them, and the optimizer's."""

    def __init__(self, config):
        self.weights = [
            _Variable(name, np.full(shape, 0.5)) for name, shape in weight_shapes(config).items()
        ]
        self.trainable_variables = self.weights
        self.optimizer = SimpleNamespace(
            variables=[_Variable("step", np.zeros(3))], build=lambda variables: None
        )

    def get_weights(self):
        return [variable.numpy() for variable in self.weights]

    def set_weights(self, values):
        for variable, value in zip(self.weights, values, strict=True):
            variable.assign(value)

    def fit(self, crops, *, epochs, **_):
        (step,) = self.optimizer.variables
        step.assign(step.numpy() + 1)
        for variable in self.weights:
            variable.assign(variable.numpy() * 0.9 + 0.01 * epochs + 0.001 * step.numpy()[0])
        return SimpleNamespace(history={"bce": [1 / epochs], "loss": [2 / epochs]})


def _validate(model, stack, config, epoch, loss, rate_loss):
    from loihiseg.training.fit import Epoch

    return Epoch(epoch, loss, rate_loss, LOSSES[epoch - 1], 0.5, 0.25, 0.5, ())


def install(monkeypatch):
    """Put the stubs in place of the numbers, wherever they are called from."""
    import loihiseg.report.training as pictures
    import loihiseg.training.fit as training

    fakes = {
        trainable.compiled: lambda config, phase, *_: _Model(config.network),
        trainable.first_model: lambda config, *_: _Model(config.network),
        trainable.as_validated: lambda config, phase: _Model(phase.network),
    }
    for module in [m for name, m in sys.modules.items() if name.startswith("loihiseg.")]:
        for original, fake in fakes.items():
            if getattr(module, original.__name__, None) is original:
                monkeypatch.setattr(module, original.__name__, fake)
    monkeypatch.setattr(training, "validate", _validate)
    monkeypatch.setattr(
        pictures, "draw_history", lambda rows, path: write_json(path, [e.epoch for e in rows])
    )


STACK = synthetic_stack(6, (48, 48))


def command(folder, resume=None, n_epochs=None):
    """What the command does with --out; with --resume where there is something to go on with."""
    from loihiseg.commands.train.command import Told, _check_free, _train
    from loihiseg.locks import run_folder
    from loihiseg.training.fit import STATE_FILE

    if resume is None:
        resume = (folder / STATE_FILE).exists()
    log = SimpleNamespace(open=lambda path: None)
    config = replace(CONFIG, epochs=n_epochs or len(LOSSES))
    with run_folder(folder, "train") as held:
        if not resume:
            _check_free(held())
        split = z_block_split(STACK.n_sections)
        _train(STACK, split, config, held(), None, resume, Told(Reporter(quiet=True), log))


def content(folder):
    """Bytes of every file by its path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
