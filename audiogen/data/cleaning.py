"""Cleaning a corpus: what cannot be learnt from is left out, and everything left out is listed with its reason.

Tunes are looked at in their order: first each by itself (can it be read, has it notes, is it too short or too long, are
its voices ones we can use, do its bars add up), then beside those before it (the same notes, and then, in its melody
family, nearly the same ones). Nothing is mended here: the ABC of a tune that is kept is the ABC that came.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from audiogen.data.corpus import Corpus
from audiogen.data.corpus_items import CorpusTune
from audiogen.data.families import interval_profile, interval_runs
from symbolic_bridge.kinds import kind_of, normalise_kind
from symbolic_bridge.tune import Bar, Tune

_VOICE = re.compile(r"^\s*V:\s*(\S+)|\[V:\s*([^\]\s]+)", re.MULTILINE)
_PERCUSSION = re.compile(r"(?:^\s*|\[)[KV]:[^\]\n]*\bperc", re.MULTILINE)
_READ_SHARE, _FAMILY_SHARE = 0.9, 0.95


class Reason(StrEnum):
    """Why an item is left out."""

    NOT_READ = "no tune"
    LICENCE = "licence"
    UNPARSEABLE = "unparseable"
    NO_NOTES = "no notes"
    TOO_SHORT = "too short"
    TOO_LONG = "too long"
    VOICES = "voices"
    ODD_BARS = "odd bars"
    DUPLICATE = "duplicate"
    NEAR_DUPLICATE = "near duplicate"


@dataclass(frozen=True)
class CleaningRules:
    """What is kept. Bars and notes are counted as written, repeats once.

    `odd_bar_share`: a tune is left out when more of its bars than this have a length that neither the metre nor a
    pickup explains. `likeness`: tunes of a family are nearly the same when they share this much of the runs of eight
    intervals that either has; 1 keeps all but those with the same melody, repeats and lengths aside. `free_only`
    leaves out what is under a licence that binds what is made from it.
    """

    min_bars: int = 4
    max_bars: int = 256
    min_notes: int = 16
    odd_bar_share: float = 0.25
    likeness: float = 0.9
    free_only: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.min_bars <= self.max_bars:
            raise ValueError(
                f"min_bars {self.min_bars} and max_bars {self.max_bars}: 1 <= min <= max is needed"
            )
        if self.min_notes < 1:
            raise ValueError(f"min_notes is {self.min_notes}; at least 1 is needed")
        for name in ("odd_bar_share", "likeness"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be from 0 to 1")


@dataclass(frozen=True)
class Rejection:
    """An item that was left out, the reason by which it is counted, and the particulars."""

    item: str
    reason: Reason
    detail: str


@dataclass(frozen=True)
class Remark:
    """Something about a tune that was kept."""

    item: str
    text: str


@dataclass(frozen=True)
class CleaningReport:
    """What was kept and what was not.

    `kinds`, `sources`, `licences`, `families` (name to size) count the tunes kept; `written_kinds` is how often each
    rhythm field occurs among them and the kind it is read as, "" for one that names none.
    """

    kinds: dict[str, int]
    written_kinds: dict[str, tuple[int, str]]
    sources: dict[str, int]
    licences: dict[str, int]
    families: dict[str, int]
    rejections: tuple[Rejection, ...]
    remarks: tuple[Remark, ...]

    @property
    def kept(self) -> int:
        return sum(self.sources.values())

    @property
    def reasons(self) -> dict[str, int]:
        """Items left out, by reason, the most frequent first."""
        return dict(Counter(rejection.reason.value for rejection in self.rejections).most_common())

    @property
    def unknown_kinds(self) -> dict[str, int]:
        """Rhythm fields that name no kind."""
        return {name: count for name, (count, kind) in self.written_kinds.items() if name and not kind}

    def to_json(self) -> dict[str, object]:
        """Everything as JSON values; of the families how many there are of each size."""
        sizes = Counter(self.families.values())
        return {
            "kept": self.kept,
            "rejected": len(self.rejections),
            "reasons": self.reasons,
            "kinds": self.kinds,
            "written_kinds": {
                name: {"tunes": count, "kind": kind or None}
                for name, (count, kind) in self.written_kinds.items()
            },
            "unknown_kinds": self.unknown_kinds,
            "sources": self.sources,
            "licences": self.licences,
            "families": {
                "count": len(self.families),
                "by_size": {str(size): sizes[size] for size in sorted(sizes)},
            },
            "rejections": [asdict(rejection) for rejection in self.rejections],
            "remarks": [asdict(remark) for remark in self.remarks],
        }


@dataclass(frozen=True)
class Cleaned:
    """The tunes kept, each with its family, the id of each one's kind by its key, and the report."""

    tunes: tuple[CorpusTune, ...]
    kinds: dict[str, str]
    report: CleaningReport


