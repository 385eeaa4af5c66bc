"""The form of what the player makes up: which frames come back, and where its sections close and it ends."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

SECTION_BARS, SECTIONS = 8, "AABB"
# The same in phrases. Of 804 parts of eight bars of training tunes, 328 go as "abac"; "abab" do 39, all others fewer.
PHRASE_BARS, PHRASES = 2, "abacabacdedfdedf"
NEVER = 2**62


@dataclass(frozen=True)
class Form:
    """Parts of one length that come back where their letter does and, once all letters are over, as a whole.

    `first_frame`: where the first part begins; it need not be whole. `part_frames`: length of a part; 0 for no parts.
    `last_note`: the frames at which the last note begins and ends; after it nothing is played. `letters`: of the parts,
    as many for each of SECTIONS. `close_frames`: length of the note that closes a new section, shorter than a part;
    0 where none does.
    """

    first_frame: float = 0.0
    part_frames: float = 0.0
    last_note: tuple[int, int] = (NEVER, NEVER)
    letters: str = SECTIONS
    close_frames: float = 0.0

    def source(self, place: int) -> int | None:
        """The earlier frame that comes back at this one; None where something new is played."""
        if not self.part_frames or place >= self.last_note[0]:
            return None
        part = self._part(place)
        earlier = self._earlier(part)
        if earlier is None:
            return None
        source = self._start(earlier) + place - self._start(part)
        # Parts differ by a frame where their length is not whole.
        return min(source, self._start(earlier + 1) - 1) if source >= 0 else None

    def boundary(self, place: int) -> int:
        """Where a note that begins at this frame must be over at the latest."""
        begins, ends = self.last_note
        if place >= begins:
            return ends if place < ends else NEVER
        if not self.part_frames:
            return begins
        part = self._part(place)
        edges = [begins, self._start(part + 1), self._close(place)]
        earlier = self._earlier(part)
        if earlier is not None:
            # Of a part that began before the first frame, the rest comes back.
            edges.append(self._start(part) - self._start(earlier))
        return min(edge for edge in edges if edge is not None and edge > place)

    def closes(self, place: int) -> bool:
        """Whether a note that closes a section begins at this frame."""
        return place < self.last_note[0] and place == self._close(place)

    def _close(self, place: int) -> int | None:
        """Where the note begins that closes the part which a frame lies in; None where none does or it comes back."""
        if not (self.part_frames and self.close_frames) or self.source(place) is not None:
            return None
        following = self._part(place) + 1
        if following < 1 or following % (len(self.letters) // len(SECTIONS)):
            return None
        return round(self.first_frame + following * self.part_frames - self.close_frames)

    def _earlier(self, part: int) -> int | None:
        """The part that comes back in this one; None where it is new."""
        turn = part % len(self.letters)
        before = self.letters + self.letters[:turn]
        earlier = part - (len(before) - before.rindex(self.letters[turn]))
        return earlier if earlier >= 0 else None

    def _part(self, place: int) -> int:
        """Number of the part that a frame lies in; below 0 before the first."""
        guess = floor((place - self.first_frame) / self.part_frames)
        return guess + (place >= self._start(guess + 1)) - (place < self._start(guess))

    def _start(self, part: int) -> int:
        """The first frame of a part."""
        return round(self.first_frame + part * self.part_frames)
