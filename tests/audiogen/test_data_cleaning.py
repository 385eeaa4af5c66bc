"""What cleaning keeps, what it leaves out and why, and that nothing goes missing without a word."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from audiogen.data.cleaning import CleaningRules, Reason, clean, notes_digest, odd_bars
from audiogen.data.corpus import Corpus, CorpusTune, Rejected
from symbolic_bridge.tune import Tune

KESH = (
    "X:1\nT:The Kesh\nR:jig\nM:6/8\nK:G\n|:GAG GAB|ABA ABd|edd gdd|edB dBA|GAG GAB|ABA ABd|edd gdB|AGF G3:|\n"
)
MAGGIE = (
    "X:2\nT:Drowsy Maggie\nM:4/4\nR:reel\nK:Edor\n"
    "|:E2BE dEBE|E2BE AFDF|E2BE dEBE|BABc dAFD:|\n|:d2fd c2ec|defg afge|d2fd c2ec|BABc dAFA:|\n"
)


def tune(key: str, abc: str, **values: str) -> CorpusTune:
    source, _, identifier = key.partition("/")
    return CorpusTune(source, identifier, abc, **values)


def reason_of(abc: str, rules: CleaningRules | None = None) -> str | None:
    """Why a tune is left out that comes after another one."""
    cleaned = clean(Corpus((tune("first/1", MAGGIE), tune("x/1", abc))), rules)
    reasons = {rejection.item: rejection.reason.value for rejection in cleaned.report.rejections}
    return reasons.get("x/1")


def test_good_tunes_are_kept_as_they_came_with_kind_and_family() -> None:
    cleaned = clean(Corpus((tune("a/1", KESH, rhythm="Double jig"), tune("a/2", MAGGIE, family="17"))))
    assert [item.abc for item in cleaned.tunes] == [KESH, MAGGIE]
    assert cleaned.kinds == {"a/1": "jig", "a/2": "reel"}
    assert cleaned.tunes[0].family.startswith("melody-")
    assert cleaned.tunes[1].family == "17"
    assert cleaned.report.rejections == cleaned.report.remarks == ()


@pytest.mark.parametrize(
    ("abc", "reason"),
    [
        ("X:1\nT:no key\nM:4/4\nCDEF GABc|CDEF GABc|CDEF GABc|CDEF GABc|\n", Reason.UNPARSEABLE),
        ("X:1\nT:empty\nK:C\n", Reason.NO_NOTES),
        ("X:1\nT:rests\nM:4/4\nL:1/8\nK:C\nz8|z8|z8|z8|\n", Reason.NO_NOTES),
        ("X:1\nT:a\nM:4/4\nL:1/8\nK:C\nCDEF GABc|\n", Reason.TOO_SHORT),
        ("X:1\nT:a\nM:4/4\nL:1/8\nK:C\n" + "CDEF GABc|\n" * 257, Reason.TOO_LONG),
        ("X:1\nT:a\nM:4/4\nL:1/8\nK:C\n" + "CDEF GABcd|\n" * 8, Reason.ODD_BARS),
        ("X:1\nT:a\nM:4/4\nL:1/8\nK:C clef=perc\n" + "CDEF GABc|\n" * 8, Reason.VOICES),
        ("X:1\nT:a\nM:4/4\nL:1/8\nV:1 perc\nK:C\n" + "CDEF GABc|\n" * 8, Reason.VOICES),
        (MAGGIE.replace("T:Drowsy Maggie", "T:Peggy"), Reason.DUPLICATE),
        (MAGGIE.replace("M:4/4", "M:2/2").replace("E2BE dEBE", "EEBE dEBE"), None),
    ],
)
def test_what_cannot_be_learnt_from_is_left_out_with_its_reason(abc: str, reason: Reason | None) -> None:
    assert reason_of(abc) == reason


def test_rules_decide_what_is_too_short_too_long_and_too_odd() -> None:
    assert reason_of(KESH, CleaningRules(min_bars=8, max_bars=8)) is None
    assert reason_of(KESH, CleaningRules(max_bars=7, min_bars=1)) == Reason.TOO_LONG
    assert reason_of(KESH, CleaningRules(min_notes=32)) is None
    one_odd = KESH.replace("edd gdd", "edd gdde")
    assert reason_of(one_odd, CleaningRules(odd_bar_share=1 / 8)) is None
    assert reason_of(one_odd, CleaningRules(odd_bar_share=0.1)) == Reason.ODD_BARS


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"min_bars": 0}, "1 <= min"),
        ({"min_bars": 9, "max_bars": 8}, "1 <= min"),
        ({"min_notes": 0}, "at least 1"),
        ({"odd_bar_share": 1.5}, "from 0 to 1"),
        ({"likeness": float("nan")}, "from 0 to 1"),
    ],
)
def test_rules_that_make_no_sense_are_refused(changes: dict[str, float], rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        CleaningRules(**changes)  # pyright: ignore[reportArgumentType]


def test_short_bars_are_odd_only_where_nothing_explains_them() -> None:
    pickup = "X:1\nM:6/8\nL:1/8\nK:G\n|:B|GAG GAB|ABA ABd|1 edd g2:|2 edd g3||d|edd gdd|edB dBA|GAG G2|]\n"
    divided = "X:1\nM:6/8\nL:1/8\nK:G\nGAG GAB|ABA|\nABd|edd gdd|edB dBA|\n"
    assert odd_bars(Tune.from_abc(pickup)) == odd_bars(Tune.from_abc(divided)) == ()
    assert odd_bars(Tune.from_abc("X:1\nM:6/8\nL:1/8\nK:G\nGAG GAB|ABA A|ABA ABd|GAG GABd|G6|\n")) == (2, 4)
    assert odd_bars(Tune.from_abc("X:1\nM:6/8\nL:1/8\nK:G\nGAG GAB|[M:2/4]ABAB|[M:6/8]ABA ABd|\n")) == ()
    assert odd_bars(Tune.from_abc("X:1\nM:none\nL:1/8\nK:G\nGAG GAB|AB|A|ABd|\n")) == ()


def test_the_same_notes_are_known_in_every_key_and_dress_and_others_are_not() -> None:
    read = Tune.from_abc(KESH)
    dressed = KESH.replace("T:The Kesh", "T:Other").replace("GAG", '"G"{a}~GA.G').replace("G3", "G2-G")
    same = [read.transpose(shift) for shift in (-12, -5, 3)] + [Tune.from_abc(dressed)]
    assert {notes_digest(item) for item in same} == {notes_digest(read)}
    others = [KESH.replace("edB", "edc"), KESH.replace("AGF", "A>GF"), KESH.replace("AGF G3", "AGF z3")]
    assert notes_digest(read) not in {notes_digest(Tune.from_abc(text)) for text in others}


def test_nearly_the_same_settings_of_a_family_leave_the_first(rng: np.random.Generator) -> None:
    letters = "".join(rng.choice(list("DEFGABcdefga"), 256))
    bars = [letters[place : place + 8] for place in range(0, 256, 8)]
    text = "X:1\nT:a\nM:4/4\nL:1/8\nK:D\n" + "|".join(bars) + "|]\n"
    touched = text.replace(bars[20], bars[20][:3] + "z" + bars[20][4:])
    half = "X:1\nT:a\nM:4/4\nL:1/8\nK:D\n" + "|".join(bars[:16]) + "|]\n"
    corpus = Corpus((tune("a/1", text), tune("a/2", touched), tune("a/3", half)))
    cleaned = clean(corpus)
    assert [item.key for item in cleaned.tunes] == ["a/1", "a/3"]
    (rejection,) = cleaned.report.rejections
    assert (rejection.item, rejection.reason) == ("a/2", Reason.NEAR_DUPLICATE)
    assert "a/1" in rejection.detail
    assert cleaned.tunes[0].family == cleaned.tunes[1].family
    assert len(clean(corpus, CleaningRules(likeness=1)).tunes) == 3


def test_every_item_is_kept_or_listed() -> None:
    tunes = (
        tune("a/1", KESH),
        tune("a/2", KESH),
        tune("a/3", "X:1\nK:C\n"),
        tune("b/1", MAGGIE, licence="ODbL 1.0"),
    )
    corpus = Corpus(tunes, (Rejected("c.abc", "is empty"),))
    for free_only in (False, True):
        cleaned = clean(corpus, CleaningRules(free_only=free_only))
        items = [item.key for item in cleaned.tunes] + [item.item for item in cleaned.report.rejections]
        assert sorted(items) == ["a/1", "a/2", "a/3", "b/1", "c.abc"]
        assert (cleaned.report.reasons.get("licence") == 1) is free_only
    assert cleaned.report.reasons["no tune"] == 1


def test_odd_bars_and_further_voices_of_tunes_that_are_kept_are_remarked() -> None:
    voices = KESH.replace("K:G\n", "V:1\nV:2\nK:G\nV:1\n") + "V:2\nG,6|A,6|G,6|E,6|\n"
    odd = MAGGIE.replace("defg afge", "defg afgea")
    remarks = clean(Corpus((tune("a/1", voices), tune("a/2", odd)))).report.remarks
    assert {remark.item: remark.text for remark in remarks} == {
        "a/1": "has 2 voices, of which one is read",
        "a/2": "1 of 8 bars do not add up: 6",
    }


def test_kinds_are_normalised_by_the_table_and_unknown_ones_told() -> None:
    tunes = (tune("a/1", KESH, rhythm="Double Jig"), tune("a/2", MAGGIE, rhythm="fandango"))
    report = clean(Corpus(tunes)).report
    assert report.written_kinds == {"Double Jig": (1, "jig"), "fandango": (1, "")}
    assert report.unknown_kinds == {"fandango": 1}
    assert report.kinds == {"jig": 1, "reel": 1}


def test_the_report_is_json_and_its_counts_add_up() -> None:
    corpus = Corpus((tune("a/1", KESH), tune("a/2", KESH), tune("b/1", MAGGIE)), (Rejected("c", "is empty"),))
    done: list[float] = []
    cleaned = clean(corpus, progress=done.append)
    report = json.loads(json.dumps(cleaned.report.to_json()))
    assert report["kept"] == len(cleaned.tunes) == sum(report["sources"].values()) == 2
    assert report["rejected"] == len(report["rejections"]) == sum(report["reasons"].values()) == 2
    assert report["families"] == {"count": 2, "by_size": {"1": 2}}
    assert report["rejections"][1] == {"item": "a/2", "reason": "duplicate", "detail": "has the notes of a/1"}
    assert done == sorted(done)
    assert done[-1] == 1


def test_cleaning_again_changes_nothing() -> None:
    corpus = Corpus((tune("a/1", KESH), tune("a/2", KESH), tune("b/1", MAGGIE)))
    once = clean(corpus)
    again = clean(replace(corpus, tunes=once.tunes))
    assert again.tunes == once.tunes
    assert again.report.rejections == ()
