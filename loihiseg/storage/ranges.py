"""Ranges of the values of a file, for msgspec to hold them against when it decodes.

A dataclass whose fields are annotated with them can be built with any values in a program; from a
file it gets none outside.
"""

from typing import Annotated

from msgspec import Meta

Count = Annotated[int, Meta(ge=0, le=10**9)]
"""How many of something; 0 is possible."""

Positive = Annotated[int, Meta(ge=1, le=10**6)]
"""How many of something that there must be."""

Side = Annotated[int, Meta(ge=1, le=4096)]
"""Pixels of a side, or items of a batch."""

Channels = Annotated[int, Meta(ge=1, le=4096)]

Levels = Annotated[int, Meta(ge=0, le=2**16)]

Share = Annotated[float, Meta(ge=0, le=1)]

Percent = Annotated[float, Meta(ge=0, le=100)]

Rate = Annotated[float, Meta(ge=0, le=1e6)]
"""In Hz."""

Amount = Annotated[float, Meta(ge=0, le=1e12)]
"""A number that is not negative: of events, of a weight in a loss."""

Number = Annotated[float, Meta(ge=-1e30, le=1e30)]
"""Any finite number, as a loss may be."""

Seed = Annotated[int, Meta(ge=0, le=2**32 - 1)]

Name = Annotated[str, Meta(max_length=500)]

Text = Annotated[str, Meta(max_length=5000)]
