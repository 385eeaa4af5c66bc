"""Rules of the table of kinds: names, tempos, and how a tune's kind is found."""

from __future__ import annotations

import pytest

from symbolic_bridge.kinds import FIELD_NAMES, KIND_NAMES, KINDS, METER_KINDS, kind_of, normalise_kind
from symbolic_bridge.tune import Header, Meter, Tune

COMMON = Meter(4, 4)


def _tune(
    rhythm: str = "", title: str = "Untitled", meter: Meter | None = COMMON, bar: str = "CDEF GABc"
) -> Tune:
    metre = f"M:{meter}" if meter else "M:none"
    return Tune.from_abc(f"X:1\nT:{title}\nR:{rhythm}\n{metre}\nL:1/8\nK:C\n{bar}|{bar}|\n")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("reel", "reel"),
        ("REEL", "reel"),
        ("Double jig", "jig"),
        ("Hop, Slip jig", "slip jig"),
        ("slipjig", "slip jig"),
        ("Single jig", "single jig"),
        ("hornpipe, reel", "hornpipe"),
        ("Long dance, set dance", "set dance"),
        ("setdance", "set dance"),
        ("highland fling", "fling"),
        ("slide (Rogha an tSuilleabhain)", "slide"),
        ("slow air", "air"),
        ("barn dance", "barndance"),
        ("walkaround", "country dance"),
        ("three-two", "hornpipe"),
        ("Highland", "fling"),
        ("highland reel", "reel"),
        ("highland schottische", "barndance"),
        ("march, strathspey, reel", "march"),
        ("Slow March (pipes)", "march"),
        ("polka mazurka", "mazurka"),
        ("Ríl", "reel"),
        ("reelection", None),
        ("miscellaneous", None),
        ("", None),
    ],
)
def test_a_rhythm_field_names_a_kind(text: str, kind: str | None) -> None:
    assert normalise_kind(text) == kind


def test_every_name_leads_back_to_its_kind() -> None:
    assert len(KIND_NAMES) == sum(len(kind.names) for kind in KINDS.values())
    for name, kind in FIELD_NAMES.items():
        assert normalise_kind(name) == kind
    assert FIELD_NAMES.keys() > KIND_NAMES.keys()
    assert set(FIELD_NAMES.values()) == set(KINDS)


def test_without_a_rhythm_field_the_metre_decides() -> None:
    assert kind_of(_tune(meter=Meter(6, 8), bar="CDE FGA")).id == "jig"
    assert kind_of(_tune(meter=Meter(9, 8), bar="CDE FGA Bcd")).id == "slip jig"
    assert kind_of(_tune(meter=Meter(3, 4), bar="C2 D2 E2")).id == "waltz"
    assert kind_of(_tune(meter=Meter(4, 4))).id == "reel"
    assert kind_of(_tune(meter=None)).id == "air"


def test_a_metre_suggests_a_kind_that_is_played_in_it() -> None:
    for (beats, unit), name in METER_KINDS.items():
        kind, meter = KINDS[name], Meter(beats, unit)
        tabled = meter in (kind.meter, *(known for known, _ in kind.tempos))
        assert tabled or (kind.same_bar and meter.bar_duration == kind.meter.bar_duration), (name, meter)


def test_a_sparse_tune_in_common_time_is_no_reel() -> None:
    assert kind_of(_tune(bar="C2 D2 E4")).id == "song"


def test_the_title_names_the_kind_when_the_metre_allows_it() -> None:
    assert kind_of(_tune(title="Fisher's Hornpipe")).id == "hornpipe"
    assert kind_of(_tune(title="The Reel of Tulloch", meter=Meter(6, 8), bar="CDE FGA")).id == "jig"
    assert kind_of(_tune(title="An odd reel", meter=Meter(6, 8), bar="CDE FGA")).id == "jig"


def test_a_reel_lasts_the_same_however_it_is_written() -> None:
    reel = KINDS["reel"]
    seconds = {
        float(meter.bar_duration / meter.beat_duration) * 60 / reel.tempo_in(meter)
        for meter in (Meter(4, 4), Meter(2, 2), Meter(2, 4))
    }
    assert len(seconds) == 1
    assert reel.counted_tempo_in(Meter(4, 4), 104) == 208
    assert reel.counted_tempo_in(Meter(2, 2), 104) == 104


def test_every_kind_has_a_playable_tempo_in_every_metre() -> None:
    meters = [Meter(b, u) for b in (2, 3, 4, 5, 6, 7, 9, 12) for u in (2, 4, 8)]
    for kind in KINDS.values():
        for meter in [*meters, None]:
            assert 30 <= kind.tempo_in(meter) <= 400


def test_hornpipes_swing_and_reels_and_jigs_do_not() -> None:
    assert KINDS["hornpipe"].swing > 1.5
    assert KINDS["reel"].swing == KINDS["jig"].swing == KINDS["polka"].swing == 1


def test_airs_and_laments_are_played_alone_and_dances_with_guitar() -> None:
    assert KINDS["air"].accompaniment == KINDS["lament"].accompaniment == "none"
    assert all(kind.accompaniment == "guitar" for kind in KINDS.values() if kind.is_dance)


def test_a_tune_with_an_empty_body_has_a_kind() -> None:
    assert kind_of(Tune(Header(rhythm="jig"), ())).id == "jig"
    assert kind_of(Tune(Header(), ())).id == "song"
