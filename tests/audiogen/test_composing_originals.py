"""Rules of `compose --report` and `--refuse-copies`: the nearest training tune is named, copies are drawn again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from audiogen.cli import run
from audiogen.composer_plan import CompositionError
from audiogen.originality import INDEX_NAME, MOST_DRAWS, SHIPPED_INDEX, draw_original, training_index
from symbolic_bridge.analysis.similarity import MelodyIndex
from symbolic_bridge.tune import Tune

OTHER = "X:7\nT:Other\nR:reel\nM:4/4\nL:1/8\nK:D\n|:D2FA dAFA|G2BG F2AF|E2GE D2FD|EFGA B2AG|FAdA FADA|G2Bd cdec:|\n"


def itself(tune: Tune) -> Tune:
    return tune


@pytest.fixture
def index(kesh_abc: str) -> MelodyIndex:
    return MelodyIndex.build([("book/1", Tune.from_abc(kesh_abc))])


def test_a_copy_is_drawn_again_until_it_is_none(index: MelodyIndex, kesh_abc: str) -> None:
    drawn: list[int] = []

    def write(draw: int) -> Tune:
        drawn.append(draw)
        return Tune.from_abc(kesh_abc if draw < 2 else OTHER)

    found = draw_original(write, itself, index, 0.5)
    assert (found.draws, found.overlap.share, drawn) == (3, 0.0, [0, 1, 2])
    assert draw_original(write, itself, index, 1.0).draws == 1


def test_a_composer_that_only_copies_is_refused(index: MelodyIndex, kesh_abc: str) -> None:
    with pytest.raises(CompositionError, match=rf"each of {MOST_DRAWS} tunes .* 1\.00 in book/1"):
        draw_original(lambda draw: Tune.from_abc(kesh_abc), itself, index, 0.5)


def test_the_shipped_index_holds_no_tune_whose_licence_binds() -> None:
    shipped = training_index(None, None).index
    assert len(shipped.names) == 6548
    assert not [name for name in shipped.names if name.startswith(("nottingham", "jw35", "slow_session"))]
    assert SHIPPED_INDEX.stat().st_size < 1_000_000


def test_a_model_of_ones_own_brings_its_index_or_needs_tunes(
    index: MelodyIndex, kesh_abc: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="--against"):
        training_index(str(tmp_path), None)
    index.save(tmp_path / INDEX_NAME)
    assert training_index(str(tmp_path), None).index.names == ("book/1",)
    (tmp_path / "kesh.abc").write_text(kesh_abc, encoding="utf-8")
    assert training_index(None, tmp_path / "kesh.abc").index.names == ("kesh/1",)


def test_compose_tells_the_nearest_tune_and_refuses_shares_that_are_none(
    tiny_weights: Path, kesh_abc: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "kesh.abc").write_text(kesh_abc, encoding="utf-8")
    kept = tmp_path / "tunes.npz"
    assert run(["data", "index", str(tmp_path / "kesh.abc"), "-o", str(kept)]) == 0
    assert "1 tunes" in capsys.readouterr().err
    plain = [
        "compose",
        "a jig in G",
        "--seed",
        "3",
        "--model",
        str(tiny_weights),
        "-o",
        str(tmp_path / "a.abc"),
    ]
    assert run(plain) == 0
    told = [*plain[:-1], str(tmp_path / "b.abc"), "--report", "--against", str(kept)]
    assert run([*told, "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["originality"]
    assert (row["draws"], row["is_copy"]) == (1, False)
    # The first draw is the tune that the seed writes anyway.
    assert (tmp_path / "a.abc").read_bytes() == (tmp_path / "b.abc").read_bytes()
    assert run(told) == 0
    assert "Nearest of 1 training tunes" in capsys.readouterr().out
    assert run([*told, "--refuse-copies", "1.5"]) == 2
    assert "0 to 1" in capsys.readouterr().err
