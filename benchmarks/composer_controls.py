"""What the composer makes of what it is asked: plans, moods, form; and what plans cost, to each depth.

    python benchmarks/composer_controls.py --model runs/composer/best --tunes test.jsonl -n 100 --json controls.json

Bits: of the real tunes, a note, with the plan's counted; along no plan, and along plans to each depth. Plans: of tunes
composed along whole plans the share of entries that the notes turn out to have, by the analysis that makes plans of
tunes. Moods: pairs of a "sad" and a "happy" tune of one kind and seed, and the share of them in which mode,
tempo and notes a beat differ in the asked direction. Form: the share of real reels and jigs in which AABB is heard, and
of tunes composed for the same kinds, keys, forms and bars along plans to each depth; then of tunes composed for a kind
alone, whose form is drawn. `--only form` leaves the others out.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import torch

from audiogen.composer import Composer, load_composer
from audiogen.composer_data import read_rows
from audiogen.composer_likelihood import bits_a_note
from audiogen.composer_plan import check_meter
from audiogen.composer_planning import Drawing
from audiogen.composer_rework import GivenTune
from audiogen.composer_wishes import DEFAULT_DEPTH, ComposingWishes, CompositionError
from audiogen.evaluation.tables import print_table, write_json
from audiogen.options import Options, ask
from symbolic_bridge.analysis import find_density, find_form, melody_of
from symbolic_bridge.attributes import TuneAttributes, resolve
from symbolic_bridge.kinds import KINDS as KINDS_BY_ID
from symbolic_bridge.kinds import kind_of
from symbolic_bridge.plan_tokens import DEPTHS
from symbolic_bridge.tune import Tune
from symbolic_bridge.tune_tokens import decode

KINDS = ("jig", "reel", "waltz", "hornpipe", "polka", "slip jig", "march", "air")
ENTRIES = ("cadence", "chord", "level", "direction", "notes")
BRIGHT_MODES = ("major", "mixolydian", "lydian")


def main() -> None:
    parser = argparse.ArgumentParser(description="What the composer makes of what it is asked.")
    parser.add_argument("--model", type=Path, help="folder of a composer; the shipped one without it")
    parser.add_argument("--tunes", type=Path, help="real tunes, as JSON lines, for the form")
    parser.add_argument("-n", type=int, default=100, help="tunes for each figure")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--only", choices=("plans", "moods", "bits", "form"), help="one of the three groups of figures"
    )
    parser.add_argument("--json", type=Path, help="where to write the figures")
    options = parser.parse_args()
    torch.set_num_threads(1)
    composer = load_composer(options.model)
    figures: dict[str, object] = {}
    if options.only in (None, "plans"):
        figures["plans"] = plan_figures(composer, options.n, options.seed)
    if options.only in (None, "moods"):
        figures["moods"] = mood_figures(composer, options.n, options.seed)
    if options.tunes and options.only in (None, "bits"):
        figures["bits a note"] = bit_figures(composer, options.tunes)
    if options.tunes and options.only in (None, "form"):
        figures["form"] = form_figures(composer, options.n, options.seed, options.tunes)
    for name, values in figures.items():
        assert isinstance(values, dict)
        print_table(name, ("figure", "value"), [(key, f"{value:.3f}") for key, value in values.items()])
    if options.json:
        write_json(options.json, figures)


def plan_figures(composer: Composer, count: int, seed: int) -> dict[str, float]:
    """How often the notes have what is planned of their bar, and seconds a tune."""
    if composer.planner is None:
        return {}
    hits: Counter[str] = Counter()
    bars = 0
    began = time.perf_counter()
    made = [
        each
        for kind in KINDS
        for each in composer.compose_with_plans(
            TuneAttributes(kind=kind),
            -(-count // len(KINDS)),
            drawing(seed),
            wishes=ComposingWishes(depth="whole"),
        )
    ]
    seconds = (time.perf_counter() - began) / len(made)
    repeats = kept = 0
    for each in made:
        form = "".join(dict.fromkeys(each.plan.form or ""))
        given = GivenTune.of(each.tune)
        if len(given.plan.parts) != len(form):
            continue
        for wanted, found in zip(each.plan.heard_bars(), given.plan.heard_bars(), strict=True):
            if wanted.relation == "repeats":
                repeats += 1
                kept += found.relation == "repeats"
                continue
            bars += 1
            for name in ENTRIES:
                hits[name] += getattr(wanted, name) == getattr(found, name)
    rates = {name: hits[name] / bars for name in ENTRIES}
    return {**rates, "relation: repeats": kept / max(1, repeats), "seconds a tune": seconds}


def mood_figures(composer: Composer, count: int, seed: int) -> dict[str, float]:
    """In how many pairs happy is brighter, faster and denser than sad."""
    hits: Counter[str] = Counter()
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        sad, happy = (
            composer.compose(
                resolve(ask(f"a {mood} {kind}", Options())), generator=drawing(seed + number).generator
            )
            for mood in ("sad", "happy")
        )
        density = [find_density(melody_of(tune)).notes_a_beat for tune in (sad, happy)]
        mode = sad.header.key.mode not in BRIGHT_MODES and happy.header.key.mode in BRIGHT_MODES
        tempo = (sad.header.tempo_bpm or 0) < (happy.header.tempo_bpm or 0)
        hits.update(mode=mode, tempo=tempo, density=density[0] < density[1])
        hits["all three"] += mode and tempo and density[0] < density[1]
    return {name: hits[name] / count for name in ("mode", "tempo", "density", "all three")}


def form_figures(composer: Composer, count: int, seed: int, tunes: Path) -> dict[str, float]:
    """How often AABB is heard in real reels and jigs, and in composed ones.

    The latter are composed for a real tune's kind, key, form and bars, or for the kind alone.
    """
    figures: dict[str, float] = {}
    for kind in ("reel", "jig"):
        real = real_tunes(tunes, kind)[:count]
        figures[f"real {kind}s"] = aabb_share([given.tune for given in real])
        for depth in (DEFAULT_DEPTH,) if composer.planner is None else DEPTHS:
            made = [
                composer.compose(
                    given.attributes(),
                    bars=sum(part.bar_count for part in given.plan.parts),
                    generator=drawing(seed + number).generator,
                    wishes=ComposingWishes(depth=depth),
                )
                for number, given in enumerate(real)
            ]
            figures[f"composed {kind}s, {depth}"] = aabb_share(made)
        drawn = [
            composer.compose(TuneAttributes(kind=kind), generator=drawing(seed + number).generator)
            for number in range(count)
        ]
        figures[f"composed {kind}s, form drawn"] = aabb_share(drawn)
    return figures


def bit_figures(composer: Composer, path: Path) -> dict[str, float]:
    """Bits a note of the tunes that the composer could have learned from."""
    tunes = [decode(row) for row in read_rows(path).rows]
    if composer.planner is None:
        return {"no plan": bits_a_note(composer, tunes).total}
    figures = {"no plan": bits_a_note(composer, tunes, depth=0).total}
    for name, depth in DEPTHS.items():
        bits = bits_a_note(composer, tunes, depth=depth)
        figures |= {f"{name}, all": bits.total, f"{name}, of these the plan's": bits.plan}
    return figures


def aabb_share(tunes: Sequence[Tune]) -> float:
    """The share of tunes in which AABB is heard."""
    return sum(find_form(melody_of(tune)).letters == "AABB" for tune in tunes) / len(tunes)


def real_tunes(path: Path, kind: str) -> list[GivenTune]:
    """The tunes of one kind that the composer could have learned from, and whose form it can be asked for."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            tune = Tune.from_abc(json.loads(line)["abc"])
            if kind_of(tune).id == kind:
                given = GivenTune.of(tune)
                check_meter(KINDS_BY_ID[kind], given.normal.meter)
                found.append(given)
        except (CompositionError, ValueError):
            continue
    return found


def drawing(seed: int) -> Drawing:
    """Chance of a seed."""
    return Drawing(torch.Generator().manual_seed(seed))


if __name__ == "__main__":
    main()
