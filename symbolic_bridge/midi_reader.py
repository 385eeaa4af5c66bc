"""MIDI to tunes: the melody of a file, its notes on a grid, its bars as the time signatures have them."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction

from symbolic_bridge import midi_file as smf
from symbolic_bridge.abc_fields import default_unit, felt_beat
from symbolic_bridge.midi_file import MidiEvent, MidiFile
from symbolic_bridge.spelling import spell
from symbolic_bridge.tune import MODE_SHARPS, Bar, Header, Key, Meter, Note, Tune

PERCUSSION_CHANNEL = 9
# Grid lines of a quarter note with what each costs beside the RMS error of its onsets, in quarters: sixteenths
# first, triplets where they fit clearly better, finer grids only where nothing else fits.
GRIDS = ((4, 0.0), (3, 0.015), (6, 0.03), (8, 0.035), (12, 0.06))
# A gap before the next note of at most this many whole notes belongs to the note (staccato, phrasing).
LONGEST_GAP = Fraction(1, 16)
# Times in a damaged file can reach for ever.
MOST_BARS = 20000


@dataclass(frozen=True)
class _Span:
    """A melody note on the grid; times in whole notes from the start."""

    start: Fraction
    end: Fraction
    pitch: int


def tune_of_midi(file: MidiFile, title: str = "Untitled") -> Tune:
    """The melody of a MIDI file's events as a tune, on a grid of sixteenths and triplets (finer where those don't fit).

    The melody is the highest voice of the track and channel that is most like one: few notes at once, many notes,
    high. Bars follow the time signatures; a note over a bar line is tied. The tracks of a file of format 2 are pieces
    of their own; that of the melody is taken.

    Raises:
        ValueError: it holds no notes.
    """
    found = _melody(file)
    if found is None:
        raise ValueError(
            "found no notes; a MIDI file for a tune needs at least one (percussion is not counted)"
        )
    place, name, spans = found
    tracks = file.tracks if file.format != 2 else file.tracks[place : place + 1]
    events = [event for track in tracks for event in track if event.status == smf.META]
    meters = _meters(events, file.ticks_per_quarter)
    melody = _quantised(spans, file.ticks_per_quarter, meters)
    lines = _bar_lines(meters, melody[-1].end)
    key = _signature_key(events, melody)
    header_meter = _tune_meter([meter for _, _, meter in lines])
    bars = _bars(melody, lines, header_meter, key)
    header = Header(
        title=name or title, meter=header_meter, unit=default_unit(header_meter), key=key,
        tempo_bpm=_tempo(events, header_meter),
    )  # fmt: skip
    return Tune(header, tuple(bars))


def _melody(file: MidiFile) -> tuple[int, str, list[tuple[int, int, int]]] | None:
    """The voice most like a melody: its track's place and name, and its notes, highest of each onset only."""
    voices = []
    for order, track in enumerate(file.tracks):
        name = next(
            (
                event.data.decode("utf-8", "replace").strip()
                for event in track
                if event.kind == smf.TRACK_NAME
            ),
            "",
        )
        for channel, spans in smf.note_spans(track).items():
            if channel != PERCUSSION_CHANNEL and spans:
                voices.append((order, name, spans))
    if not voices:
        return None
    most = max(len(spans) for _, _, spans in voices)

    def rank(voice: tuple[int, str, list[tuple[int, int, int]]]) -> tuple[bool, bool, bool, float, int]:
        order, name, spans = voice
        onsets = len({start for start, _, _ in spans})
        named = any(word in name.lower() for word in ("melody", "lead", "tune", "vocal"))
        single = onsets / len(spans) > 0.9
        height = sum(pitch for _, _, pitch in spans) / len(spans)
        return (len(spans) * 4 >= most, named, single, height, -order)

    place, name, spans = max(voices, key=rank)
    highest: dict[int, tuple[int, int, int]] = {}
    for span in spans:
        if span[0] not in highest or span[2] > highest[span[0]][2]:
            highest[span[0]] = span
    return place, "" if len(file.tracks) > 2 else name, [highest[start] for start in sorted(highest)]


