"""The log of a run: kept in memory until it is known that there is something to keep."""

import logging
import os
import stat
import tempfile
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TextIO

from partition.display.messages import printable
from partition.system import NO_WAIT, OF_FILES


class _Lines(logging.Formatter):
    """A time with its zone, then the message; nothing in either that a terminal would obey."""

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created).astimezone().isoformat(timespec="seconds")
        lines = [f"{time} {record.levelname:<7} {printable(record.getMessage())}"]
        if record.exc_info:
            lines += map(printable, self.formatException(record.exc_info).splitlines())
        return "\n".join(lines)


class RunLog(logging.Handler):
    """Collects what a package logs while a run is under way, for a file of its own.

    A context manager. Nothing is written before `open`: a run that is refused leaves nothing
    behind. If an exception goes through that was not foreseen, that is one without an
    ``exit_code``, it is written with its traceback, and the path of the log is kept as
    ``error.log_path``: None if it could not be written, with the reason as ``error.log_failure``.

    A log is a courtesy: what cannot be written never ends a run.

    Parameters
    ----------
    logger : str
        Name of the package's logger.
    path : path-like, optional
        Where to write if something unforeseen happens before `open`; by default a new file in the
        folder for temporary files.
    """

    def __init__(self, logger: str, path: str | os.PathLike[str] | None = None):
        super().__init__(logging.INFO)
        self.setFormatter(_Lines())
        self.path = None if path is None else Path(path)
        self.failure: str | None = None
        self._logger = logging.getLogger(logger)
        self._records: list[logging.LogRecord] = []
        self._file: TextIO | None = None

    def __enter__(self) -> "RunLog":
        self._before = self._logger.level, self._logger.propagate
        self._logger.setLevel(logging.INFO)
        # Libraries put handlers of their own on the root, which would print.
        self._logger.propagate = False
        self._logger.addHandler(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if isinstance(error, (KeyboardInterrupt, SystemExit)):
                if self._file is not None:
                    self._logger.warning("%s", str(error) or type(error).__name__)
            elif error is not None:
                self._keep(error)
        finally:
            self._logger.removeHandler(self)
            self._logger.setLevel(self._before[0])
            self._logger.propagate = self._before[1]
            self.close()

    def _keep(self, error: BaseException) -> None:
        if hasattr(error, "log_path"):
            return
        if hasattr(error, "exit_code"):
            if self._file is not None:
                self._logger.error("%s", error)
            return
        self._logger.error("not foreseen", exc_info=error)
        if self._file is None:
            self.open(self.path)
        error.log_path = None if self.failure else self.path  # type: ignore[attr-defined]
        error.log_failure = self.failure  # type: ignore[attr-defined]

    def open(self, path: str | os.PathLike[str] | None) -> None:
        """Write what was collected, and from here on as it comes, to the end of a file.

        Parameters
        ----------
        path : path-like or None
            None for a new file in the folder for temporary files.
        """
        if self._file is not None:
            return
        try:
            if path is None:
                handle, name = tempfile.mkstemp(".log", f"{self._logger.name}-")
                self.path = Path(name)
            else:
                self.path = Path(path)
                # Opening a FIFO would otherwise wait for somebody to read it.
                flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | NO_WAIT | OF_FILES
                handle = os.open(path, flags, 0o666)
            self._file = open(handle, "w", encoding="utf-8", errors="backslashreplace")
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise OSError(f"{self.path} is no file")
        except OSError as error:
            self.failure = error.strerror or str(error)
            return
        records, self._records = self._records, []
        for record in records:
            self.handle(record)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, or keep it for later."""
        if self._file is None:
            self._records.append(record)
            return
        try:
            self._file.write(self.format(record) + "\n")
            self._file.flush()
        except (OSError, ValueError) as error:
            self.failure = getattr(error, "strerror", None) or str(error)

    def close(self) -> None:
        """Close the file."""
        super().close()
        file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            except OSError as error:
                self.failure = error.strerror
