"""The --sections option."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loihiseg.data import parse_sections
from loihiseg.errors import InputError


@pytest.mark.parametrize(
    "text, expected",
    [
        ("20:24", range(20, 24)),
        ("20:", range(20, 24)),
        (":20", range(20)),
        (":", range(24)),
        ("3", range(3, 4)),
        (" 3 : 5 ", range(3, 5)),
        ("0", range(1)),
    ],
)
def test_examples(text, expected):
    assert parse_sections(text, 24) == expected


@given(st.data(), st.integers(1, 200))
def test_what_is_written_is_read(data, n_sections):
    start = data.draw(st.integers(0, n_sections - 1))
    stop = data.draw(st.integers(start + 1, n_sections))
    assert parse_sections(f"{start}:{stop}", n_sections) == range(start, stop)


@given(st.text(max_size=8), st.integers(1, 30))
def test_any_text_gives_sections_of_the_stack_or_an_input_error(text, n_sections):
    try:
        sections = parse_sections(text, n_sections)
    except InputError as error:
        assert str(error).startswith("sections ") and str(n_sections) in str(error)
        assert "\n" not in str(error)
    else:
        assert len(sections) > 0 and sections[0] >= 0 and sections[-1] < n_sections


@pytest.mark.parametrize(
    "text", ["", "a", "1-3", "1:2:3", "-1", "-3:", "24", "0:25", "5:5", "7:3", "1.5", "²"]
)
def test_unusable_text(text):
    with pytest.raises(InputError, match=r"^sections '") as error:
        parse_sections(text, 24)
    assert "24" in str(error.value)