@dataclass(frozen=True)
class _Candidate:
    tune: CorpusTune
    kind: str
    written: str


def clean(
    corpus: Corpus, rules: CleaningRules | None = None, progress: Callable[[float], None] | None = None
) -> Cleaned:
    """Leave out what cannot be learnt from.

    Args:
        corpus: tunes and what could not be read.
        rules: what is kept.
        progress: told the share that is done, 0 ... 1.
    """
    rules, tell = rules or CleaningRules(), progress or (lambda done: None)
    rejections = [Rejection(item.item, Reason.NOT_READ, item.reason) for item in corpus.rejected]
    remarks: list[Remark] = []
    if rules.free_only:
        freed = corpus.without_licences()
        burdened = freed.rejected[len(corpus.rejected) :]
        rejections += [Rejection(item.item, Reason.LICENCE, item.reason) for item in burdened]
        corpus = freed
    candidates: dict[str, _Candidate] = {}
    seen: dict[bytes, str] = {}
    for place, tune in enumerate(corpus.tunes):
        judged = _judge(tune, rules, seen, remarks)
        if isinstance(judged, Rejection):
            rejections.append(judged)
        else:
            candidates[tune.key] = judged
        tell(_READ_SHARE * (place + 1) / len(corpus.tunes))
    kept = Corpus(tuple(candidate.tune for candidate in candidates.values())).with_families().tunes
    tell(_FAMILY_SHARE)
    alike = _near_duplicates(kept, rules.likeness)
    rejections += alike
    gone = {rejection.item for rejection in alike}
    kept = tuple(tune for tune in kept if tune.key not in gone)
    tell(1.0)
    chosen = [candidates[tune.key] for tune in kept]
    report = CleaningReport(
        kinds=_counted([candidate.kind for candidate in chosen]),
        written_kinds={
            name: (count, normalise_kind(name) or "")
            for name, count in _counted([candidate.written for candidate in chosen]).items()
        },
        sources=_counted([tune.source for tune in kept]),
        licences=_counted([tune.licence for tune in kept]),
        families=_counted([tune.family for tune in kept]),
        rejections=tuple(rejections),
        remarks=tuple(remark for remark in remarks if remark.item not in gone),
    )
    return Cleaned(kept, {candidate.tune.key: candidate.kind for candidate in chosen}, report)


def _counted(names: Sequence[str]) -> dict[str, int]:
    return dict(Counter(names).most_common())


def _judge(
    tune: CorpusTune, rules: CleaningRules, seen: dict[bytes, str], remarks: list[Remark]
) -> _Candidate | Rejection:
    """Look at one tune; `seen` gets its notes and `remarks` what is odd about it, if it is kept."""
    if _PERCUSSION.search(tune.abc):
        return Rejection(tune.key, Reason.VOICES, "is written for percussion")
    try:
        read = Tune.from_abc(tune.abc)
    except ValueError as error:
        reason = Reason.UNPARSEABLE if interval_profile(tune.abc) else Reason.NO_NOTES
        return Rejection(tune.key, reason, str(error))
    sounding = sum(not note.is_rest for bar in read.bars for note in bar.notes)
    if not sounding:
        return Rejection(tune.key, Reason.NO_NOTES, "holds rests only")
    if sounding < rules.min_notes:
        return Rejection(tune.key, Reason.TOO_SHORT, f"{sounding} notes; at least {rules.min_notes} are kept")
    bars = len(read.bars)
    if bars < rules.min_bars:
        return Rejection(tune.key, Reason.TOO_SHORT, f"{bars} bars; at least {rules.min_bars} are kept")
    if bars > rules.max_bars:
        return Rejection(tune.key, Reason.TOO_LONG, f"{bars} bars; at most {rules.max_bars} are kept")
    odd = odd_bars(read)
    if len(odd) > rules.odd_bar_share * bars:
        listed = ", ".join(map(str, odd[:8])) + (" ..." if len(odd) > 8 else "")
        return Rejection(tune.key, Reason.ODD_BARS, f"{len(odd)} of {bars} bars do not add up: {listed}")
    first = seen.setdefault(notes_digest(read), tune.key)
    if first != tune.key:
        return Rejection(tune.key, Reason.DUPLICATE, f"has the notes of {first}")
    if odd:
        remarks.append(
            Remark(tune.key, f"{len(odd)} of {bars} bars do not add up: {', '.join(map(str, odd))}")
        )
    voices = {first or second for first, second in _VOICE.findall(tune.abc)}
    if len(voices) > 1:
        remarks.append(Remark(tune.key, f"has {len(voices)} voices, of which one is read"))
    written = tune.rhythm or read.header.rhythm
    return _Candidate(tune, normalise_kind(written) or kind_of(read).id, written)


