"""Running a command: whatever goes wrong is one line on standard error, and an exit code.

===== ==========================================================================================
code
===== ==========================================================================================
0     done
1     something that was not foreseen, its traceback in a log; or standard output cannot be written
2     input that cannot be used
4     does not fit
129   hung up (SIGHUP)
130   interrupted (SIGINT, Ctrl-C)
141   nobody reads standard output any more (SIGPIPE)
143   terminated (SIGTERM)
===== ==========================================================================================
"""

import logging
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from partition.command_line import streams
from partition.command_line.log import RunLog
from partition.command_line.stopping import Stopped, Stops, stops_arrive
from partition.display.messages import MAX_LINE, error_lines, one_line

_WHILE = "while "


def run(
    main: Callable[[Sequence[str]], object],
    arguments: Sequence[str] | None = None,
    *,
    starts: Sequence[tuple[type[Exception], str]] = (),
    logger: str = "partition",
) -> int:
    """Call a command's main function and turn errors into lines and an exit code.

    Errors that were foreseen have an ``exit_code``, and perhaps ``violations``; see
    `partition.display.messages.error_lines`. Of any other the line says what was being done, see
    `doing`, and where the traceback is.

    Parameters
    ----------
    main : callable
        Takes the list of arguments.
    arguments : list of str, optional
        Those of the process by default.
    starts : sequence of pairs of type and str, optional
        How the line begins for errors of a type, instead of with ``error:``.
    logger : str
        Of the package that the command belongs to.

    Returns
    -------
    int
        The exit code, as in the table above.
    """
    streams.open_all()
    stops = Stops()
    try:
        with stops_arrive() as stops, _quiet(logger), RunLog(logger):
            try:
                main(sys.argv[1:] if arguments is None else arguments)
            except SystemExit as leave:
                return _code_of(leave)
        return 0
    except KeyboardInterrupt as error:
        return _stopped(error)
    except BaseException as error:
        # What a library makes of an interrupt that reaches it while it is being imported.
        if stops.stopped is not None:
            return _stopped(stops.stopped)
        return _failed(error, starts)
    finally:
        streams.flush_errors()


def _code_of(leave: SystemExit) -> int:
    """Exit code of argparse, or of whoever else leaves."""
    if leave.code is None or isinstance(leave.code, int):
        return leave.code or 0
    streams.say(one_line(leave.code))
    return 1


def _stopped(error: KeyboardInterrupt) -> int:
    streams.say(str(error) or "interrupted")
    return error.exit_code if isinstance(error, Stopped) else 130


def _failed(error: BaseException, starts: Sequence[tuple[type[Exception], str]]) -> int:
    if isinstance(error, streams.NoReaderError):
        return error.exit_code
    code = getattr(error, "exit_code", None)
    if code is None:
        streams.say(_unforeseen(error))
        return 1
    start = next((text for kind, text in starts if isinstance(error, kind)), "error")
    for line in error_lines(error, f"{start}: "):  # type: ignore[arg-type]
        streams.say(line)
    return code


def _unforeseen(error: BaseException) -> str:
    """The line of an error without an exit code."""
    path = getattr(error, "log_path", None)
    if path is not None:
        end = f"; details in {one_line(path, MAX_LINE // 2)}"
    else:
        reason = getattr(error, "log_failure", None) or "unknown reason"
        end = f"; no log could be written ({one_line(reason, 80)})"
    doing_what = ", ".join(
        note.removeprefix(_WHILE)
        for note in reversed(getattr(error, "__notes__", ()))
        if note.startswith(_WHILE)
    )
    what = ": ".join(part for part in (type(error).__name__, str(error)) if part)
    start = f"error: {doing_what}: {what}" if doing_what else f"error: {what}"
    return one_line(start, MAX_LINE - len(end)) + end


@contextmanager
def doing(what: str) -> Iterator[None]:
    """Have errors that were not foreseen say what was being read or done."""
    try:
        yield
    except Exception as error:
        if not hasattr(error, "exit_code"):
            error.add_note(_WHILE + what)
        raise


@contextmanager
def _quiet(logger: str) -> Iterator[None]:
    """Keep back what libraries have to say; other warnings are one line each."""
    matplotlib = logging.getLogger("matplotlib")
    level, hook = matplotlib.level, sys.unraisablehook
    # That it keeps its fonts elsewhere where the home cannot be written.
    matplotlib.setLevel(logging.ERROR)

    def dropped(unraisable: "sys.UnraisableHookArgs") -> None:
        # A stop that is lost is raised again.
        error = unraisable.exc_value
        if error is not None and not isinstance(error, KeyboardInterrupt):
            logging.getLogger(logger).warning("dropped by Python", exc_info=error)

    sys.unraisablehook = dropped
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.simplefilter("ignore", FutureWarning)
            warnings.filterwarnings("ignore", module="nengo.*")
            warnings.filterwarnings("ignore", module="keras.*")
            warnings.showwarning = _show
            yield
    finally:
        sys.unraisablehook = hook
        matplotlib.setLevel(level)


def _show(message: Warning | str, category: type[Warning], *where: object, **more: object) -> None:
    streams.say(one_line(f"warning: {message}"))
