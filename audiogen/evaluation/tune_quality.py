"""Composed tunes by the hundred: are they well formed, and do they look like real ones?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from audiogen.composer import Composer
from audiogen.evaluation.material import TunePicker
from audiogen.evaluation.ratios import ratio
from audiogen.evaluation.tune_checks import abc2midi_complaints, find_abc2midi, strict_faults
from audiogen.evaluation.tune_statistics import compare_statistics, tune_statistics
from symbolic_bridge.attributes import TuneAttributes
from symbolic_bridge.tune import Tune

Progress = Callable[[str, float], None]
KINDS = ("reel", "jig", "slip jig", "hornpipe", "polka", "waltz", "march", "air", "slide", "strathspey")
KEYS = (
    ("D", "major"), ("G", "major"), ("A", "minor"), ("E", "dorian"), ("A", "mixolydian"), ("Bb", "major"),
    ("F#", "minor"), ("D", "mixolydian"), ("B", "minor"), ("C", "major"),
)  # fmt: skip
GROUP = 5
REFERENCE_TUNES = 300
MOST_EXAMPLES = 20


def measure_tunes(
    composer: Composer,
    *,
    count: int = 500,
    seed: int = 0,
    reference: Path | None = None,
    output: Path | None = None,
    progress: Progress = lambda stage, done: None,
) -> dict[str, object]:
    """Compose tunes over all kinds and keys and check each.

    Args:
        composer: the tune transformer.
        count: how many.
        seed: of the chance.
        reference: real tunes to compare statistics with; None leaves the comparison out.
        output: write all tunes here, as one ABC file.
        progress: told each stage's name and how much of it is done.

    Returns:
        JSON values: `sound_share` (read by abc2midi without a word and by our strict reader, with every bar adding
        up), each check alone, `by_kind`, `statistics`, `faults` and the same checks on the real tunes.

    Raises:
        ValueError: abc2midi is not installed.
    """
    find_abc2midi()
    orders = _orders(count)
    generator = torch.Generator().manual_seed(seed)
    tunes: list[tuple[str, Tune]] = []
    refused: list[str] = []
    for (kind, tonic, mode), size in orders:
        wishes = TuneAttributes(kind=kind, tonic=tonic, mode=mode)
        for start in range(0, size, GROUP):
            wanted = min(GROUP, size - start)
            try:
                written = composer.compose_many(
                    wishes, wanted, generator=generator, first_reference=len(tunes) + 1
                )
            except ValueError as error:
                # A composer that gives up has not made a sound tune: it counts against the share.
                refused += [f"{kind} in {tonic} {mode}: {error}"] * wanted
                continue
            tunes += [(kind, tune) for tune in written]
        progress("compose", (len(tunes) + len(refused)) / count)
    if output is not None:
        from audiogen.tune_files import write_tunes

        write_tunes(output, [tune for _, tune in tunes])
    checks = _check([(kind, tune.to_abc()) for kind, tune in tunes], progress)
    result: dict[str, object] = {
        "figure": "tunes",
        "seed": seed,
        "asked": count,
        "composed": len(tunes),
        "sound": checks["sound"],
        "sound_share": ratio(int(str(checks["sound"])), count),
        **{name: value for name, value in checks.items() if name != "sound"},
        "refused": refused[:MOST_EXAMPLES],
        "refused_count": len(refused),
    }
    if reference is not None:
        result |= _compare([tune for _, tune in tunes], reference, seed, progress)
    return result


def _orders(count: int) -> list[tuple[tuple[str, str, str], int]]:
    """(kind, tonic, mode) and how many of it, so that kinds and keys come equally often."""
    wanted: Counter[tuple[str, str, str]] = Counter()
    for number in range(count):
        # Groups of one order, because a batch writes one order; the keys move on once all kinds were had.
        group = number // GROUP
        kind = KINDS[group % len(KINDS)]
        wanted[(kind, *KEYS[(group + group // len(KINDS)) % len(KEYS)])] += 1
    return list(wanted.items())


def _check(tunes: Sequence[tuple[str, str]], progress: Progress) -> dict[str, object]:
    """Both judges on (kind, ABC)."""
    faults: list[dict[str, object]] = []
    quiet = strict = sound = 0
    by_kind: Counter[str] = Counter(kind for kind, _ in tunes)
    sound_by_kind: Counter[str] = Counter()
    for number, (kind, abc) in enumerate(tunes):
        complaints, own = abc2midi_complaints(abc), strict_faults(abc)
        quiet += not complaints
        strict += not own
        if complaints or own:
            faults.append({"kind": kind, "abc2midi": complaints[:5], "reader": own[:5], "abc": abc})
        else:
            sound += 1
            sound_by_kind[kind] += 1
        progress("check", (number + 1) / len(tunes))
    return {
        "sound": sound,
        "abc2midi_share": ratio(quiet, len(tunes)),
        "strict_share": ratio(strict, len(tunes)),
        "by_kind": {
            kind: {"tunes": total, "sound_share": ratio(sound_by_kind[kind], total)}
            for kind, total in by_kind.items()
        },
        "faults": faults[:MOST_EXAMPLES],
    }


def _compare(tunes: Sequence[Tune], reference: Path, seed: int, progress: Progress) -> dict[str, object]:
    """Statistics beside those of real tunes, on which the same checks give the floor."""
    picker = TunePicker(reference, seed)
    real: list[dict[str, float]] = []
    texts: list[tuple[str, str]] = []
    for item in picker.draw(REFERENCE_TUNES):
        try:
            real.append(tune_statistics(item.tune))
            texts.append((item.tune.header.rhythm, item.tune.to_abc()))
        except ValueError as error:
            picker.refuse(item.key, str(error))
    composed: list[dict[str, float]] = []
    empty: list[str] = []
    for tune in tunes:
        try:
            composed.append(tune_statistics(tune))
        except ValueError as error:
            empty.append(str(error))
    checks = _check(texts, progress)
    return {
        "statistics": compare_statistics(composed, real),
        "without_statistics": empty,
        "real_tunes": len(real),
        "real_sound_share": ratio(int(str(checks["sound"])), len(texts)),
        "rejected": picker.rejected,
    }
