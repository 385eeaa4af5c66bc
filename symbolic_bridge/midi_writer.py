"""Tunes to MIDI: the plain tune, repeats unfolded, with its changes of meter, key and tempo."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from symbolic_bridge import midi_file as smf
from symbolic_bridge.abc_fields import felt_beat, is_clef, read_program, sounding_shift, without_octave
from symbolic_bridge.midi_file import MidiEvent, MidiFile
from symbolic_bridge.tune import Bar, Key, Meter, Tune
from symbolic_bridge.unfold import layers, sounds, unfold_tune

TICKS_PER_QUARTER = 480
DEFAULT_BPM = 120.0
VELOCITY = 80
# The tenth is percussion's.
_CHANNELS = (*range(9), *range(10, 16))


def midi_of_tune(tune: Tune) -> MidiFile:
    """The tune as the events of a MIDI file: a track of meta events and one for each voice and each overlay of one.

    Programs (%%MIDI program), transposing clefs and `transpose=` are followed.

    Raises:
        ValueError: a note leaves MIDI's 0 to 127.
    """
    played = unfold_tune(tune)
    tracks = [tuple(_conductor(played))]
    voices = [(played.first_voice, played.bars), *((voice.name, voice.bars) for voice in played.voices)]
    declared = {without_octave(text)[0]: text for letter, text in played.header.fields if letter == "V"}
    for number, (name, bars) in enumerate(voices):
        channel = _CHANNELS[number % len(_CHANNELS)]
        title = tune.header.title if number == 0 else name
        settings = declared.get(name, "")
        shifts = _shifts(settings if is_clef(settings) else tune.header.clef, bars)
        for layer, notes in enumerate(layers(bars)):
            events = [] if layer else _programs(tune, bars, channel)
            for sound in sounds(bars, notes):
                pitch = sound.midi + shifts[sound.bar]
                if not 0 <= pitch <= 127:
                    raise ValueError(
                        f"bar {sound.bar + 1} has a note at MIDI {pitch}; notes end at 0 and 127"
                    )
                events.append(MidiEvent(_ticks(sound.start), 0x90 | channel, bytes([pitch, VELOCITY])))
                events.append(MidiEvent(_ticks(sound.end), 0x80 | channel, bytes([pitch, 0])))
            # Ends before starts, so that a repeated pitch sounds again; programs before both.
            events.sort(key=lambda event: (event.tick, event.status >> 4 != 0xC, event.status))
            tracks.append((MidiEvent(0, smf.META, _name(title), smf.TRACK_NAME), *events))
    return MidiFile(TICKS_PER_QUARTER, tuple(tracks))


def _shifts(settings: str, bars: Sequence[Bar]) -> list[int]:
    """Semitones that the clef in force moves each bar by."""
    shift = sounding_shift(settings)
    shifts = []
    for bar in bars:
        shift = sounding_shift(bar.clef) if bar.clef else shift
        shifts.append(shift)
    return shifts


def _programs(tune: Tune, bars: Sequence[Bar], channel: int) -> list[MidiEvent]:
    """Changes of program: the header's at the start, then those at bars."""
    events = []
    header = [text for letter, text in tune.header.fields if letter in ("%%", "I")]
    now = Fraction(0)
    for index, bar in enumerate(bars):
        lines = [line[2:] for line in bar.lines if line[:2] in ("%%", "I:")]
        for text in [*(header if index == 0 else ()), *lines]:
            program = read_program(text)
            if program is not None:
                events.append(MidiEvent(_ticks(now), 0xC0 | channel, bytes([program])))
        now += bar.duration
    return events


def _name(title: str) -> bytes:
    return title.encode("utf-8", "replace")[:200]


def _ticks(wholes: Fraction) -> int:
    return round(wholes * 4 * TICKS_PER_QUARTER)


def _conductor(played: Tune) -> list[MidiEvent]:
    """Meta events: time signatures at every change, key signatures, tempi."""
    events: list[MidiEvent] = []
    now = Fraction(0)
    written: Meter | None = None
    meter, key, tempo = played.header.meter, played.header.key, played.header.tempo_bpm
    first_tempo: float | None = DEFAULT_BPM if tempo is None else tempo
    events.append(_key_event(0, key))
    for bars in _measures(played):
        if bars[0].meter:
            meter = bars[0].meter
        if bars[0].key and bars[0].key != key:
            key = bars[0].key
            events.append(_key_event(_ticks(now), key))
        change = bars[0].tempo_bpm if bars[0].tempo_bpm is not None else first_tempo
        if change is not None:
            micros = round(60e6 / (change * float(felt_beat(meter) * 4)))
            events.append(
                MidiEvent(_ticks(now), smf.META, min(micros, 0xFFFFFF).to_bytes(3, "big"), smf.TEMPO)
            )
            first_tempo = None
        length = sum((bar.duration for bar in bars), Fraction(0))
        shown = _measure_meter(length, meter)
        if shown and shown != written:
            clocks = min(255, round(felt_beat(shown) * 96))
            data = bytes([shown.beats, shown.unit.bit_length() - 1, clocks, 8])
            events.append(MidiEvent(_ticks(now), smf.META, data, smf.TIME_SIGNATURE))
            written = shown
        now += length
    return events


def _measures(played: Tune) -> list[list[Bar]]:
    """Bars joined to measures: a short bar and the rest of it behind a repeat sign are one."""
    groups: list[list[Bar]] = []
    # What is missing to a full measure in the last group; a whole tune's pickup is a measure by itself.
    room = Fraction(0)
    meter = played.header.meter
    for bar in played.bars:
        if groups and room and bar.duration == room and not (bar.meter or bar.key or bar.tempo_bpm):
            groups[-1].append(bar)
            room = Fraction(0)
            continue
        meter = bar.meter or meter
        groups.append([bar])
        room = (
            max(meter.bar_duration - bar.duration, Fraction(0)) if meter and len(groups) > 1 else Fraction(0)
        )
    return groups


def _measure_meter(length: Fraction, meter: Meter | None) -> Meter | None:
    """The meter to show for a measure; None where a time signature cannot say its length."""
    if meter and length == meter.bar_duration:
        return meter
    unit = max(length.denominator, meter.unit if meter else 4)
    beats = length * unit
    if unit > 32 or unit & (unit - 1) or beats.denominator != 1 or not 1 <= beats <= 64:
        return None
    return Meter(int(beats), unit)


def _key_event(tick: int, key: Key) -> MidiEvent:
    sharps = max(-7, min(7, key.sharps))
    minor = key.mode in ("minor", "dorian", "phrygian", "locrian")
    return MidiEvent(tick, smf.META, bytes([sharps & 0xFF, int(minor)]), smf.KEY_SIGNATURE)
