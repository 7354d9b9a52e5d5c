"""What a Keras file is made of: its configuration and its weights, from one copy of its bytes."""

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

from loihiseg.conversion.keras_file import hdf5, strict_json
from loihiseg.conversion.keras_file.errors import FaultyFileError, one_line
from partition.storage.files import read_bytes

MOST_BYTES = 1 << 30
"""Size of a file."""

_MEMBERS = ("metadata.json", "config.json", "model.weights.h5")

_MOST_MEMBERS = 100

_END_RECORD = b"PK\x05\x06"

_END_RECORD_BYTES = 22


@dataclass(frozen=True, eq=False)
class Container:
    """A Keras file that was read.

    Attributes
    ----------
    config : object
        JSON value of the model's configuration.
    weights : bytes or None
        An HDF5 file within, not looked into yet.
    root : hdf5.Group or None
        Groups of the file itself where it is HDF5.
    keras_version : str
        Of the Keras that wrote it.
    """

    config: object
    weights: bytes | None
    root: hdf5.Group | None
    keras_version: str

    @property
    def is_keras_3(self) -> bool:
        """Whether today's Keras wrote it, rather than tf_keras or Keras before 3.

        Raises
        ------
        FaultyFileError
            If it is a Keras of which neither is known.
        """
        major = self.keras_version.split(".")[0]
        if major not in ("1", "2", "3"):
            shown = one_line(repr(self.keras_version), 60)
            raise FaultyFileError([f"was written by Keras {shown}; those of 1 to 3 are read"])
        return major == "3"

    def groups(self) -> hdf5.Group:
        """Groups of the HDF5 file that has the weights."""
        if self.root is not None:
            return self.root
        try:
            return hdf5.read_hdf5(self.weights or b"").root
        except FaultyFileError as error:
            faults = [
                f"model.weights.h5: {fault}; save it with model.save" for fault in error.faults
            ]
            raise FaultyFileError(faults) from None


def read_container(path: Path) -> Container:
    """Read a Keras file, once.

    Which of the two kinds it is, its first bytes say, whatever its name: so does Keras.

    Raises
    ------
    OSError
        The file cannot be read.
    FaultyFileError
        The bytes are no Keras file and nothing else.
    """
    data = read_bytes(path, MOST_BYTES)
    if data.startswith(hdf5.SIGNATURE):
        file = hdf5.read_hdf5(data)
        if file.config is None:
            raise FaultyFileError(["HDF5 without a model's configuration (weights alone?)"])
        config = strict_json.parse(file.config, "the configuration")
        return Container(config, None, file.root, file.keras_version or "1")
    if data.startswith(b"PK\x03\x04"):
        members = _unzipped(data)
        metadata = _parsed(members, "metadata.json")
        version = metadata.get("keras_version") if isinstance(metadata, dict) else None
        if not isinstance(version, str):
            raise FaultyFileError(["metadata.json does not say the version of Keras"])
        config = _parsed(members, "config.json")
        return Container(config, members["model.weights.h5"], None, version)
    if _END_RECORD in data[-66_000:]:
        raise FaultyFileError(["a zip archive with something before it"])
    raise FaultyFileError(["begins neither as HDF5 nor as a .keras archive"])


def _parsed(members: dict[str, bytes], name: str) -> object:
    try:
        text = members[name].decode("utf-8")
    except UnicodeDecodeError:
        raise FaultyFileError([f"{name} is no text in UTF-8"]) from None
    return strict_json.parse(text, name)


def _unzipped(data: bytes) -> dict[str, bytes]:
    """The members of a .keras archive that are read."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _check_members(archive, data)
            return {name: archive.read(name) for name in _MEMBERS}
    except FaultyFileError:
        raise
    except Exception as error:  # zipfile, zlib and struct each have their own for damaged files
        raise FaultyFileError([f"damaged archive ({one_line(error, 120)})"]) from None


def _most_unpacked(member: zipfile.ZipInfo) -> int:
    """Bytes that a member may become: numbers shrink little, texts are short."""
    return 50 * member.compress_size + strict_json.MOST_CHARACTERS


def _check_members(archive: zipfile.ZipFile, data: bytes) -> None:
    """The archive holds what Keras writes, plainly, from the first byte to the last."""
    end = len(data) - _END_RECORD_BYTES
    if archive.comment or data[max(end, 0) :][:4] != _END_RECORD:
        raise FaultyFileError(["bytes follow the end of the archive"])
    members = archive.infolist()
    if len(members) > _MOST_MEMBERS:
        raise FaultyFileError([f"archive of more than {_MOST_MEMBERS} members"])
    names = [member.filename for member in members]
    if names and min(member.header_offset for member in members) != 0:
        raise FaultyFileError(["bytes before the first member of the archive"])
    for name in names:
        if names.count(name) > 1:
            raise FaultyFileError([f"archive has {one_line(name, 100)!r} twice"])
    for name in _MEMBERS:
        if name not in names:
            raise FaultyFileError([f"archive without {name!r}"])
    left = MOST_BYTES
    for member in members:
        shown = repr(one_line(member.filename, 100))
        if member.flag_bits & 0x1:
            raise FaultyFileError([f"member {shown} of the archive is encrypted"])
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            method = member.compress_type
            raise FaultyFileError(
                [f"member {shown} is packed by method {method}, which is not read"]
            )
        left -= member.file_size
        if left < 0 or member.file_size > _most_unpacked(member):
            raise FaultyFileError([f"member {shown} is said to have {member.file_size:,} bytes"])
    for name in _MEMBERS[:2]:
        if archive.getinfo(name).file_size > strict_json.MOST_CHARACTERS:
            most = strict_json.MOST_CHARACTERS
            raise FaultyFileError([f"{name} is longer than {most:,} bytes"])
