"""Ranges of numbers in results. They hold for what is read; what is made is made within them."""

from typing import Annotated

from msgspec import Meta

MOST = 2**53
"""No count is larger: up to it floats, which JSON may make of integers, are exact."""

Count = Annotated[int, Meta(ge=0, le=MOST)]
"""A number of things."""

Positive = Annotated[int, Meta(ge=1, le=MOST)]
"""A number of things of which there is one at least."""

Amount = Annotated[float, Meta(ge=0)]
"""A quantity that is not negative."""

Work = Count | Amount
"""A count that may be a mean or a product, and so no whole number."""

Share = Annotated[float, Meta(ge=0, le=1)]
"""Of a whole."""

Percentile = Annotated[float, Meta(ge=0, le=100)]

Name = Annotated[str, Meta(max_length=10_000)]

Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
"""Hexadecimal."""

Shape = tuple[Positive, Positive, Positive]
"""(rows, columns, channels)."""

Moved = tuple[Annotated[float, Meta(ge=-10, le=10)], Annotated[float, Meta(ge=-10, le=10)]]
"""Pixels down and right."""

Place = tuple[Count, Count, Count]
"""(section within its stack, row, column) of a tile's top left pixel."""
