"""The form of what is made up: which frames come back, against plain counting."""

from __future__ import annotations

from itertools import pairwise

import pytest

from audiogen.melody_form import NEVER, Form

LENGTH = 40.3
# Of AABB AABB A: the part that comes back, as the text of SECTIONS has it.
COMES_BACK = {0: None, 1: 0, 2: None, 3: 2, 4: 0, 5: 1, 6: 2, 7: 3, 8: 4}


@pytest.mark.parametrize("first", [-17.5, 0.0, 5.0])
def test_frames_come_back_part_by_part(first: float) -> None:
    form = Form(first, LENGTH)
    edges = [round(first + LENGTH * number) for number in range(10)]
    for number, (begin, end) in enumerate(pairwise(edges)):
        earlier = COMES_BACK[number]
        for place in range(max(begin, 0), end):
            assert form.boundary(place) == end
            if earlier is None:
                assert form.source(place) is None
                continue
            stop = edges[earlier + 1]
            wanted = min(edges[earlier] + place - begin, stop - 1)
            assert form.source(place) == (wanted if wanted >= 0 else None)
            assert wanted < place


def test_before_the_first_part_nothing_comes_back() -> None:
    form = Form(5.0, LENGTH)
    assert [form.source(place) for place in range(5)] == [None] * 5
    assert form.boundary(0) == 5


def test_without_parts_nothing_comes_back_and_notes_end_when_they_like() -> None:
    assert [Form().source(place) for place in (0, 50, 5000)] == [None] * 3
    assert Form().boundary(100) == NEVER


def test_the_last_note_is_new_and_ends_the_piece() -> None:
    form = Form(5.0, LENGTH, (150, 160))
    assert form.source(149) is not None
    assert form.source(150) is None
    assert (form.boundary(149), form.boundary(150), form.boundary(160)) == (150, 160, NEVER)
