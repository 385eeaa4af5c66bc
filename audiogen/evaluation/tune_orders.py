"""What a composer is asked for when it is measured, and whether that is what it wrote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from audiogen.composer_plan import CompositionError, check_meter
from audiogen.evaluation.ratios import ratio
from audiogen.evaluation.tune_features import TuneFeatures
from symbolic_bridge.attributes import TuneAttributes
from symbolic_bridge.kinds import KINDS, kind_of
from symbolic_bridge.tune import Tune

EVERY_KIND = ("reel", "jig", "slip jig", "hornpipe", "polka", "waltz", "march", "air", "slide", "strathspey")
EVERY_KEY = (
    ("D", "major"), ("G", "major"), ("A", "minor"), ("E", "dorian"), ("A", "mixolydian"), ("Bb", "major"),
    ("F#", "minor"), ("D", "mixolydian"), ("B", "minor"), ("C", "major"),
)  # fmt: skip
GROUP = 5
COMMON_FORM, COMMON_KINDS = "AABB", ("reel", "jig")
# Of a normal distribution.
DEVIATIONS_95 = 1.96


def orders_over_all(count: int) -> list[TuneAttributes]:
    """Orders of all kinds in all sorts of keys, equally often, those that are the same side by side."""
    orders = []
    for number in range(count):
        group = number // GROUP
        # The keys move on once all kinds were had.
        tonic, mode = EVERY_KEY[(group + group // len(EVERY_KIND)) % len(EVERY_KEY)]
        orders.append(TuneAttributes(kind=EVERY_KIND[group % len(EVERY_KIND)], tonic=tonic, mode=mode))
    return orders


def orders_like(tunes: Sequence[Tune], count: int, rng: np.random.Generator) -> list[TuneAttributes]:
    """Orders for the kind, metre and key of real tunes, drawn without replacement as long as there are any.

    Tunes in a metre in which their kind is not composed are passed over.

    Raises:
        ValueError: no tune can be ordered.
    """
    possible = [order for order in map(_order_of, tunes) if order is not None]
    if not possible:
        raise ValueError(f"none of {len(tunes)} tunes has a kind and metre that can be composed")
    turns = [rng.permutation(len(possible)) for _ in range(-(-count // len(possible)))]
    return [possible[int(index)] for index in np.concatenate(turns)[:count]]


def _order_of(tune: Tune) -> TuneAttributes | None:
    kind, key, meter = kind_of(tune), tune.header.key, tune.header.meter
    if meter is None or key.extra:
        return None
    try:
        check_meter(KINDS[kind.id], meter)
    except CompositionError:
        return None
    return TuneAttributes(kind=kind.id, meter=meter, tonic=key.tonic, mode=key.mode)


@dataclass(frozen=True)
class Written:
    """A tune and the order it was written for."""

    order: TuneAttributes
    tune: Tune


def kept_orders(written: Sequence[Written]) -> dict[str, float | None]:
    """Shares of tunes whose fields say what was asked, of those for which it was asked."""
    found: dict[str, float | None] = {}
    for name, says in {
        "kind": lambda tune: tune.header.rhythm,
        "meter": lambda tune: tune.header.meter,
        "tonic": lambda tune: tune.header.key.tonic,
        "mode": lambda tune: tune.header.key.mode,
    }.items():
        asked = [
            getattr(each.order, name) == says(each.tune)
            for each in written
            if getattr(each.order, name) is not None
        ]
        found[name] = ratio(sum(asked), len(asked))
    return found


def found_again(tunes: Sequence[TuneFeatures]) -> dict[str, float | int | None]:
    """Shares of tunes in whose notes the analysis finds what their fields and signs say.

    Kinds are compared where the rhythm field names one, forms where signs repeat every part; elsewhere they do not say
    what the form is.
    """
    named = [tune for tune in tunes if tune.kind_is_written]
    signed = [tune for tune in tunes if all(tune.signs.count(letter) > 1 for letter in tune.signs)]
    return {
        "tunes": len(tunes),
        "kind": ratio(sum(tune.kind == tune.found_kind for tune in named), len(named)),
        "named_kinds": len(named),
        "mode": ratio(sum(tune.key.mode == tune.found_key.mode for tune in tunes), len(tunes)),
        "tonic": ratio(
            sum(tune.key.tonic_pitch_class == tune.found_key.tonic_pitch_class for tune in tunes), len(tunes)
        ),
        "form": ratio(sum(tune.form == tune.signs for tune in signed), len(signed)),
        "signed_forms": len(signed),
    }


def common_form(composed: Sequence[TuneFeatures], real: Sequence[TuneFeatures]) -> dict[str, float | None]:
    """The share of reels and jigs in which AABB is heard, of both, their difference and its 95 % interval."""
    shares, counts = [], []
    for tunes in (composed, real):
        own = [tune for tune in tunes if tune.kind in COMMON_KINDS]
        shares.append(ratio(sum(tune.form == COMMON_FORM for tune in own), len(own)))
        counts.append(len(own))
    if None in shares:
        return {"composed": shares[0], "real": shares[1]}
    made, true = (float(share or 0) for share in shares)
    error = DEVIATIONS_95 * float(np.sqrt(made * (1 - made) / counts[0] + true * (1 - true) / counts[1]))
    difference = made - true
    return {
        "composed": made,
        "real": true,
        "difference": round(difference, 5),
        "low": round(difference - error, 5),
        "high": round(difference + error, 5),
    }
