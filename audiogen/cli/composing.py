"""What `audiogen compose` is asked of the notes: options to wishes, and wishes to a tune with its plan."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from audiogen.cli.originals import Originals
    from audiogen.composer import Composition
    from audiogen.composer_rework import GivenTune
    from audiogen.composer_wishes import ComposingWishes
    from audiogen.generator import Generator
    from audiogen.options import Options
    from symbolic_bridge.attributes import TuneAttributes
    from symbolic_bridge.plans import Plan
    from symbolic_bridge.tune import Tune

DEFAULT_STRENGTH = 0.4
_NOTE = re.compile(r"([A-G])([#b]?)(-?\d)")
_RANGE = re.compile(rf"({_NOTE.pattern})-({_NOTE.pattern})")
_BARS = re.compile(r"(\d{1,4})(?:-(\d{1,4}))?")


@dataclass(frozen=True)
class NotesAsked:
    """Options as they were typed; None where one was not."""

    plan: Path | None = None
    chords: str | None = None
    start: Path | None = None
    infill: Path | None = None
    bars: str | None = None
    vary: Path | None = None
    strength: float | None = None
    density: str | None = None
    pitch_range: str | None = None
    ornaments: str | None = None
    plan_depth: str | None = None

    def __post_init__(self) -> None:
        sources = {"--plan": self.plan, "--start": self.start, "--infill": self.infill, "--vary": self.vary}
        named = [name for name, value in sources.items() if value is not None]
        if len(named) > 1:
            raise ValueError(f"{' and '.join(named)}: only one of them can be given")
        if (self.infill is None) != (self.bars is None):
            raise ValueError("--infill FILE needs --bars A-B, and --bars needs --infill")
        if self.strength is not None and self.vary is None:
            raise ValueError("--strength needs --vary FILE")
        if self.reworks and (
            self.chords or self.density or self.pitch_range or self.ornaments or self.plan_depth
        ):
            raise ValueError(
                "--infill and --vary keep to the tune: no --chords, --plan-depth, --density, --range or --ornaments"
            )
        if self.chords and self.start:
            raise ValueError("--start: the phrase has chords of its own; leave --chords out")

    @property
    def reworks(self) -> bool:
        """Whether a tune is to be changed rather than made."""
        return self.infill is not None or self.vary is not None

    def given(self) -> GivenTune:
        """The tune to change or go on from.

        Raises:
            ValueError: no such file, or none that can be worked on; names the file.
        """
        from audiogen.composer_rework import GivenTune
        from audiogen.tune_files import read_one_tune

        path = self.infill or self.vary or self.start
        assert path is not None
        tune, _ = read_one_tune(path)
        try:
            return GivenTune.of(tune)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error

    def bar_range(self) -> tuple[int, int]:
        """First and last bar of --bars."""
        found = _BARS.fullmatch(self.bars or "")
        if found is None:
            raise ValueError(f"--bars {self.bars}: a range such as 5-8 is needed")
        return int(found[1]), int(found[2] or found[1])

    def job(self, prompt: str | None, options: Options) -> ComposingJob:
        """What is to be done.

        Raises:
            ValueError: there are no words and nothing that could stand in for them, or an option cannot be read.
        """
        from audiogen.options import ask

        if self.reworks:
            if prompt is not None or options.key is not None or options.tempo_bpm is not None:
                raise ValueError("--infill and --vary keep to the tune: no PROMPT, --key or --tempo")
            given = self.given()
            return ComposingJob(self, given.attributes(), given=given)
        if prompt is None and self.plan is None and self.start is None:
            raise ValueError('nothing to write: give a PROMPT such as "a lively jig", --plan or --start FILE')
        asked, wishes = self.wishes(ask(prompt, options))
        return ComposingJob(self, wishes.filled(asked), wishes)

    def wishes(self, asked: TuneAttributes) -> tuple[TuneAttributes, ComposingWishes]:
        """What is asked for, with what the options' files and chords add to it.

        Raises:
            ValueError: an option cannot be read; names it.
        """
        from audiogen.composer_rework import continuation
        from audiogen.composer_wishes import ComposingWishes, over_chords

        wishes = ComposingWishes()
        if self.start is not None:
            given = self.given()
            wishes = continuation(given, asked.form)
            own = given.attributes()
            if asked.kind not in (None, own.kind) or asked.meter not in (None, own.meter):
                raise ValueError(
                    f"{self.start}: is a {own.kind} in {own.meter}; the rest cannot be another kind"
                )
            if asked.tempo_bpm is None and own.tempo_bpm is not None:
                asked = replace(asked, tempo_bpm=own.tempo_bpm, tempo_is_felt=True)
        if self.plan is not None:
            wishes = replace(wishes, plan=read_plan(self.plan))
        if self.chords is not None:
            asked, wishes = over_chords(asked, wishes, self.chords)
        if self.plan_depth is not None:
            wishes = replace(wishes, depth=self.plan_depth)
        if self.density is not None:
            wishes = replace(wishes, density=self.density)
        if self.ornaments is not None:
            wishes = replace(wishes, ornaments=self.ornaments)
        if self.pitch_range is not None:
            lowest, highest = read_range(self.pitch_range)
            wishes = replace(wishes, lowest=lowest, highest=highest)
        return asked, wishes


@dataclass(frozen=True)
class ComposingJob:
    """What is to be done: a tune to make from attributes and wishes, or a `given` one to change."""

    options: NotesAsked
    asked: TuneAttributes
    wishes: ComposingWishes | None = None
    given: GivenTune | None = None

    def compose(self, writer: Generator, seed: int) -> Composition:
        """One tune, and its plan."""
        from audiogen.composer_rework import infill, vary

        if self.given is None:
            return writer.compose_with_plan(self.asked, seed, self.wishes)
        drawing = writer.drawing(seed)
        if self.options.infill is not None:
            return infill(writer.composer, self.given, *self.options.bar_range(), drawing)
        strength = DEFAULT_STRENGTH if self.options.strength is None else self.options.strength
        return vary(writer.composer, self.given, strength, drawing)


@dataclass(frozen=True)
class SetAsked:
    """--set and --times as they were typed; None where one was not, and then a tune stands by itself."""

    tunes: int | None = None
    times: int | None = None

    def check(self, notes: NotesAsked, save_plan: Path | None) -> None:
        """Refuse what makes no set.

        Raises:
            ValueError: numbers out of range, or an option that is of one tune; names it.
        """
        from symbolic_bridge.tune_sets import MOST_TIMES, MOST_TUNES

        if self.tunes is None:
            if self.times is not None:
                raise ValueError("--times needs --set N")
            return
        if not 2 <= self.tunes <= MOST_TUNES:
            raise ValueError(f"--set {self.tunes}: 2 to {MOST_TUNES} tunes are allowed")
        if self.times is not None and not 1 <= self.times <= MOST_TIMES:
            raise ValueError(f"--times {self.times}: 1 to {MOST_TIMES} are allowed")
        of_one = {
            "--plan": notes.plan, "--save-plan": save_plan, "--chords": notes.chords, "--start": notes.start,
            "--infill": notes.infill, "--vary": notes.vary,
        }  # fmt: skip
        named = [name for name, value in of_one.items() if value is not None]
        if named:
            raise ValueError(f"--set writes tunes in several keys: it takes no {', '.join(named)}")

    def compose(
        self, job: ComposingJob, writer: Generator, seed: int, originals: Originals
    ) -> list[Composition]:
        """The tunes of a set, or the one tune; the first is what the seed gives without a set.

        The others are in related keys: of the mode that was asked for, if no key was.
        """
        from audiogen.seeds import stage_rng, stage_seed
        from symbolic_bridge.attributes import resolve
        from symbolic_bridge.tune_sets import related_keys

        def one(each: ComposingJob, its_seed: int) -> Composition:
            return originals.draw(lambda own: each.compose(writer, own), its_seed, lambda made: made.tune)

        made = [one(job, seed)]
        if self.tunes is not None:
            mode = None if job.asked.tonic else resolve(job.asked).mode
            keys = related_keys(made[0].tune.header.key, self.tunes, stage_rng(seed, "keys of a set"), mode)
            for place, key in enumerate(keys[1:], 2):
                another = replace(job, asked=replace(job.asked, tonic=key.tonic, mode=key.mode))
                made.append(one(another, stage_seed(seed, f"tune {place} of a set")))
        return made

    def joined(self, tunes: list[Tune]) -> Tune:
        """The tunes as one."""
        from symbolic_bridge.tune_sets import USUAL_TIMES, join_tunes

        return tunes[0] if self.tunes is None else join_tunes(tunes, self.times or USUAL_TIMES)


def read_plan(path: Path) -> Plan:
    """The plan in a JSON file.

    Raises:
        ValueError: no such file, or no plan; names the file and the place in it.
    """
    from symbolic_bridge.plans import Plan, PlanError

    try:
        return Plan.from_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or error}") from error
    except (UnicodeDecodeError, PlanError) as error:
        raise ValueError(f"{path}: {error}") from error


def read_range(text: str) -> tuple[int, int]:
    """Two MIDI pitches from "D4-B5"; C4 is 60."""
    found = _RANGE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"--range {text}: two notes such as D4-B5 are needed")
    return _midi(found[1]), _midi(found[5])


def _midi(name: str) -> int:
    from symbolic_bridge.tune import LETTER_SEMITONES, LETTERS

    found = _NOTE.fullmatch(name)
    assert found is not None
    return (
        12 * (int(found[3]) + 1)
        + LETTER_SEMITONES[LETTERS.index(found[1])]
        + {"": 0, "#": 1, "b": -1}[found[2]]
    )
