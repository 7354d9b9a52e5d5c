"""Processes that die, or disks that fail, at any chosen one of their changes on disk."""

import errno
import os

from partition.storage import files

CHANGES = ("open", "write", "fsync", "replace", "unlink", "mkdir", "rmdir")


class Died(BaseException):
    """The process is no more: nothing that would clean up gets to the disk."""


class _Counting:
    """Stands for ``os`` in `partition.storage.files`, through which every change on disk goes."""

    def __init__(self, at):
        self.at, self.done = at, []

    def __getattr__(self, name):
        original = getattr(os, name)
        if name not in CHANGES:
            return original

        def call(*arguments, **options):
            self.done.append(name)
            if self.at is not None and len(self.done) >= self.at:
                self.strike(name, arguments)
            return original(*arguments, **options)

        return call

    def strike(self, name, arguments):
        """What happens at the chosen change and at each after it."""
        raise NotImplementedError


class Death(_Counting):
    """The process dies before the chosen change; of a write, half is done."""

    def strike(self, name, arguments):
        if name == "write" and len(self.done) == self.at:
            handle, data = arguments
            os.write(handle, data[: len(data) // 2])
        raise Died(f"before change {self.at}, {name}")


class FullDisk(_Counting):
    """There is no space left from the chosen change on."""

    def strike(self, name, arguments):
        if name == "write":
            handle, data = arguments
            os.write(handle, data[: len(data) // 2])
        if name in ("write", "mkdir"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def changes_of(monkeypatch, work):
    """Names of the changes on disk that some work makes, in order."""
    return struck(monkeypatch, Death(None), work).done


def struck(monkeypatch, fate, work, expected=()):
    """Do some work under a fate; what it raises must be of the expected kinds."""
    with monkeypatch.context() as patch:
        patch.setattr(files, "os", fate)
        try:
            work()
        except expected:
            pass
    return fate


def left_over(folder):
    """Files and folders under temporary names."""
    return [path for path in folder.rglob("*") if files.TEMPORARY.fullmatch(path.name)]