def odd_bars(tune: Tune) -> tuple[int, ...]:
    """Numbers, from 1, of the bars whose length neither the metre nor their place explains.

    Short bars are expected where a part or an ending begins or ends, and where two neighbours make up one bar between
    them (a pickup, or a bar that the end of a line divides). Nothing is odd in free metre.
    """
    odd: list[int] = []
    meter = tune.header.meter
    for place, bar in enumerate(tune.bars):
        meter = bar.meter or meter
        if meter is None or not bar.notes or bar.duration == meter.bar_duration:
            continue
        before = tune.bars[place - 1] if place else None
        after = tune.bars[place + 1] if place + 1 < len(tune.bars) else None
        if bar.duration > meter.bar_duration or not _may_be_short(bar, before, after, meter.bar_duration):
            odd.append(place + 1)
    return tuple(odd)


def _may_be_short(bar: Bar, before: Bar | None, after: Bar | None, full: Fraction) -> bool:
    if before is None or after is None or bar.start_repeat or bar.end_repeat or bar.double_bar or bar.endings:
        return True
    if before.end_repeat or before.double_bar or after.start_repeat or after.endings:
        return True
    return full in (before.duration + bar.duration, bar.duration + after.duration)


def notes_digest(tune: Tune) -> bytes:
    """Hash of a tune's notes and lengths as written: the same in every key and octave and under every title.

    Of a chord the top note counts; graces, decorations, chord symbols and bar lines do not; tied notes are one.
    """
    notes: list[tuple[int | None, Fraction]] = []
    tied = False
    for bar in tune.bars:
        for note in bar.notes:
            pitch = max((pitch.midi for pitch in note.pitches), default=None)
            if notes and tied and notes[-1][0] == pitch:
                notes[-1] = (pitch, notes[-1][1] + note.duration)
            else:
                notes.append((pitch, note.duration))
            tied = note.tie
    lowest = min((pitch for pitch, _ in notes if pitch is not None), default=0)
    text = " ".join(f"{'z' if pitch is None else pitch - lowest}:{duration}" for pitch, duration in notes)
    return hashlib.sha256(text.encode()).digest()


def _near_duplicates(tunes: Sequence[CorpusTune], likeness: float) -> list[Rejection]:
    """Tunes nearly like one that comes before them in their family."""
    members: dict[str, list[CorpusTune]] = defaultdict(list)
    for tune in tunes:
        members[tune.family].append(tune)
    found: list[Rejection] = []
    for family, settings in members.items():
        kept: list[tuple[str, NDArray[np.int64]]] = []
        for tune in settings if len(settings) > 1 else ():
            runs = interval_runs(tune.abc)
            first = next((key for key, other in kept if _likeness(runs, other) >= likeness), None)
            if first is None:
                kept.append((tune.key, runs))
            else:
                detail = f"is nearly the same as {first}, of its family {family}"
                found.append(Rejection(tune.key, Reason.NEAR_DUPLICATE, detail))
    return found


def _likeness(first: NDArray[np.int64], second: NDArray[np.int64]) -> float:
    """Share of the runs that either has which both have (Jaccard's index)."""
    shared = len(np.intersect1d(first, second, assume_unique=True))
    return shared / max(1, len(first) + len(second) - shared)
