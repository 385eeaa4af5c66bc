"""Standard MIDI files, byte for byte: just what tunes need.

Faults are refused with their place rather than guessed around, with one exception that old files need: a running status
lasts over meta events and system exclusive messages.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

META = 0xFF
END_OF_TRACK, TEMPO, TIME_SIGNATURE, KEY_SIGNATURE, TRACK_NAME = 0x2F, 0x51, 0x58, 0x59, 0x03
MAX_BYTES = 20_000_000
# An event takes about 200 bytes of memory; a symphony has a fifth of this.
MAX_EVENTS = 500_000
_DATA_BYTES = {0x8: 2, 0x9: 2, 0xA: 2, 0xB: 2, 0xC: 1, 0xD: 1, 0xE: 2}


@dataclass(frozen=True)
class MidiEvent:
    """An event at `tick` from the start: a channel message, or a meta event with its `kind` (else -1).

    `status` is the first byte of the message (0xFF for meta); `data` is what follows it.
    """

    tick: int
    status: int
    data: bytes
    kind: int = -1


@dataclass(frozen=True)
class MidiFile:
    """Ticks of a quarter note and the events of every track.

    `format` 0 has one track; 1 has tracks that sound together; 2 has tracks that are pieces of their own, each with its
    own meter and tempo.
    """

    ticks_per_quarter: int
    tracks: tuple[tuple[MidiEvent, ...], ...]
    format: int = 1


def write_midi_bytes(file: MidiFile) -> bytes:
    """The bytes of a file; events keep their order within a tick."""
    head = _words(file.format, len(file.tracks), file.ticks_per_quarter)
    chunks = [b"MThd" + (6).to_bytes(4, "big") + head]
    for track in file.tracks:
        body, now = bytearray(), 0
        for event in sorted(track, key=lambda item: item.tick):
            body += _variable(event.tick - now) + bytes([event.status])
            if event.status == META:
                body += bytes([event.kind]) + _variable(len(event.data))
            body += event.data
            now = event.tick
        body += b"\x00" + bytes([META, END_OF_TRACK, 0])
        chunks.append(b"MTrk" + len(body).to_bytes(4, "big") + bytes(body))
    return b"".join(chunks)


def _words(*values: int) -> bytes:
    return b"".join(value.to_bytes(2, "big") for value in values)


def _variable(value: int) -> bytes:
    """A number in groups of seven bits, all but the last marked."""
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.append(0x80 | (value & 0x7F))
    return bytes(reversed(groups))


def read_midi_bytes(data: bytes) -> MidiFile:
    """Read a MIDI file of format 0, 1 or 2.

    Raises:
        ValueError: the bytes are no such file, end too early or hold more than MAX_BYTES or MAX_EVENTS; the message
            says what was found at which byte.
    """
    if len(data) > MAX_BYTES:
        raise ValueError(f"found {len(data)} bytes; allowed are {MAX_BYTES}")
    if not data:
        raise ValueError("found 0 bytes (an empty file); a MIDI file begins with MThd")
    if data[:4] == b"RIFF" and data[8:12] == b"RMID":
        start = data.find(b"MThd")
        data = data[start:] if start > 0 else data
    if data[:4] != b"MThd":
        raise ValueError(f"found {data[:4]!r} at byte 0; a MIDI file begins with b'MThd'")
    if len(data) < 14:
        raise ValueError(f"found {len(data)} bytes; a MIDI file's header takes 14 (the file is cut off)")
    length = int.from_bytes(data[4:8], "big")
    kind, count, division = (int.from_bytes(data[at : at + 2], "big") for at in (8, 10, 12))
    if kind not in (0, 1, 2):
        raise ValueError(f"found a MIDI file of format {kind}; allowed are 0, 1 and 2")
    if division & 0x8000 or division == 0:
        raise ValueError(
            f"found time division {division:#06x}; allowed are ticks of a quarter note, 1 to 32767"
        )
    tracks: list[tuple[MidiEvent, ...]] = []
    place, room = 8 + length, MAX_EVENTS
    while len(tracks) < count:
        head = data[place : place + 8]
        if len(head) < 8:
            raise ValueError(
                f"found the end at byte {len(data)} after {len(tracks)} of {count} tracks (cut off)"
            )
        size = int.from_bytes(head[4:], "big")
        place += 8
        if place + size > len(data):
            raise ValueError(
                f"found the end at byte {len(data)}; the track at byte {place} needs {size} bytes (cut off)"
            )
        if head[:4] == b"MTrk":
            tracks.append(_read_track(data, place, place + size, room))
            room -= len(tracks[-1])
        else:
            # Chunks of other kinds are to be passed over; they count as tracks of nothing.
            count -= head[:4] == b"\x00\x00\x00\x00"
            if place >= len(data):
                break
        place += size
    return MidiFile(division, tuple(tracks), kind)


class _Reader:
    """Bytes [place, stop) of a file, taken one after another."""

    def __init__(self, data: bytes, place: int, stop: int) -> None:
        self.data, self.place, self.stop = data, place, stop

    def take(self, count: int) -> bytes:
        if self.place + count > self.stop:
            raise ValueError(f"found the end of a track at byte {self.stop} inside an event (cut off)")
        self.place += count
        return self.data[self.place - count : self.place]

    def variable(self) -> int:
        value = 0
        for _ in range(4):
            byte = self.take(1)[0]
            value = (value << 7) | (byte & 0x7F)
            if byte < 0x80:
                return value
        raise ValueError(f"found a number longer than 4 bytes at byte {self.place}; MIDI has at most 4")


def _read_track(data: bytes, place: int, stop: int, room: int) -> tuple[MidiEvent, ...]:
    reader = _Reader(data, place, stop)
    events: list[MidiEvent] = []
    tick, running = 0, 0
    while reader.place < stop:
        if len(events) > room:
            raise ValueError(
                f"found more than {MAX_EVENTS} events up to byte {reader.place}; allowed is a tune"
            )
        tick += reader.variable()
        status = reader.take(1)[0]
        if status == META:
            kind = reader.take(1)[0]
            events.append(MidiEvent(tick, META, reader.take(reader.variable()), kind))
            if kind == END_OF_TRACK:
                break
        elif status in (0xF0, 0xF7):
            reader.take(reader.variable())
        elif status > 0xF0:
            raise ValueError(
                f"found byte {status:#04x} at byte {reader.place - 1}; it cannot stand in a file's track"
            )
        else:
            if status < 0x80:
                reader.place -= 1
                status = running
            if not status:
                raise ValueError(f"found a data byte at byte {reader.place} where a MIDI message must begin")
            running = status
            message = reader.take(_DATA_BYTES[status >> 4])
            if max(message) > 0x7F:
                raise ValueError(
                    f"found byte {max(message):#04x} in the message before byte {reader.place}; allowed 0 to 127"
                )
            events.append(MidiEvent(tick, status, message))
    return tuple(events)


def note_spans(track: Sequence[MidiEvent]) -> dict[int, list[tuple[int, int, int]]]:
    """Notes of a track by channel: (start tick, end tick, pitch), by start; unended ones end with the track."""
    spans: dict[int, list[tuple[int, int, int]]] = {}
    sounding: dict[tuple[int, int], deque[int]] = {}
    last = track[-1].tick if track else 0
    for event in track:
        message, channel = event.status >> 4, event.status & 0xF
        if message == 0x9 and event.data[1]:
            sounding.setdefault((channel, event.data[0]), deque()).append(event.tick)
        elif message in (0x8, 0x9):
            starts = sounding.get((channel, event.data[0]))
            if starts:
                spans.setdefault(channel, []).append((starts.popleft(), event.tick, event.data[0]))
    for (channel, pitch), starts in sounding.items():
        spans.setdefault(channel, []).extend((start, last, pitch) for start in starts)
    return {channel: sorted(span for span in found if span[1] > span[0]) for channel, found in spans.items()}
