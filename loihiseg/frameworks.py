"""TensorFlow with the Keras that NengoDL knows. Import this before either of them.

NengoDL 3.6 is written for Keras 2, which goes on under the name ``tf_keras``; what TensorFlow
brings along under the name ``keras`` is Keras 3. So ``tf.keras`` is told to be ``tf_keras``, and
for as long as NengoDL is being imported ``keras`` is ``tf_keras`` too; after that a Keras 3 that
is installed, or was imported before, is found under its own name again.

Both remark on the machine (no GPU, ...) when they start; that is kept back.
"""

import importlib
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, TypeAlias

from loihiseg.errors import InputError
from loihiseg.installed import require_frameworks

_SEEN_BY_NENGO_DL = {
    "keras": "tf_keras.src",
    "keras.engine": "tf_keras.src.engine",
    "keras.engine.functional": "tf_keras.src.engine.functional",
    "keras.layers": "tf_keras.src.layers",
}
"""Modules that NengoDL imports, and what stands for them."""


@contextmanager
def native_stderr_off() -> Iterator[None]:
    """Keep back what native code writes to standard error; Python's exceptions are not."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)


@contextmanager
def _keras_is_tf_keras() -> Iterator[None]:
    before = _keras_modules()
    _forget(before)
    try:
        for name, stand_in in _SEEN_BY_NENGO_DL.items():
            sys.modules[name] = importlib.import_module(stand_in)
        yield
    finally:
        _forget(_keras_modules())
        sys.modules.update(before)


def _keras_modules() -> dict[str, ModuleType]:
    return {k: v for k, v in sys.modules.items() if k == "keras" or k.startswith("keras.")}


def _forget(names: Iterable[str]) -> None:
    for name in list(names):
        del sys.modules[name]


def _imported() -> tuple[ModuleType, ModuleType]:
    """TensorFlow and NengoDL, imported in that order and silently.

    Raises
    ------
    InputError
        If they are not installed, or ``tf.keras`` was used before and is Keras 3.
    """
    require_frameworks()
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    with native_stderr_off():
        import tensorflow

        if not tensorflow.keras.__name__.startswith("tf_keras"):
            raise InputError(
                "tf.keras is Keras 3 in this process, and NengoDL needs Keras 2: import loihiseg "
                "before tensorflow, or set TF_USE_LEGACY_KERAS=1"
            )
        with _keras_is_tf_keras():
            import nengo_dl
    # NengoDL lowers the level when it is imported.
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    # A deployment calls several models a few times each: retracing is no mistake there.
    tensorflow.get_logger().setLevel("ERROR")
    return tensorflow, nengo_dl


if TYPE_CHECKING:
    import nengo_dl
    import tensorflow as tf
else:
    tf, nengo_dl = _imported()

KerasTensor: TypeAlias = tf.keras.__internal__.KerasTensor
"""A tensor without values in a functional model: what `tf.keras.Input` and calls of layers give."""
