"""Making the cells of a comparison: every prompt by every route, each kept as soon as it is there."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audiogen.comparison.cells import Cell, Shelf, key_of
from audiogen.comparison.metrics.across import across_figures
from audiogen.comparison.metrics.adherence import adherence_figures
from audiogen.comparison.metrics.instruments import instrument_figures
from audiogen.comparison.metrics.melody import melody_figures
from audiogen.comparison.metrics.sound import sound_figures
from audiogen.comparison.metrics.symbolic import symbolic_figures
from audiogen.comparison.plan import (
    LLM_ROUTES,
    LLM_SOUNDFONT,
    OUR_ROUTES,
    REFERENCE,
    Plan,
    cell_name,
    folder_names,
)
from audiogen.evaluation.material import mono
from audiogen.loudness import normalise
from audiogen.progress import Progress
from audiogen.sonify.chat import ChatServer
from audiogen.sonify.conversation import converse
from audiogen.sonify.exchange import Exchange, Round, parse_exchange
from audiogen.sonify.sonifier import Manner, exchange_of_file, sonify, wanted_of
from audiogen.tune_files import READ_SUFFIXES, read_one_tune
from audiogen.version import VERSION
from codec.audio_files import read_audio
from codec.types import Waveform
from symbolic_bridge.analysis import MelodyIndex
from symbolic_bridge.attributes import TuneAttributes, resolve
from symbolic_bridge.moods import MOODS
from symbolic_bridge.performance import Performance
from symbolic_bridge.prompts import describe

if TYPE_CHECKING:
    from audiogen.clip import Clip
    from audiogen.generator import Generator

EXCHANGES = "exchanges"


class CellMaker:
    """Makes the cells of a plan on a shelf, or finds those that an earlier run has made.

    Args:
        plan: what is compared.
        shelf: where everything is kept.
        generator: our weights.
        corpus: tunes against which originality is measured; None leaves it out.
        progress: told each stage's name and how much of it is done.
    """

    def __init__(
        self,
        plan: Plan,
        shelf: Shelf,
        generator: Generator,
        corpus: MelodyIndex | None = None,
        progress: Progress = lambda stage, done: None,
    ) -> None:
        self._plan, self._shelf, self._generator, self._corpus = plan, shelf, generator, corpus
        self._progress = progress
        self._folders = dict(zip(folder_names(plan.folders), plan.folders, strict=True))

    def cell(self, number: int, route: str) -> tuple[Cell, bool]:
        """One cell, and whether it was there already; what cannot be made says why in `error`.

        Args:
            number: of the prompt, from 1.
            route: one of the plan's columns.
        """
        name, key = cell_name(number, route), self._key(number, route)
        kept = self._shelf.get(name, key)
        if kept is not None:
            return kept, True
        prompt, seed = self._plan.prompts[number - 1], self._plan.seed + number - 1
        try:
            cell, sound, performance = self._made(number, route, prompt, seed)
        except ValueError as error:
            cell, sound, performance = (
                Cell(prompt, route, seed, error=" ".join(str(error).split())),
                None,
                None,
            )
        self._shelf.put(name, key, cell, sound, performance)
        return cell, False

    def _key(self, number: int, route: str) -> str:
        plan = self._plan
        facts: dict[str, Any] = {
            "version": VERSION, "prompt": plan.prompts[number - 1], "route": route, "seconds": plan.seconds,
            "seed": plan.seed + number - 1, "weights": self._generator.fingerprint,
            "corpus": None if self._corpus is None else len(self._corpus.names),
        }  # fmt: skip
        files: tuple[Path, ...] = ()
        if route in LLM_ROUTES and plan.llm is not None:
            facts["llm"] = {
                "question": None if plan.llm.question is None else asdict(plan.llm.question), "url": plan.llm.base_url
            }  # fmt: skip
            files = _own(plan.llm.replies, number)
        elif route == REFERENCE:
            files = _own(plan.references, number)
        elif route in self._folders:
            files = tuple(path for path in [self._folder_file(route, number)] if path is not None)
        return key_of(facts, files)

    def _made(
        self, number: int, route: str, prompt: str, seed: int
    ) -> tuple[Cell, Waveform, Performance | None]:
        wanted, notes = wanted_of(prompt)
        if route in OUR_ROUTES:
            clip = self._generator.generate(
                prompt, duration=self._plan.seconds, seed=seed, route=route, progress=self._stages(route)
            )
            return self._of_clip(prompt, route, seed, wanted, clip, clip.warnings)
        if route in LLM_ROUTES:
            return self._by_llm(number, route, prompt, seed, wanted)
        file = (
            _own(self._plan.references, number)[0] if route == REFERENCE else self._folder_file(route, number)
        )
        if file is None:
            raise ValueError(f"{self._folders[route]}: holds no WAV file for prompt {number}")
        if route == REFERENCE and file.suffix.lower() in READ_SUFFIXES:
            tune, warnings = read_one_tune(file)
            players = resolve(wanted)
            clip = self._generator.perform(
                tune, duration=self._plan.seconds, seed=seed, route="soundfont",
                instrument=players.instrument, accompaniment=players.accompaniment or "none",
                progress=self._stages(route),
            )  # fmt: skip
            return self._of_clip(prompt, route, seed, wanted, clip, (*warnings, *clip.warnings))
        sound = self._of_file(file)
        cell = Cell(
            prompt, route, seed, seconds=round(sound.seconds, 3), understood="", title=file.stem, notes=notes,
            figures=_rounded(self._sound_figures(sound, None, wanted, None)),
        )  # fmt: skip
        return cell, sound, None

    def _of_file(self, file: Path) -> Waveform:
        """A recording as our routes give theirs: mono, at the codec's rate, at one loudness, cut to the length."""
        rate = self._generator.codec.spec.sample_rate
        sound = read_audio(file, sample_rate=rate, channels=1)
        samples = sound.samples[..., : round(self._plan.seconds * rate)]
        return normalise(Waveform(samples, rate))

    def _folder_file(self, route: str, number: int) -> Path | None:
        """The file of a prompt in another model's folder: the one whose name begins with its number, else by order."""
        files = sorted(path for path in self._folders[route].iterdir() if path.suffix.lower() == ".wav")
        numbered = [path for path in files if path.name[:2] == f"{number:02d}"]
        if numbered:
            return numbered[0]
        plain = not any(path.name[:2].isdigit() for path in files)
        return files[number - 1] if plain and number <= len(files) else None

    def _by_llm(
        self, number: int, route: str, prompt: str, seed: int, wanted: TuneAttributes
    ) -> tuple[Cell, Waveform, Performance | None]:
        played = "soundfont" if route == LLM_SOUNDFONT else "tune"
        exchange = self._exchange(number, prompt, wanted)
        # The players of our own routes, or the accompaniment would be what is compared.
        players = resolve(wanted)
        manner = Manner(
            route=played, seed=seed, instrument=players.instrument, accompaniment=players.accompaniment,
            duration=self._plan.seconds,
        )  # fmt: skip
        found = sonify(exchange, manner, self._generator, progress=self._progress)
        clip = found.clips[played][0]
        notes = (*found.reading.mendings, *found.reading.remarks, *clip.warnings)
        cell, sound, performance = self._of_clip(prompt, route, seed, wanted, clip, notes)
        asked = sum(turn.seconds for turn in exchange.rounds)
        shortcomings = tuple(str(item) for item in found.shortcomings[0])
        timings = {"ask": round(asked, 3), **cell.timings}
        return replace(cell, shortcomings=shortcomings, timings=timings), sound, performance

    def _exchange(self, number: int, prompt: str, wanted: TuneAttributes) -> Exchange:
        """The talk about a prompt: saved, of an earlier route, or held now and kept."""
        llm = self._plan.llm
        assert llm is not None  # of the plan
        if llm.replies:
            return _saved_reply(llm.replies, number, prompt)
        assert llm.question is not None
        question = replace(llm.question, seed=self._plan.seed + number - 1)
        key = key_of({"question": asdict(question), "prompt": prompt, "url": llm.base_url})[:16]
        path = self._shelf.folder / EXCHANGES / f"{number:02d}-{key}.exchange.json"
        if path.is_file():
            return parse_exchange(path.read_text(encoding="utf-8"), str(path))
        with ChatServer(llm.base_url) as server:
            exchange = converse(server, prompt, question, wanted, self._progress)
        path.parent.mkdir(parents=True, exist_ok=True)
        exchange.save(path)
        return exchange

    def _of_clip(
        self, prompt: str, route: str, seed: int, wanted: TuneAttributes, clip: Clip, notes: tuple[str, ...]
    ) -> tuple[Cell, Waveform, Performance | None]:
        tune = clip.tune
        figures = self._sound_figures(clip.waveform, clip.performance, wanted, clip.attributes)
        if tune is not None:
            figures |= symbolic_figures(tune, self._corpus)
        cell = Cell(
            prompt, route, seed, seconds=round(clip.seconds, 3), understood=describe(clip.attributes),
            title=tune.header.title if tune else "", abc=tune.to_abc() if tune else "",
            notes=tuple(dict.fromkeys(notes)), figures=_rounded(figures),
            timings={stage: round(value, 3) for stage, value in clip.timings.items()},
        )  # fmt: skip
        return cell, clip.waveform, clip.performance

    def _sound_figures(
        self,
        sound: Waveform,
        performance: Performance | None,
        wanted: TuneAttributes,
        played: TuneAttributes | None,
    ) -> dict[str, float | None]:
        samples, rate = mono(sound), sound.sample_rate
        figures = sound_figures(samples, rate)
        if performance is not None:
            figures |= melody_figures(samples, rate, performance)
        tempo = played.tempo_bpm if played is not None and wanted.tempo_bpm is not None else None
        mood = MOODS[wanted.mood] if wanted.mood else None
        figures |= adherence_figures(samples, rate, wanted.key, tempo, mood)
        figures |= instrument_figures(samples, rate, wanted.instrument)
        return figures | across_figures(samples, rate, performance, wanted.meter, self._corpus)

    def _stages(self, route: str) -> Progress:
        return lambda stage, done: self._progress(f"{route}: {stage}", done)


def _own(files: tuple[Path, ...], number: int) -> tuple[Path, ...]:
    """The file of a prompt among one for all or one for each."""
    return files if len(files) < 2 else (files[number - 1],)


def _saved_reply(files: tuple[Path, ...], number: int, prompt: str) -> Exchange:
    """The reply of a prompt: its own file, or the line of a .jsonl that has its very words."""
    file = _own(files, number)[0]
    if file.suffix.lower() != ".jsonl":
        return replace(exchange_of_file(file, None), prompt=prompt)
    for place, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        try:
            row = json.loads(line)
        except ValueError as error:
            raise ValueError(f"{file}, line {place}: is no JSON ({error})") from error
        if isinstance(row, dict) and row.get("prompt") == prompt and isinstance(row.get("reply"), str):
            return Exchange(prompt, "abc", (Round((), row["reply"]),), audiogen_version=VERSION)
    raise ValueError(f"{file}: holds no reply to the prompt {prompt!r}")


def _rounded(figures: dict[str, float | None]) -> dict[str, float | None]:
    return {name: None if value is None else round(float(value), 5) for name, value in figures.items()}
