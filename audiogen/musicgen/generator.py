"""MusicGen as a generator: words, and perhaps a melody, to sound."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from audiogen.clip import Clip
from audiogen.decoding import ANY, decode, guided
from audiogen.linear import speed_up
from audiogen.loudness import normalise
from audiogen.musicgen import INSTALL, find_folder
from audiogen.musicgen.config import read_config
from audiogen.musicgen.model import Conditioning, MusicGenLM
from audiogen.options import FREE_SECONDS, Options, check_device
from audiogen.progress import Progress
from audiogen.sampling import sample
from audiogen.seeds import new_seed, stage_seed
from codec.adapters.checkpoint_folder import ForeignCheckpoint, read_folder
from codec.adapters.encodec_codec import EncodecCodec
from codec.types import CheckpointError, Codes, Waveform
from symbolic_bridge.attributes import TuneAttributes

# What it was published with (Copet et al. 2023, section 4.1), and the length of what it was trained on.
TOP_K, GUIDANCE = 250, 3.0
TRAINED_SECONDS = 30.0


def check_wanted(options: Options, other_inputs: bool) -> None:
    """Refuse what MusicGen cannot follow, before any weights are loaded.

    Args:
        options: of the command or call.
        other_inputs: whether there is a tune or a kept folder.

    Raises:
        ValueError: naming what was asked for.
    """
    named = {
        "key": options.key, "tempo": options.tempo_bpm, "instrument": options.instrument,
        "accompaniment": options.accompaniment,
    }  # fmt: skip
    asked = [name for name, value in named.items() if value is not None]
    if other_inputs or asked or options.route not in (None, "free"):
        what = asked or (["tune or kept folder"] if other_inputs else [f"route {options.route}"])
        raise ValueError(
            f"MusicGen follows words alone: leave out {', '.join(what)}, and say it in the prompt"
        )


class MusicGen:
    """A MusicGen, ready to make clips.

    Args:
        name_or_dir: a name on the Hugging Face hub, or a folder of config.json, model.safetensors and tokenizer.json.
        device: "cpu", "cuda", "mps"; None for the CPU.
        precision: "fp32", or "bf16" or "int8" for smaller weights on the CPU: faster, and other codes.

    Raises:
        CheckpointError: something of it is missing or damaged, or the extra is not installed.
        ValueError: no such device or precision.
    """

    def __init__(self, name_or_dir: str | Path, device: str | None = None, precision: str = "fp32") -> None:
        self.device = check_device(device)
        folder = find_folder(name_or_dir)
        whole = read_folder(folder)
        config = read_config(whole.config_path, whole.config)
        try:
            # Not at the top: importing transformers takes seconds.
            from audiogen.musicgen.text import T5Text
        except ImportError as error:
            raise CheckpointError(
                f"{name_or_dir}: MusicGen needs the package transformers; {INSTALL}"
            ) from error
        model = MusicGenLM(config)
        model.load(whole.tensors, whole.weights_path.with_suffix(""))
        self.model = model.eval().requires_grad_(False).to(self.device)
        speed_up(self.model, precision)
        self.text = T5Text(folder, whole.config["text_encoder"], _part(whole, "text_encoder."), self.device)
        self.codec = EncodecCodec(
            ForeignCheckpoint(folder, whole.config["audio_encoder"], _part(whole, "audio_encoder.")),
            self.device,
        )
        spec = self.codec.spec
        if (spec.codebooks, spec.codebook_size) != (config.streams // config.channels, config.codebook_size):
            raise CheckpointError(
                f"{whole.config_path}: a decoder of {config.streams} codebooks of {config.codebook_size} does not fit "
                f"a codec of {spec.codebooks} of {spec.codebook_size}"
            )

    def generate(
        self,
        prompt: str,
        *,
        duration: float | None = None,
        seed: int | None = None,
        melody: Waveform | None = None,
        temperature: float = 1.0,
        top_k: int = TOP_K,
        guidance: float = GUIDANCE,
        progress: Progress | None = None,
    ) -> Clip:
        """Make sound from words.

        Args:
            prompt: English.
            duration: seconds; None for 20. It learned from 30 s and drifts beyond them.
            seed: the same seed gives the same clip.
            melody: whose pitch classes to follow; for the melody variants.
            temperature, top_k: of the sampling; temperature 0 takes the likeliest codes.
            guidance: weight of classifier-free guidance; 1 is none and costs half.
            progress: told each stage's name and how much of it is done.

        Raises:
            ValueError: the prompt is empty, a value is out of range, or this variant follows no melody.
        """
        if not prompt.strip():
            raise ValueError("the prompt is empty")
        if not (math.isfinite(guidance) and guidance >= 0):
            raise ValueError(f"guidance is {guidance}; it must be 0 or above")
        seconds = Options(duration=duration, seed=seed).duration or FREE_SECONDS
        seed = new_seed() if seed is None else seed
        timings: dict[str, float] = {}
        report = progress or (lambda stage, done: None)
        began = time.perf_counter()
        told = self.tell(prompt, melody, guided=guidance != 1.0)
        timings["text"] = time.perf_counter() - began
        generator = torch.Generator(self.device).manual_seed(stage_seed(seed, "player"))
        began = time.perf_counter()
        tokens = self.play(
            told, max(1, round(seconds * self.codec.spec.frame_rate)), guidance,
            lambda logits: sample(logits, temperature=temperature, top_k=top_k, generator=generator),
            lambda done: report("play", done),
        )  # fmt: skip
        timings["play"] = time.perf_counter() - began
        # Left and right of stereo are two sounds to the codec: rows of one batch.
        channels = self.model.config.channels
        rows = tokens.unflatten(1, (-1, channels)).transpose(1, 2).flatten(0, 1)  # [channels, K, S]
        codes = Codes(rows.cpu(), self.codec.spec)
        began = time.perf_counter()
        sound = self.codec.decode(codes)
        sound = normalise(Waveform(sound.samples.transpose(0, 1), sound.sample_rate))
        timings["decode"] = time.perf_counter() - began
        asked = TuneAttributes(text=prompt, duration_seconds=duration)
        warnings = (
            (
                f"{seconds:g} s asked for; this model learned from {TRAINED_SECONDS:g} s and drifts beyond them",
            )
            if seconds > TRAINED_SECONDS
            else ()
        )
        return Clip(
            attributes=asked, asked=asked, tune=None, performance=None, frames=None, codes=codes, waveform=sound,
            seed=seed, route="free", composed=False, timings=timings, warnings=warnings,
        )  # fmt: skip

    def make(self, prompt: str | None, options: Options, *, progress: Progress | None = None) -> Clip:
        """As `generate`, as the command line asks for it."""
        check_wanted(options, other_inputs=prompt is None)
        return self.generate(prompt or "", duration=options.duration, seed=options.seed, progress=progress)

    @torch.inference_mode()
    def tell(self, prompt: str, melody: Waveform | None = None, *, guided: bool) -> Conditioning:
        """The prompt as one row or, with guidance, as that row and one that is told nothing."""
        states, mask = self.text([prompt])
        chroma = None
        if melody is not None:
            from audiogen.musicgen.text import melody_chroma

            chroma = melody_chroma(melody, self.codec.spec.sample_rate).to(self.device)
        if guided:
            states, mask = states.repeat(2, 1, 1), mask & torch.tensor([[True], [False]], device=mask.device)
            if chroma is not None:
                chroma = torch.cat((chroma, self.model.no_melody.expand_as(chroma)))
        return self.model.condition(states, mask, chroma)

    @torch.inference_mode()
    def play(
        self,
        told: Conditioning,
        frames: int,
        guidance: float,
        draw: Callable[[Tensor], Tensor],
        progress: Callable[[float], None] = lambda done: None,
    ) -> Tensor:
        """Codes int64 [1, K, S] of one piece; `draw` turns logits [1, K, V] into codes [1, K]."""
        model = self.model
        start = told.prefix if told.prefix is not None else told.memory
        assert start is not None
        ahead = 0 if told.prefix is None else told.prefix.shape[1]
        cache = model.body.new_cache(len(start), ahead + model.pattern.length(frames))

        def step(t: int, previous: Tensor, known: Tensor) -> Tensor:
            logits = model(previous.expand(len(start), -1, -1), told, cache)[:, -1]  # [B, K, V]
            drawn = draw(guided(logits, guidance) if len(start) == 2 else logits)
            return torch.where(known == ANY, drawn, known)

        [codes] = decode(model.pattern, frames, 1, model.nothing, step, device=self.device, progress=progress)
        return codes


def _part(whole: ForeignCheckpoint, prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): value for name, value in whole.tensors.items() if name.startswith(prefix)
    }
