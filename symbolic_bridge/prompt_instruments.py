"""Who plays: which of the instruments in a prompt leads and which accompanies."""

from __future__ import annotations

from dataclasses import dataclass

from symbolic_bridge.instruments import ACCOMPANIMENTS
from symbolic_bridge.prompt_tokens import Reading
from symbolic_bridge.prompt_words import ACCOMPANIMENT_WORDS, Meaning

DEFAULT_ACCOMPANIMENT = "guitar"
_ARTICLES = {
    "a", "an", "the", "some", "simple", "light", "just", "only", "of", "my", "one", "solo", "single", "soft", "gentle",
    "quiet", "sparse", "nice", "bit", "acoustic", "any",
}  # fmt: skip
_LEAD_WORDS = {"on", "for", "lead", "by", "playing", "using"}
_BEHIND_WORDS = {"over", "behind", "underneath", "under"}
_LED_BY = {"lead", "solo", "melody", "leads", "leading", "alone", "only", "unaccompanied"}


@dataclass(frozen=True)
class _Mention:
    """One instrument in the prompt. `role`: "lead", "backing" (both as said), "with" or "" where nothing says."""

    index: int
    said: str
    id: str
    role: str


def read_instruments(reading: Reading, entries: list[tuple[int, int, Meaning]]) -> None:
    """Set `instrument` and `accompaniment` from the phrases about players, (start, end, meaning) in their order."""
    backing_asked = any(
        meaning.role == "backing" and start not in reading.negated for start, _, meaning in entries
    )
    # "no guitar accompaniment" rules out the guitar; "no accompaniment" everything.
    nobody = any(
        meaning.role == "backing" and start in reading.negated and start - 1 not in reading.negated
        for start, _, meaning in entries
    )
    nobody |= any(
        meaning.role == "unaccompanied" and start not in reading.negated for start, _, meaning in entries
    )
    players = {
        index
        for start, end, meaning in entries
        if meaning.role == "instrument"
        for index in range(start, end)
    }
    mentions: list[_Mention] = []
    for start, end, meaning in entries:
        if meaning.role != "instrument":
            continue
        said = reading.quote(start, end)
        if start in reading.negated:
            _leave_out(reading, said, str(meaning.value))
            continue
        if meaning.stand_in and not meaning.value:
            reading.note(
                f"{meaning.stand_in!r} is no instrument we have, nor is any near it; it was left out"
            )
            continue
        if meaning.stand_in:
            reading.note(f"{meaning.stand_in!r} is no instrument we have; the nearest is {meaning.value!r}")
        mention = _Mention(start, said, str(meaning.value), _role(reading, start, end, players))
        if all((mention.id, mention.role) != (other.id, other.role) for other in mentions):
            mentions.append(mention)
    _assign(reading, mentions, backing_asked, nobody)


def _leave_out(reading: Reading, said: str, instrument_id: str) -> None:
    if instrument_id in ACCOMPANIMENTS or not instrument_id:
        reading.values.setdefault("accompaniment", "none")
    else:
        reading.note(f"an instrument cannot be ruled out as the lead: {said!r} was left out")


def _role(reading: Reading, start: int, end: int, players: set[int]) -> str:
    """What the words around an instrument make of it; `players`: indices of all words that name instruments."""
    after = end + 1 if reading.word(end) == "player" else end
    if reading.word(after) in ACCOMPANIMENT_WORDS and reading.word(after + 1) not in ("by", "with"):
        return "backing"
    if reading.word(after) in ("in", "on") and reading.word(after + 2) == "background":
        return "backing"
    if reading.word(after) in _LED_BY:
        return "lead"
    back = start - 1
    while reading.word(back) in _ARTICLES:
        if reading.word(back) == "solo":
            return "lead"
        back -= 1
    before = reading.word(back)
    if before in ("by", "on", "from") and reading.word(back - 1) in ACCOMPANIMENT_WORDS:
        # "accompaniment on guitar", but not "guitar chords on the pipes" nor "no accompaniment on the pipes".
        spoken_for = before == "on" and (back - 2 in players or back - 1 in reading.negated)
        return "lead" if spoken_for else "backing"
    if before in ACCOMPANIMENT_WORDS or before in _BEHIND_WORDS:
        return "backing"
    if before in _LEAD_WORDS:
        return "lead"
    if before in ("with", "plus", "featuring", "but"):
        return "with"
    return ""


def _assign(reading: Reading, mentions: list[_Mention], backing_asked: bool, nobody: bool) -> None:
    backing = next((mention for mention in mentions if mention.role == "backing"), None)
    others = [mention for mention in mentions if mention is not backing and mention.role != "backing"]
    lead = next((mention for mention in others if mention.role == "lead"), None)
    can_accompany = [mention for mention in others if mention is not lead and mention.id in ACCOMPANIMENTS]
    if backing is None and not nobody and can_accompany:
        melodic = [mention for mention in others if mention.id not in ACCOMPANIMENTS]
        if lead is not None or melodic:
            backing = can_accompany[0]
        else:
            # "with guitar" backs the kind's usual lead; in "guitar and piano" the first leads.
            withs = [mention for mention in can_accompany if mention.role == "with"]
            backing = withs[0] if withs else can_accompany[1] if len(can_accompany) > 1 else None
    if lead is None:
        lead = next((mention for mention in others if mention is not backing), None)
    if lead is not None:
        reading.values["instrument"] = lead.id
    if backing is not None:
        if backing.id in ACCOMPANIMENTS:
            reading.values["accompaniment"] = backing.id
        else:
            reading.note(
                f"{backing.said!r} cannot accompany here; of {', '.join(ACCOMPANIMENTS[1:])} "
                f"{DEFAULT_ACCOMPANIMENT!r} was taken"
            )
            reading.values["accompaniment"] = DEFAULT_ACCOMPANIMENT
    elif nobody:
        reading.values["accompaniment"] = "none"
    elif backing_asked:
        reading.values.setdefault("accompaniment", DEFAULT_ACCOMPANIMENT)
    for mention in mentions:
        used = {lead.id if lead else None, backing.id if backing else None}
        if mention is not lead and mention is not backing and mention.id not in used:
            reading.note(f"one lead and one accompaniment can play: {mention.said!r} was left out")
    if backing is not None and nobody:
        reading.note(f"both no accompaniment and {backing.said!r} were asked for; {backing.id!r} plays")
