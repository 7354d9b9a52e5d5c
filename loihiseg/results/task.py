"""What a network is for: what it takes, and what its output says."""

from dataclasses import dataclass
from typing import Literal

from loihiseg.results.ranges import Moved, Shape


def sees(neighbours: int, before: str = "") -> str:
    """How many sections a network sees beside one, after some words; nothing where none."""
    if not neighbours:
        return ""
    return f"{before}sees {neighbours} section{'s' * (neighbours > 1)} on either side"


def moved_by(offset: Moved | None, before: str = "") -> str:
    """How far images are moved for a network, after some words; nothing where they are not."""
    if offset is None:
        return ""
    return before + "images moved by {:+.2f} rows, {:+.2f} columns to where labels lie".format(
        *offset
    )


Kind = Literal["membrane", "classes"]
"""What an output says: a logit of membrane for every pixel, or which of several classes."""


@dataclass(frozen=True)
class Task:
    """The task of a network.

    `loihiseg.conversion.task.task_of` infers it, `loihiseg.conversion.logits` reads outputs by it,
    and `loihiseg.metrics.classes` scores what was read.

    Attributes
    ----------
    kind : str
        "membrane" or "classes".
    input_shape, output_shape : tuple of int
        (rows, columns, channels). An output of fewer rows and columns than the input is enlarged,
        unless it has one pixel, which speaks for the whole image.
    """

    kind: Kind
    input_shape: Shape
    output_shape: Shape

    @property
    def n_classes(self) -> int:
        """Classes; a single output tells two apart, by its sign."""
        return max(self.output_shape[2], 2)

    @property
    def per_image(self) -> bool:
        """Whether the output is one answer for the whole image, and none for every pixel."""
        return self.kind == "classes" and self.output_shape[:2] == (1, 1)

    @property
    def map_shape(self) -> tuple[int, ...]:
        """Shape of the answers to one image: of its pixels, or none where one answer is for all."""
        return () if self.per_image else self.input_shape[:2]

    @property
    def neighbours(self) -> int:
        """Sections that are seen on either side of one; they are channels of a membrane's input."""
        return (self.input_shape[2] - 1) // 2 if self.kind == "membrane" else 0

    @property
    def words(self) -> str:
        """In words, for what is said of a network."""
        image = " x ".join(str(n) for n in self.input_shape)
        if self.kind == "membrane":
            return f"membrane or cell for every pixel of {image}{sees(self.neighbours, ', which ')}"
        each = "image" if self.per_image else "pixel"
        return f"one of {self.n_classes} classes for every {each}, of images of {image}"
