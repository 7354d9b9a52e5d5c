"""A trained network and sections in, a scored spiking report out."""

import json
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from loihiseg.commands.common import check_free_run, list_runs, log_versions, read_data
from loihiseg.commands.deploy.configuration import DeployConfig, configuration
from loihiseg.commands.deploy.options import parse, parser
from loihiseg.commands.deploy.report import log_verdict, print_report, write_report
from loihiseg.errors import Option, OptionError
from loihiseg.installed import require_frameworks
from loihiseg.training import shipped
from partition.command_line.command import doing
from partition.command_line.log import RunLog
from partition.command_line.streams import standard_output
from partition.display.messages import handed_on

if TYPE_CHECKING:
    from loihiseg.classification import ClassDeployment
    from loihiseg.compilation.deployed import DeployedNetwork
    from loihiseg.compilation.source import TrainedNetwork
    from loihiseg.data.class_images import ClassImages
    from loihiseg.pipeline import Deployment
    from loihiseg.progress import Reporter
    from loihiseg.results import Task

__all__ = ["main", "parser"]

LOG_FILE = "deploy.log"


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    options = parse(arguments)
    if options.deployed is None:
        require_frameworks()
    config = configuration(options)

    log_path = Path(options.out) / LOG_FILE if options.out else None
    with RunLog("loihiseg", log_path) as log:
        log_versions()
        _deploy(options, config, log)


def _deploy(options: Namespace, config: DeployConfig, log: RunLog) -> None:
    from loihiseg.compilation.artifact import check_free
    from loihiseg.locks import run_folder
    from loihiseg.progress import Reporter

    reporter = Reporter(options.quiet or options.json)
    # Before anything slow: a run whose report cannot be kept is not begun.
    check_free_run(options.out, options.force)
    with run_folder(options.out, "deploy", reporter.say) as folder:
        if options.save:
            check_free(options.save)
        result = deployment(config, reporter)
        if result.compiling is not None:
            config = config.decided(result.compiling)
        _keep(options, result.deployed, reporter)
        with reporter.part("report") as note:
            kept = folder()
            page = write_report(kept, config, result)
            note.detail = page.name
        log.open(kept / LOG_FILE)
        log_verdict(result.results)
        list_runs(kept, reporter.say)
    with standard_output():
        if options.json:
            from loihiseg.results import plain

            print(json.dumps(plain(result.results)))
        else:
            print_report(result.results, page)


def _keep(options: Namespace, deployed: "DeployedNetwork", reporter: "Reporter") -> None:
    """Keep the network, as a folder to run and as integers to check, where that is asked for."""
    if options.save:
        from loihiseg.compilation.artifact import save_deployed

        with reporter.part("save") as note:
            # The log may be handed on: it does not say where things lie on this machine.
            note.detail = handed_on(save_deployed(options.save, deployed))
    if options.golden:
        from loihiseg.emulator.golden import export_golden

        code = deployed.code
        with reporter.part("golden") as note:
            export_golden(
                options.golden,
                deployed.deployable,
                deployed.neurons,
                code.n_steps,
                code.n_window_steps,
            )
            note.detail = handed_on(options.golden)


def deployment(config: DeployConfig, reporter: "Reporter") -> "Deployment | ClassDeployment":
    """Deploy what a configuration asks for."""
    from loihiseg.compilation.source import task_of_network
    from loihiseg.pipeline import deploy

    network = load_network(config)
    if task_of_network(network, config.run_options.task).kind == "classes":
        from loihiseg.classification import deploy_classes

        return deploy_classes(
            lambda: network,
            lambda task: read_images(config, task),
            config.compile_options,
            config.run_options,
            reporter,
        )
    return deploy(
        lambda: network,
        lambda network_nm: read_data(config, network_nm),
        config.compile_options,
        config.run_options,
        reporter,
    )


def read_images(config: DeployConfig, task: "Task") -> "ClassImages":
    """The images that a configuration asks for, and their classes.

    Raises
    ------
    InputError
        If there are none, or options of membrane labels are given.
    """
    from loihiseg.data.class_images import read_class_images

    if config.data is None:
        raise OptionError(
            Option("data"), f": missing; the network gives {task.words}: name an .npz file with "
            "images and, to be scored, labels",
        )  # fmt: skip
    usual = {name: DeployConfig.usual(name) for name in ("label_threshold", "boundary_width")}
    usual |= {"label_polarity": "auto", "pixel_nm": None}
    for name, value in usual.items():
        if getattr(config, name) != value:
            raise OptionError(
                Option(name), ": is of labels and sections of membrane; leave it out for classes"
            )
    with doing(f"reading {config.data}"):
        return read_class_images(config.data, task, config.labels, config.ignore_label)


def load_network(config: DeployConfig) -> "TrainedNetwork | DeployedNetwork":
    """The network that is asked for: a kept one, or a trained one that is to be compiled."""
    if config.deployed is not None:
        from loihiseg.compilation.artifact import load_deployed

        return load_deployed(config.deployed)
    from loihiseg.compilation.outputs import network_of_output

    with doing(f"reading {config.checkpoint}"):
        return network_of_output(shipped.resolve(config.checkpoint, config.data), config.output)
