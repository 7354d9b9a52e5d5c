"""Writing a file so that a kill leaves the old one or the new one, never half of either."""

import os
from contextlib import suppress
from pathlib import Path

from partition.errors import PartitionError


def write_bytes(path, data: bytes) -> None:
    """Write a file under a temporary name in its folder, then rename it; folders are made.

    Raises
    ------
    PartitionError
        The file cannot be written.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(data)
        os.replace(temporary, path)
    except OSError as error:
        raise PartitionError(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        # After the rename there is nothing left of it; after an interrupt there may be.
        with suppress(OSError):
            temporary.unlink()


def write_text(path, text: str) -> None:
    """`write_bytes` of a text in UTF-8."""
    write_bytes(path, text.encode("utf-8"))
