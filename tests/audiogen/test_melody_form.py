"""The form of what is made up: which frames come back, against plain counting."""

from __future__ import annotations

from itertools import pairwise

import pytest

from audiogen.melody_form import NEVER, PHRASE_BARS, PHRASES, SECTION_BARS, SECTIONS, Form

LENGTH = 40.3


@pytest.mark.parametrize("letters", [SECTIONS, PHRASES])
@pytest.mark.parametrize("first", [-17.5, 0.0, 5.0])
def test_frames_come_back_part_by_part(first: float, letters: str) -> None:
    form = Form(first, LENGTH, letters=letters)
    edges = [round(first + LENGTH * number) for number in range(2 * len(letters) + 2)]
    for number, (begin, end) in enumerate(pairwise(edges)):
        alike = [n for n in range(number) if letters[n % len(letters)] == letters[number % len(letters)]]
        earlier = alike[-1] if alike else None
        for place in range(max(begin, 0), end):
            if earlier is None:
                assert form.boundary(place) == end
                assert form.source(place) is None
                continue
            # From here on, if the earlier part began before the first frame.
            comes_back = begin - edges[earlier]
            assert form.boundary(place) == (comes_back if place < comes_back else end)
            stop = edges[earlier + 1]
            wanted = min(edges[earlier] + place - begin, stop - 1)
            assert form.source(place) == (wanted if wanted >= 0 else None)
            assert wanted < place


def test_phrases_are_those_of_the_sections() -> None:
    """As many bars, and two sections are alike where all their phrases are."""
    phrases = SECTION_BARS // PHRASE_BARS
    assert len(PHRASES) == len(SECTIONS) * phrases
    parts = [PHRASES[n * phrases : (n + 1) * phrases] for n in range(len(SECTIONS))]
    for one, a in zip(parts, SECTIONS, strict=True):
        for other, b in zip(parts, SECTIONS, strict=True):
            assert (one == other) == (a == b)


def test_before_the_first_part_nothing_comes_back() -> None:
    form = Form(5.0, LENGTH)
    assert [form.source(place) for place in range(5)] == [None] * 5
    assert form.boundary(0) == 5


def test_without_parts_nothing_comes_back_and_notes_end_when_they_like() -> None:
    assert [Form().source(place) for place in (0, 50, 5000)] == [None] * 3
    assert Form().boundary(100) == NEVER


@pytest.mark.parametrize("letters", [SECTIONS, PHRASES])
def test_new_sections_close_and_those_that_come_back_do_as_they_did(letters: str) -> None:
    form = Form(5.0, LENGTH, letters=letters, close_frames=10.2)
    section = LENGTH * len(letters) / len(SECTIONS)
    closing = [place for place in range(round(6 * section)) if form.closes(place)]
    assert closing == [round(5 + section * number - 10.2) for number in (1, 3)]
    for place in closing:
        assert form.boundary(place - 1) == place
        assert form.boundary(place) - place in (10, 11)


def test_the_last_note_is_new_and_ends_the_piece() -> None:
    form = Form(5.0, LENGTH, (150, 160), close_frames=10.0)
    assert form.source(149) is not None
    assert form.source(150) is None
    assert (form.boundary(149), form.boundary(150), form.boundary(160)) == (150, 160, NEVER)
