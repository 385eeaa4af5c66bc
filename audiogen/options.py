"""What is asked for beside the prompt, and what wins: option > prompt > tune file > default of the tune's kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from audiogen.guidance import Guidance
from symbolic_bridge.attributes import LONGEST_SECONDS, TuneAttributes, resolve
from symbolic_bridge.chord_symbols import read_progression
from symbolic_bridge.instruments import ACCOMPANIMENTS, LEADS, normalise_instrument
from symbolic_bridge.kinds import kind_of
from symbolic_bridge.moods import MOODS
from symbolic_bridge.tune import Tune

ROUTES = ("tune", "free", "soundfont")
MIN_SECONDS, MAX_SECONDS = 1.0, LONGEST_SECONDS
MIN_TEMPO_BPM, MAX_TEMPO_BPM = 20.0, 400.0
FREE_SECONDS = 20.0
MAX_SEED = 2**63 - 1
MAX_COUNT = 1000


@dataclass(frozen=True)
class Options:
    """What is asked for beside the prompt; None leaves it to the prompt, the file or the kind of tune.

    `duration` in seconds; `route` one of ROUTES; `tempo_bpm` felt beats a minute; `key` such as "D" or "A dorian";
    `instrument` and `accompaniment` by any of their names, the latter also "none" and "auto". `chords` bar by bar, such
    as "G|C D|G", over and over. `guidance`: how far the player is pushed towards what it is told.
    """

    duration: float | None = None
    seed: int | None = None
    route: str | None = None
    tempo_bpm: float | None = None
    key: str | None = None
    instrument: str | None = None
    accompaniment: str | None = None
    chords: str | None = None
    guidance: Guidance | None = None

    def __post_init__(self) -> None:
        check_wishes(self.duration, self.tempo_bpm, self.seed)
        if self.route is not None and self.route not in ROUTES:
            raise ValueError(f"route {self.route!r} is not one of {', '.join(ROUTES)}")
        if self.instrument is not None:
            lead_id(self.instrument)
        if self.accompaniment is not None:
            accompaniment_id(self.accompaniment)
        _ = self.progression  # refused if it cannot be read

    @property
    def progression(self) -> tuple[tuple[str, ...], ...]:
        """The symbols of `chords`, bar by bar; none where there are none."""
        return () if self.chords is None else read_progression(self.chords)


def check_wishes(duration: float | None, tempo_bpm: float | None, seed: int | None, count: int = 1) -> None:
    """Refuse what cannot be done before anything is loaded.

    Raises:
        ValueError: quoting the value and the range.
    """
    if duration is not None and not MIN_SECONDS <= duration <= MAX_SECONDS:
        raise ValueError(f"duration {duration:g} s: {MIN_SECONDS:g} to {MAX_SECONDS:g} seconds are allowed")
    if tempo_bpm is not None and not MIN_TEMPO_BPM <= tempo_bpm <= MAX_TEMPO_BPM:
        raise ValueError(
            f"tempo {tempo_bpm:g}: {MIN_TEMPO_BPM:g} to {MAX_TEMPO_BPM:g} beats a minute are allowed"
        )
    if not 1 <= count <= MAX_COUNT:
        raise ValueError(f"-n {count}: 1 to {MAX_COUNT} are allowed")
    if seed is not None and not 0 <= seed <= MAX_SEED - (count - 1):
        raise ValueError(f"seed {seed}: 0 to {MAX_SEED - (count - 1)} are allowed")


def lead_id(name: str) -> str:
    """Id of a lead instrument by any of its names."""
    found = normalise_instrument(name)
    if found is None or found not in LEADS:
        raise ValueError(f"instrument {name!r} is not one of {', '.join(LEADS)}")
    return found


def accompaniment_id(name: str) -> str:
    """Id of an accompaniment by any of its names; "none" and "auto" stay."""
    if name.lower() in ("none", "auto"):
        return name.lower()
    found = normalise_instrument(name)
    if found is None or found not in ACCOMPANIMENTS:
        raise ValueError(f"accompaniment {name!r} is not one of {', '.join((*ACCOMPANIMENTS, 'auto'))}")
    return found


def ask(prompt: str | None, options: Options, kept: TuneAttributes | None = None) -> TuneAttributes:
    """The attributes of a prompt, outranked by the options; None where nothing was said.

    Args:
        prompt: None where there is none (a given tune is simply played).
        kept: attributes that stand in for those of a prompt.

    Raises:
        PromptError: the prompt is empty or has nothing musical in it.
        ValueError: an option is not known.
    """
    from symbolic_bridge.prompts import parse_key, parse_prompt

    wishes = (kept or TuneAttributes()) if prompt is None else parse_prompt(prompt)
    if options.key is not None:
        tonic, mode = parse_key(options.key)
        wishes = replace(wishes, tonic=tonic, mode=mode)
    if options.tempo_bpm is not None:
        wishes = replace(wishes, tempo_bpm=options.tempo_bpm, tempo_is_felt=True)
    if options.duration is not None:
        wishes = replace(wishes, duration_seconds=options.duration)
    if options.instrument is not None:
        wishes = replace(wishes, instrument=lead_id(options.instrument))
    if options.accompaniment is not None and accompaniment_id(options.accompaniment) != "auto":
        wishes = replace(wishes, accompaniment=accompaniment_id(options.accompaniment))
    if wishes.duration_seconds is not None:
        check_wishes(wishes.duration_seconds, None, None)
    return wishes


def check_prompts(prompts: Sequence[str | None], options: Options) -> list[TuneAttributes]:
    """`ask` of every prompt, before anything is made of any.

    Raises:
        PromptError, ValueError: as `ask`; of several prompts the message says which.
    """
    asked = []
    for number, prompt in enumerate(prompts, start=1):
        try:
            asked.append(ask(prompt, options))
        except ValueError as error:
            if len(prompts) == 1:
                raise
            raise type(error)(f"prompt {number} of {len(prompts)}, {prompt!r}: {error}") from error
    return asked


def fill_from_tune(wishes: TuneAttributes, tune: Tune, composed: bool = False) -> TuneAttributes:
    """What was not asked for, from the tune and then from its kind; `resolve` says how.

    A tempo of the file (Q:) stands in for that of the kind, so "slow" in a prompt slows it down all the same. The
    tempo of a tune that was `composed` for these wishes holds their pace already.
    """
    header = tune.header
    filled = replace(
        wishes,
        kind=wishes.kind or kind_of(tune).id,
        meter=header.meter,
        tonic=header.key.tonic,
        mode=header.key.mode,
    )
    if wishes.tempo_bpm is None and header.tempo_bpm is not None:
        mood_factor = MOODS[wishes.mood].tempo_factor if wishes.mood else 1.0
        tempo = header.tempo_bpm * (1.0 if composed else wishes.tempo_factor or mood_factor)
        tempo = min(max(tempo, MIN_TEMPO_BPM), MAX_TEMPO_BPM)
        filled = replace(filled, tempo_bpm=tempo, tempo_is_felt=True)
    resolved = resolve(filled)
    # A given tune has the parts and the bars it has; they are not counted here.
    return resolved if composed else replace(resolved, form=None, bars=None)


def beside_the_tune(wishes: TuneAttributes, tune: Tune) -> list[str]:
    """What was asked for of a given tune that cannot be made of it, a sentence each."""
    header, kind = tune.header, kind_of(tune).id
    found = []
    if wishes.mode is not None and wishes.mode != header.key.mode:
        found.append(f"the tune stays {header.key.mode}; it can be moved, not made {wishes.mode}")
    if wishes.meter is not None and wishes.meter != header.meter:
        found.append(f"the tune stays in {header.meter or 'free metre'}; it cannot be put in {wishes.meter}")
    if wishes.form is not None or wishes.bars is not None:
        found.append("the tune keeps its own parts and bars, whatever form and length were asked for")
    if wishes.kind is not None and wishes.kind != kind:
        found.append(f"the tune is a {kind}; its notes are played in the manner of a {wishes.kind}")
    return found


def beside_the_sound(wishes: TuneAttributes) -> list[str]:
    """What was asked for that the free route cannot follow, a sentence each."""
    names = {"form": "form", "bars": "number of bars"}
    ignored = [word for name, word in names.items() if getattr(wishes, name) is not None]
    return [f"the free route follows no {', '.join(ignored)}"] if ignored else []


def transposition(tune: Tune, wishes: TuneAttributes) -> int:
    """Semitones, -5 ... 6, from the tune's tonic to the one asked for; 0 where none was."""
    if wishes.tonic is None:
        return 0
    wanted = replace(tune.header.key, tonic=wishes.tonic, extra=()).tonic_pitch_class
    distance = (wanted - tune.header.key.tonic_pitch_class) % 12
    return distance if distance <= 6 else distance - 12


def check_device(name: str | None) -> str:
    """The device's name, the CPU's for None.

    Raises:
        ValueError: it cannot be used here.
    """
    if name is None or name == "cpu":
        return "cpu"
    import torch

    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        first = str(error).strip().splitlines()[0]
        raise ValueError(f"device {name!r} cannot be used: {first}") from error
    return name
