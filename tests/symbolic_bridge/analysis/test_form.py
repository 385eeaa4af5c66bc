"""Rules of form: what is heard counts, signs or not; parts return, vary and end where they do."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from symbolic_bridge.analysis.form import (
    SLOTS,
    FormCosts,
    _inner_repeats,
    bar_contents,
    bar_similarity,
    find_form,
    form_of_similarity,
    letter_name,
    written_form,
)
from symbolic_bridge.analysis.melody import melody_of
from symbolic_bridge.tune import Tune

HEAD = "X:1\nT:t\nM:4/4\nL:1/8\nK:D\n"
A = "D2FA dAFA|G2BG F2AF|E2GE D2FD|EFGA B2AG|FAdA FADA|G2Bd cdec|d2AF GEFD|EDCE D4|"
A_ENDED = "D2FA dAFA|G2BG F2AF|E2GE D2FD|EFGA B2AG|FAdA FADA|G2Bd cdec|dcBA GFEG|FDEC D2FA|"
B = "f2df a2fa|g2eg b2ge|faaf gfed|cdef g2ec|dfaf gbge|fdAd BdAF|GBAG FAGF|EFGE A4|"
C = "a4 b2a2|f4 e2d2|b2g2 e2c2|A4 c4|e2f2 g2b2|a2f2 d2A2|B2c2 d2e2|f8|"


def _without_signs(tune: Tune) -> Tune:
    played = tune.unfold()
    return replace(played, bars=tuple(replace(bar, double_bar=False, part="") for bar in played.bars))


@pytest.mark.parametrize(
    ("body", "letters"),
    [
        (A + A + B + B, "AABB"),
        (A + A + B + A, "AABA"),
        (A + B + C + A, "ABCA"),
        (A + A + B + B + C + C, "AABBCC"),
    ],
)
def test_parts_written_out_are_heard(body: str, letters: str) -> None:
    form = find_form(melody_of(Tune.from_abc(HEAD + body)))
    assert form.letters == letters
    assert form.boundaries == tuple(range(8, 8 * len(letters), 8))


def test_signs_or_none_make_no_difference(kesh_abc: str) -> None:
    tune = Tune.from_abc(kesh_abc)
    with_signs, without = find_form(melody_of(tune)), find_form(melody_of(_without_signs(tune)))
    assert with_signs == without
    assert with_signs.letters == written_form(melody_of(tune)).letters == "AABB"


def test_a_part_with_another_ending_is_a_variant() -> None:
    form = find_form(melody_of(Tune.from_abc(HEAD + A + A_ENDED + B + B)))
    assert form.labels == "AA'BB"
    assert 0.5 < form.sections[1].likeness < 1


def test_folding_drops_immediate_repeats_only() -> None:
    form = find_form(melody_of(Tune.from_abc(HEAD + A + A + B + A)))
    assert form.folded().letters == "ABA"


def test_sections_fill_the_tune_without_gaps() -> None:
    melody = melody_of(Tune.from_abc(HEAD + A + B + B + "A8|F8|D8|"))
    sections = find_form(melody).sections
    assert sections[0].start == 0
    for before, after in pairwise(sections):
        assert before.start + before.bars == after.start
    assert sections[-1].start + sections[-1].bars == len(melody.full_bars())


def test_written_letters_come_from_signs() -> None:
    body = "|:" + A.rstrip("|") + ":|" + B.rstrip("|") + "||" + C
    assert written_form(melody_of(Tune.from_abc(HEAD + body))).letters == "AABC"


def test_similarity_is_the_share_of_time_on_the_same_pitch() -> None:
    melody = melody_of(Tune.from_abc(HEAD + "D4 F4|D4 G4|z4 F4|A2D2 F2A2|"))
    similarity = bar_similarity(melody)
    contents = bar_contents(melody)
    slow = [
        [sum(contents[a][s] == contents[b][s] for s in range(SLOTS)) / SLOTS for b in range(4)]
        for a in range(4)
    ]
    np.testing.assert_allclose(similarity, slow)
    np.testing.assert_allclose(similarity[0], [1, 0.5, 0.5, 0.5])


def test_bars_of_other_metres_have_nothing_in_common() -> None:
    melody = melody_of(Tune.from_abc(HEAD + "D8|D8|\nM:3/4\nD6|D6|"))
    np.testing.assert_array_equal(bar_similarity(melody)[:2, 2:], 0)


def test_inner_repeats_agree_with_trying_all(rng: np.random.Generator) -> None:
    similarity = rng.uniform(0.6, 1, (20, 20))
    apart = np.zeros((21, 21))
    for row in range(20):
        apart[row + 1, 1:] = apart[row, :-1] + 1 - similarity[row]
    fast = _inner_repeats(apart)
    for bars in range(1, 21):
        for start in range(20 - bars + 1):
            best = 0.0
            for half in range(4, bars // 2 + 1):
                for place in range(start, start + bars - 2 * half + 1):
                    alike = np.mean([similarity[place + half + n, place + n] for n in range(half)])
                    best = max(best, (alike - 0.75) / 0.25)
            assert fast[bars][start] == pytest.approx(best)


def test_costs_decide_what_a_section_is() -> None:
    nothing_alike = np.eye(16)
    assert form_of_similarity(nothing_alike).letters == "AB"
    dear = FormCosts(new=50.0, sixteen_bars=0.0)
    assert form_of_similarity(nothing_alike, dear).letters == "A"


def test_letters_go_on_behind_z() -> None:
    assert [letter_name(number) for number in (0, 25, 26, 53)] == ["A", "Z", "A1", "B2"]


def test_a_tune_of_too_many_bars_is_refused() -> None:
    with pytest.raises(ValueError, match="1025 bars as played; 1024 are allowed"):
        melody_of(Tune.from_abc(HEAD + "D8|" * 1025))


def test_a_tune_of_one_note_is_refused() -> None:
    with pytest.raises(ValueError, match="has 1 notes; 2 are needed"):
        melody_of(Tune.from_abc(HEAD + "D8|"))
