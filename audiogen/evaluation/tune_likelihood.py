"""Real tunes as the composer would write them, to see how well it foresees them."""

from __future__ import annotations

from collections.abc import Sequence

from symbolic_bridge.kinds import kind_of
from symbolic_bridge.normal_form import NormalTune
from symbolic_bridge.normalise import UnfitTuneError, normalise
from symbolic_bridge.tune import Tune
from symbolic_bridge.tune_tokens import TokenError, encode, written_kind


def normal_tunes(tunes: Sequence[Tune]) -> tuple[list[NormalTune], dict[str, int]]:
    """Tunes in the normal form that tokens can say, and how many have none, by reason."""
    fitting: list[NormalTune] = []
    rejected: dict[str, int] = {}
    for tune in tunes:
        try:
            normal = normalise(tune, written_kind(kind_of(tune).id))
            encode(normal)
        except (UnfitTuneError, TokenError) as error:
            reason = error.reason if isinstance(error, UnfitTuneError) else "no token"
            rejected[reason] = rejected.get(reason, 0) + 1
        else:
            fitting.append(normal)
    return fitting, rejected
