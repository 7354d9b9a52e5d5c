"""Trained networks that come with the package."""

from pathlib import Path

FOLDER = Path(__file__).parents[1] / "weights"

FOR_SYNTHETIC = "paper-synthetic"
"""Deployed where nothing is named, on synthetic sections."""

FOR_SECTIONS = "paper-isbi2012"
"""Deployed where nothing is named, on sections that are given."""


def names() -> tuple[str, ...]:
    """Names of the networks, sorted."""
    return tuple(sorted(p.name for p in FOLDER.iterdir() if (p / "checkpoint.json").is_file()))


def named(checkpoint: str | None, data: str | None) -> str:
    """What `resolve` finds the same checkpoint by, without saying where the package lies.

    Takes what `resolve` takes.

    Returns
    -------
    str
        The name of a network that comes with the package, or the path as it was given; of a path
        that could be taken for such a name, with ``./`` before it.
    """
    if checkpoint is None:
        return FOR_SYNTHETIC if data is None else FOR_SECTIONS
    is_path = checkpoint in names() and Path(checkpoint).exists()
    return f"./{checkpoint}" if is_path else checkpoint


def resolve(checkpoint: str | None, data: str | None) -> str:
    """Path of the checkpoint to deploy.

    Parameters
    ----------
    checkpoint : str or None
        A path, or the name of a network that comes with the package; a path of that name comes
        first. None for the network that suits the data.
    data : str or None
        Path of the stack; None for synthetic sections.

    Returns
    -------
    str
        A path; that it exists is not checked.
    """
    if checkpoint is None:
        return str(FOLDER / named(None, data))
    if checkpoint in names() and not Path(checkpoint).exists():
        return str(FOLDER / checkpoint)
    return checkpoint
