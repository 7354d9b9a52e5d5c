"""From an electron-microscopy stack and a U-Net to a spiking deployment on Loihi.

Three verbs, and one that does all of them; see `loihiseg.verbs`, and `loihiseg.image_verbs` for
networks that tell classes apart. Each brings in its own module when
it is first asked for, so that TensorFlow is imported when something is compiled and not before.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loihiseg.classification import ClassDeployment
    from loihiseg.compilation.artifact import load_deployed, save_deployed
    from loihiseg.compilation.checking import check_model
    from loihiseg.compilation.deployed import DeployedNetwork
    from loihiseg.evaluation.eight_bit import eight_bit_losses
    from loihiseg.evaluation.tracing import trace
    from loihiseg.image_verbs import classify, deploy_images, score_classes
    from loihiseg.pipeline import Deployment
    from loihiseg.verbs import compile, deploy_stack, run, score

__version__ = "0.1.0"

_MODULE_OF = {
    "ClassDeployment": "classification",
    "DeployedNetwork": "compilation.deployed",
    "Deployment": "pipeline",
    "check_model": "compilation.checking",
    "classify": "image_verbs",
    "compile": "verbs",
    "deploy_images": "image_verbs",
    "deploy_stack": "verbs",
    "eight_bit_losses": "evaluation.eight_bit",
    "load_deployed": "compilation.artifact",
    "run": "verbs",
    "save_deployed": "compilation.artifact",
    "score": "verbs",
    "score_classes": "image_verbs",
    "trace": "evaluation.tracing",
}

__all__ = [
    "ClassDeployment",
    "DeployedNetwork",
    "Deployment",
    "check_model",
    "classify",
    "compile",
    "deploy_images",
    "deploy_stack",
    "eight_bit_losses",
    "load_deployed",
    "run",
    "save_deployed",
    "score",
    "score_classes",
    "trace",
]


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