def _quantised(
    spans: list[tuple[int, int, int]], ticks: int, meters: list[tuple[Fraction, Meter]]
) -> list[_Span]:
    """Notes on the grid: each quarter takes the grid that its onsets fit best; ends meet the next onset.

    Quarters are counted from the latest time signature, so that a pickup does not shift them.
    """
    origins = [int(start * 4 * ticks) for start, _ in meters]

    def beat_of(tick: int) -> tuple[int, int]:
        """Ticks of the quarter that a tick lies in, and of the time signature that it is counted from."""
        origin = origins[bisect_right(origins, tick) - 1]
        return origin + (tick - origin) // ticks * ticks, origin

    by_beat: dict[tuple[int, int], list[Fraction]] = {}
    for start, _, _ in spans:
        beat = beat_of(start)
        by_beat.setdefault(beat, []).append(Fraction(start - beat[0], ticks))
    grid_of = {beat: _grid(places) for beat, places in by_beat.items()}

    def snap(tick: int) -> Fraction:
        beat = beat_of(tick)
        grid = grid_of.get(beat, GRIDS[0][0])
        return (Fraction(beat[0], ticks) + Fraction(round(Fraction(tick - beat[0], ticks) * grid), grid)) / 4

    onsets: dict[Fraction, tuple[int, int, int]] = {}
    for span in spans:
        place = snap(span[0])
        if place not in onsets or span[2] > onsets[place][2]:
            onsets[place] = span
    places = sorted(onsets)
    melody = []
    for index, start in enumerate(places):
        _, end_tick, pitch = onsets[start]
        end = snap(end_tick)
        following = places[index + 1] if index + 1 < len(places) else None
        if end <= start:
            end = start + Fraction(1, 16)
        if following is not None and (end > following or following - end <= LONGEST_GAP):
            end = following
        melody.append(_Span(start, end, pitch))
    return melody


def _grid(places: list[Fraction]) -> int:
    """Grid lines of a quarter that fit its onsets best."""

    def cost(option: tuple[int, float]) -> float:
        grid, price = option
        errors = [(float(place) - round(place * grid) / grid) ** 2 for place in places]
        return (sum(errors) / len(errors)) ** 0.5 + price

    return min(GRIDS, key=cost)[0]


def _meters(events: list[MidiEvent], ticks: int) -> list[tuple[Fraction, Meter]]:
    """Time signatures with their places in whole notes; 4/4 where there is none."""
    found: dict[Fraction, Meter] = {}
    for event in sorted(events, key=lambda item: item.tick):
        if event.kind == smf.TIME_SIGNATURE and len(event.data) >= 2:
            beats, power = event.data[0], event.data[1]
            if 1 <= beats <= 64 and power <= 5:
                found[Fraction(event.tick, ticks * 4)] = Meter(beats, 2**power)
    if Fraction(0) not in found:
        found[Fraction(0)] = Meter(4, 4)
    return sorted(found.items())


def _tune_meter(meters: list[Meter]) -> Meter:
    """The first bar's meter; that of most bars where the first one's stands for it alone (a pickup)."""
    if meters[:1] == meters[1:2]:
        return meters[0]
    counts = Counter(meters)
    return max(counts, key=lambda meter: (counts[meter], meter.bar_duration))


def _bar_lines(meters: list[tuple[Fraction, Meter]], end: Fraction) -> list[tuple[Fraction, Fraction, Meter]]:
    """Bars as (start, end, meter) up to the end of the last note.

    Raises:
        ValueError: there are more than MOST_BARS, as damaged times can make them.
    """
    lines = []
    for index, (start, meter) in enumerate(meters):
        stop = meters[index + 1][0] if index + 1 < len(meters) else end
        stop = min(stop, end)
        while start < stop:
            if len(lines) == MOST_BARS:
                raise ValueError(f"found more than {MOST_BARS} bars up to the last note; allowed is a tune")
            bar_end = start + meter.bar_duration
            if index + 1 < len(meters):
                bar_end = min(bar_end, meters[index + 1][0])
            lines.append((start, bar_end, meter))
            start = bar_end
    return lines


