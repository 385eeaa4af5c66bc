"""Which tunes are kin, what families are called, and that splits do not divide them."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations

import numpy as np
import pytest

from audiogen.data.families import (
    COMMONEST_RUN,
    KINSHIP,
    RUN_INTERVALS,
    interval_profile,
    interval_runs,
    kin,
    melody_families,
    split_of,
)

KESH = (
    "X:1\nT:The Kesh\nR:jig\nM:6/8\nK:G\n|:GAG GAB|ABA ABd|edd gdd|edB dBA|GAG GAB|ABA ABd|edd gdB|AGF G3:|\n"
)
# The same melody a fourth lower in another key, with an ornament, a chord symbol and other lengths.
KESH_IN_D = (
    'X:9\nT:Kesh\nM:6/8\nK:D\n"D"{e}DED DEF|EFE EFA|BAA dAA|BAF AF>E|DED DEF|EFE EFA|BAA dAF|EDC D3|\n'
)
MAGGIE = (
    "X:2\nT:Drowsy Maggie\nM:4/4\nR:reel\nK:Edor\n"
    "|:E2BE dEBE|E2BE AFDF|E2BE dEBE|BABc dAFD|\nd2fd c2ec|defg afge|BABc dAFA:|\n"
)


def random_tune(rng: np.random.Generator, notes: int = 48) -> str:
    return "X:1\nK:C\n" + "".join(rng.choice(list("DEFGABcdefga"), notes)) + "|\n"


def test_the_profile_ignores_key_lengths_graces_and_chord_symbols() -> None:
    assert interval_profile(KESH) == interval_profile(KESH_IN_D)
    assert interval_profile("X:1\nK:C\nC2 c'|[K:G] C, % d e\n") == (14, -21)


def test_a_part_that_is_written_twice_has_the_runs_of_one_that_is_repeated() -> None:
    body = "GABc dedB|c2ec B2dB|ABcA BGEF|GEDE G3"
    once, twice = interval_runs(f"K:G\n|:{body}:|\n"), interval_runs(f"K:G\n{body}|{body}|\n")
    assert set(once) <= set(twice)
    assert len(twice) - len(once) <= RUN_INTERVALS  # those across the seam


def test_a_run_is_known_by_all_its_intervals() -> None:
    for text in ("CDEFGABcd", "CDEFGABdc", "DCDEFGABc"):
        assert len(interval_runs(f"K:C\n{text}\n")) == 1
    assert (
        len({int(interval_runs(f"K:C\n{text}\n")[0]) for text in ("CDEFGABcd", "CDEFGABdc", "DCDEFGABc")})
        == 3
    )
    assert interval_runs("K:C\nC\n").size == interval_runs("K:C\n").size == 0
    assert interval_runs("K:C\nCDE\n").size == 1


def test_kin_are_those_pairs_that_share_enough_runs_as_a_slow_count_finds_them(
    rng: np.random.Generator,
) -> None:
    heads = [random_tune(rng, 30)[8:-2] for _ in range(6)]
    abcs = [
        f"X:1\nK:C\n{head}{random_tune(rng, int(length))[8:]}" for head in heads for length in (8, 20, 60, 90)
    ]
    runs = [interval_runs(abc) for abc in abcs]
    found = {(int(a), int(b)) for first, second in kin(runs) for a, b in zip(first, second, strict=True)}
    wanted = {
        (a, b)
        for a, b in combinations(range(len(runs)), 2)
        if len(set(runs[a]) & set(runs[b])) >= KINSHIP * min(len(runs[a]), len(runs[b]))
    }
    assert found == wanted
    assert 6 <= len(wanted) < len(list(combinations(runs, 2))) / 2


def test_settings_of_one_melody_are_one_family_whatever_their_order() -> None:
    abcs = {"a/1": KESH, "b/9": KESH_IN_D, "a/2": MAGGIE}
    families = melody_families(abcs)
    assert families["a/1"] == families["b/9"] != families["a/2"]
    assert melody_families(dict(reversed(abcs.items()))) == families


def test_copies_are_kin_even_where_there_are_so_many_that_every_run_is_common() -> None:
    abcs = {f"a/{n}": KESH for n in range(COMMONEST_RUN + 5)} | {"b/1": MAGGIE}
    assert len(set(melody_families(abcs).values())) == 2


def test_tunes_without_notes_are_no_kin() -> None:
    assert len(set(melody_families({"a": "X:1\nK:C\n", "b": "", "c": "K:C\nC|"}).values())) == 3
    assert melody_families({}) == {}


def test_stated_families_are_trusted_and_joined_by_tunes_without_one() -> None:
    abcs = {"a": KESH, "b": KESH, "c": MAGGIE, "d": MAGGIE, "e": MAGGIE}
    apart = melody_families(abcs, stated={"a": "17", "b": "18", "c": "19", "d": "19", "e": "19"})
    assert apart == {"a": "17", "b": "18", "c": "19", "d": "19", "e": "19"}
    joined = melody_families(abcs, stated={"a": "17", "b": "17", "c": "19"})
    assert joined == {"a": "17", "b": "17", "c": "19", "d": "19", "e": "19"}


def test_a_group_is_one_family_with_all_kin_of_its_tunes() -> None:
    abcs = {"a": KESH, "b": MAGGIE, "c": KESH_IN_D, "d": "X:1\nK:C\nCEGceg|\n"}
    families = melody_families(abcs, groups={"a": "g", "b": "g"})
    assert families["a"] == families["b"] == families["c"] != families["d"]


def test_the_split_of_a_family_follows_from_its_name_and_the_seed() -> None:
    shares = {"train": 0.5, "valid": 0.25, "test": 0.25}
    before = [split_of(f"f{n}", shares) for n in range(50)]
    assert before == [split_of(f"f{n}", shares) for n in range(50)]
    assert set(before) == set(shares)
    assert before != [split_of(f"f{n}", shares, seed=1) for n in range(50)]
    with pytest.raises(ValueError, match="add up to 1"):
        split_of("f", {"train": 0.5})


def test_no_melody_is_in_two_splits(rng: np.random.Generator) -> None:
    tunes = [random_tune(rng) for _ in range(40)]
    abcs = {f"{n}.{copy}": tune for n, tune in enumerate(tunes) for copy in range(3)}
    places: dict[str, set[str]] = defaultdict(set)
    for key, family in melody_families(abcs).items():
        places[key.split(".")[0]].add(split_of(family, {"train": 0.5, "test": 0.5}))
    assert all(len(found) == 1 for found in places.values())
    assert set.union(*places.values()) == {"train", "test"}
