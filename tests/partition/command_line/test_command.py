"""The last net, met as a user meets it: signals, streams that are closed or full, and bugs."""

import contextlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import networkx as nx
import pytest

from partition.built.graph_file import save_graph
from partition.command_line.command import doing, run
from partition.core.errors import PartitionError

ROOT = Path(__file__).parents[3]


def environment(tmp_path):
    return {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TMPDIR": str(tmp_path),
            "PYTHONPATH": str(ROOT)}  # fmt: skip


def shell(tmp_path, line, *arguments):
    return subprocess.run(
        ["bash", "-c", line, sys.executable, *map(str, arguments)],
        cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def script(tmp_path, body, **kwargs):
    """A command whose main function is ``body``, started."""
    code = "import sys\nfrom partition.command_line.command import doing, run\ndef main(_):\n"
    code += "".join(f"    {line}\n" for line in body.splitlines())
    return subprocess.Popen(
        [sys.executable, "-c", code + "sys.exit(run(main, []))"],
        cwd=tmp_path, env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, preexec_fn=all_signals, **kwargs,
    )  # fmt: skip


def all_signals():
    """As on a terminal, also where the tests run in the background."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture
def graph(tmp_path):
    graph = nx.path_graph(4, create_using=nx.DiGraph)
    nx.set_edge_attributes(graph, 1.0, "weight")
    save_graph(graph, tmp_path / "graph.json")
    return tmp_path / "graph.json"


def failed(capsys, error, **kwargs):
    def main(_):
        with doing("drawing the picture"), doing("reading \x1b[31mnames"):
            raise error

    code = run(main, [], **kwargs)
    return code, capsys.readouterr().err.splitlines()


def test_what_was_not_foreseen(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    code, (line,) = failed(capsys, KeyError("a\nb\x1b[2J" + "x" * 1000))
    (log,) = tmp_path.iterdir()
    assert code == 1 and len(line) <= 300
    assert line.startswith(r"error: drawing the picture, reading \x1b[31mnames: KeyError: ")
    assert line.endswith(f"; details in {log}")
    text = log.read_text()
    assert "Traceback" in text and "KeyError" in text and "\x1b" not in text
    assert log.stat().st_mode & 0o077 == 0


def test_where_no_log_can_be_written(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    code, (line,) = failed(capsys, ZeroDivisionError())
    assert code == 1
    assert line.endswith("ZeroDivisionError; no log could be written (No such file or directory)")


def test_what_was_foreseen_leaves_no_log(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    code, lines = failed(capsys, PartitionError("no\x07"), starts=[(PartitionError, "refused")])
    assert (code, lines) == (2, [r"refused: no\x07"])
    assert not list(tmp_path.iterdir())


def test_a_bug_in_the_command_itself(graph, tmp_path):
    """Whatever a file of labels does to the drawing."""
    code = (
        "import sys, partition.solution\n"
        "def solve(*_, **__): raise RecursionError('deep')\n"
        "partition.solution.solve = solve\n"
        "from partition.cli import run\nsys.exit(run([sys.argv[1]]))"
    )
    found = shell(tmp_path, '"$0" -c "$1" "$2"', code, graph)
    assert (found.returncode, found.stdout) == (1, "")
    (line,) = found.stderr.splitlines()
    assert line.startswith("error: placing 4 blocks: RecursionError: deep; details in ")
    assert "Traceback" in Path(line.split("details in ")[1]).read_text()


@pytest.mark.parametrize("arguments", ["--help", "graph.json", "graph.json --json"])
@pytest.mark.parametrize(
    "stream, code, says",
    [
        ("> /dev/full", 1, "error: standard output: cannot be written: No space left on device"),
        (">&-", 1, "error: standard output: cannot be written: is closed"),
        ("2>&-", 0, ""),
        ("2> /dev/full", 0, ""),
        ("<&-", 0, ""),
    ],
)
def test_streams(graph, tmp_path, arguments, stream, code, says):
    found = shell(tmp_path, f'"$0" -m partition {arguments} {stream}')
    assert (found.returncode, found.stderr.strip()) == (code, says)


@pytest.mark.parametrize("arguments", ["--help", "graph.json", "graph.json --json"])
def test_nobody_reads(graph, tmp_path, arguments):
    line = f'"$0" -m partition {arguments} | true; echo ${{PIPESTATUS[0]}}'
    found = shell(tmp_path, line)
    assert (found.stdout, found.stderr) == ("141\n", "")


def test_closed_streams_do_not_get_into_files(tmp_path):
    """A file that is opened where standard output was closed must not be number 1."""
    code = (
        "import os, sys\nfrom partition.command_line.command import run\n"
        "def main(_):\n    with open('kept', 'w') as file:\n"
        "        file.write(str(file.fileno()))\n"
        "sys.exit(run(main, []))"
    )
    assert shell(tmp_path, '"$0" -c "$1" <&- >&- 2>&-', code).returncode == 0
    assert int((tmp_path / "kept").read_text()) > 2


WAITS = """
import os, time
try:
    print("ready", flush=True)
    time.sleep(60)
finally:
    time.sleep(0.8)
    open("cleaned", "w").close()
"""


@pytest.mark.parametrize(
    "number, code, says",
    [
        (signal.SIGINT, 130, "interrupted\n"),
        (signal.SIGTERM, 143, "terminated\n"),
        (signal.SIGHUP, 129, "hung up\n"),
    ],
)
def test_signals_clean_up(tmp_path, number, code, says):
    """Also where that takes longer than after which a lost exception is raised again."""
    process = script(tmp_path, WAITS)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (code, says)
    assert (tmp_path / "cleaned").exists()


def test_nohup(tmp_path):
    found = shell(
        tmp_path,
        'nohup "$0" -c "$1" 2>&1',
        "import os, signal, sys\nfrom partition.command_line.command import run\n"
        "def main(_):\n    os.kill(os.getpid(), signal.SIGHUP)\n    print('goes on')\n"
        "sys.exit(run(main, []))",
    )
    assert found.returncode == 0 and "goes on" in found.stdout


def test_an_import_that_makes_something_else_of_it(tmp_path):
    process = script(
        tmp_path,
        'import time\nprint("ready", flush=True)\ntry:\n    time.sleep(60)\n'
        'except KeyboardInterrupt:\n    raise ImportError("numpy failed") from None',
    )
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "interrupted\n")


def test_ctrl_c_while_tensorflow_is_imported(tmp_path):
    process = script(tmp_path, 'print("ready", flush=True)\nimport loihiseg.frameworks')
    process.stdout.readline()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(0.5)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "interrupted\n")


def test_names_with_control_characters(tmp_path):
    found = shell(tmp_path, '"$0" -m partition "$1"', "no\x1b[31m\n\u202egraph")
    (line,) = found.stderr.splitlines()
    assert found.returncode == 2 and re.search(r"no\\x1b\[31m\\n\\u202egraph", line)


def test_labels_are_never_markup(tmp_path, capsys):
    from partition.cli import run as run_partition

    hostile = ["$\\frac{", "[red]x", "<script>", "\x1b[31m", "a\u202eb", "_", "x" * 500, ""]
    graph = nx.DiGraph(
        host_inputs=[{"label": text, "n_neurons": 1, "messages": {0: 1}} for text in hostile]
    )
    for number, text in enumerate(hostile):
        graph.add_node(number, label=text, n_compartments=1)
    save_graph(graph, tmp_path / "graph.json")
    code = run_partition([str(tmp_path / "graph.json"), "--picture", str(tmp_path / "plan.png")])
    out, err = capsys.readouterr()
    assert (code, err) == (0, "")
    assert (tmp_path / "plan.png").read_bytes().startswith(b"\x89PNG")
    assert "\x1b" not in out and "\u202e" not in out and "[red]x, 1 neurons" in out
    assert max(map(len, out.splitlines())) < 200
