"""From an electron-microscopy stack and a U-Net to a spiking deployment on Loihi.

Three verbs, and one that does all of them; see `loihiseg.verbs`. Each brings in its own module when
it is first asked for, so that TensorFlow is imported when something is compiled and not before.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loihiseg.compilation.artifact import load_deployed, save_deployed
    from loihiseg.compilation.deployed import DeployedNetwork
    from loihiseg.pipeline import Deployment
    from loihiseg.verbs import compile, deploy_stack, run, score

__version__ = "0.1.0"

_MODULE_OF = {
    "DeployedNetwork": "compilation.deployed",
    "Deployment": "pipeline",
    "compile": "verbs",
    "deploy_stack": "verbs",
    "load_deployed": "compilation.artifact",
    "run": "verbs",
    "save_deployed": "compilation.artifact",
    "score": "verbs",
}

__all__ = [
    "DeployedNetwork",
    "Deployment",
    "compile",
    "deploy_stack",
    "load_deployed",
    "run",
    "save_deployed",
    "score",
]


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