def _bars(
    melody: list[_Span], lines: list[tuple[Fraction, Fraction, Meter]], header_meter: Meter, key: Key
) -> list[Bar]:
    """Notes and rests cut at the bar lines; empty bars before the first note are left out.

    A file gives a pickup and a short last bar time signatures of their own; here they are bars of the tune's meter.
    """
    bars: list[Bar] = []
    now_meter = header_meter
    place = 0
    for start, stop, meter in lines:
        notes: list[Note] = []
        now = start
        while place < len(melody) and melody[place].start < stop:
            span = melody[place]
            if span.start > now:
                notes.append(Note((), span.start - now))
                now = span.start
            end = min(span.end, stop)
            notes.append(Note((spell(span.pitch, key),), end - now, tie=span.end > stop))
            now = end
            if span.end > stop:
                # The rest of the note opens the next bar.
                melody[place] = _Span(stop, span.end, span.pitch)
                break
            place += 1
        if not bars and not notes:
            continue
        if now < stop and place < len(melody):
            notes.append(Note((), stop - now))
        if not bars and notes and notes[0].is_rest and len(notes) > 1:
            notes = notes[1:]
        if not notes:
            continue
        length = sum((note.duration for note in notes), Fraction(0))
        pickup = not bars and length < header_meter.bar_duration
        short_end = start == lines[-1][0] and meter.bar_duration < now_meter.bar_duration
        change = meter if meter != now_meter and not (pickup or short_end) else None
        now_meter = change or now_meter
        bars.append(Bar(tuple(notes), meter=change))
    return bars


def _tempo(events: list[MidiEvent], meter: Meter) -> float | None:
    first = min(
        (event for event in events if event.kind == smf.TEMPO and len(event.data) == 3),
        key=lambda e: e.tick,
        default=None,
    )
    if first is None:
        return None
    micros = int.from_bytes(first.data, "big")
    if micros == 0:
        return None
    return round(60e6 / micros / float(felt_beat(meter) * 4), 2)


def _signature_key(events: list[MidiEvent], melody: list[_Span]) -> Key:
    """The key: the file's signature if it has one (its mode from the notes), else the one the notes fit best."""
    signature = next(
        (event for event in events if event.kind == smf.KEY_SIGNATURE and len(event.data) == 2), None
    )
    sharps, minor = None, False
    if signature is not None:
        sharps = int.from_bytes(signature.data[:1], "big", signed=True)
        minor = signature.data[1] == 1
    weights = [0.0] * 12
    for span in melody:
        weights[span.pitch % 12] += float(span.end - span.start)
    total = sum(weights)
    last = melody[-1].pitch % 12
    best: tuple[float, Key] | None = None
    for mode, moved in MODE_SHARPS.items():
        # A file that says minor means it; many say major whatever they are.
        if mode in ("lydian", "phrygian", "locrian") or (minor and mode in ("major", "mixolydian")):
            continue
        for place in range(-7, 8):
            tonic = "FCGDAEB"[(place - moved + 1) % 7] + {-1: "b", 0: "", 1: "#"}.get(
                (place - moved + 1) // 7, "?"
            )
            if "?" in tonic or (sharps is not None and place != sharps):
                continue
            key = Key(tonic, mode)
            root = key.tonic_pitch_class
            inside = {(7 * (place + step)) % 12 for step in range(-1, 6)}
            fit = sum(weight for pitch, weight in enumerate(weights) if pitch in inside) / total
            # The last note is the tonic in most tunes; its fifth is among the longest notes.
            score = fit + 0.25 * (last == root) + 0.3 * (weights[root] + weights[(root + 7) % 12]) / total
            score -= 0.005 * abs(place) + (0.02 if mode in ("dorian", "mixolydian") else 0)
            if best is None or score > best[0]:
                best = (score, key)
    return best[1] if best else Key()
