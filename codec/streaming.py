"""Encoding and decoding chunk by chunk: whatever the chunks, the result is that of `Codec.encode` and `Codec.decode`.

stream = DecoderStream(codec)
for tokens in chunks:
    play(stream.push(tokens))
play(stream.finish())

Every layer waits for what it has to see (`codec.stream_layers`): a chunk costs what its frames cost, and what is kept
does not grow with the length. Chunks are at the codec's own rate; other rates go through `codec.resampling`.

Axes: B batch, C channels, T samples, K codebooks, S frames, D features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from codec import stream_layers as layers_of
from codec.model import Codec, Sketch
from codec.phase import PhaseState, continue_phases
from codec.stream_layers import by_frame, through
from codec.types import Codes

# A longer chunk is worked through in pieces, so that it needs no more memory than a piece.
PIECE_FRAMES = 500


@dataclass(frozen=True)
class EncoderState:
    """What an encoder keeps between two chunks.

    `samples` [B, T] (of two channels [B, C, T]) are those that coming frames look at, `features` [B, S, D] those of
    frames that the network has not answered yet, `layers` the inputs [B, S, D] that each of its convolutions still
    needs, and `codebooks` how many are in use.
    """

    samples: Tensor
    features: Tensor
    layers: tuple[Tensor, ...]
    codebooks: int


@dataclass(frozen=True)
class DecoderState:
    """What a decoder keeps between two chunks.

    `latents` [B, S, D] are those of frames that the network has not answered yet, and `layers` the inputs that each of
    its convolutions still needs. `phases` are the last frame's, None before the first. `overlap` [B * C + 1, T] holds
    the sums of windows that coming frames add to, the last row their envelope; of what comes next, `skip_samples` lie
    before the sound.
    """

    latents: Tensor
    layers: tuple[Tensor, ...]
    phases: PhaseState | None
    overlap: Tensor
    skip_samples: int


State = TypeVar("State", EncoderState, DecoderState)


class EncoderStream:
    """Samples in, codes out: together those of `Codec.encode`, a frame for every hop that has begun."""

    def __init__(
        self, codec: Codec, codebooks: int | None = None, batch: int = 1, state: EncoderState | None = None
    ) -> None:
        """Start a sound, or go on from another stream's state.

        Args:
            codec: the codec.
            codebooks: how many to use; by default those of the state, or all.
            batch: how many sounds run side by side.
            state: of a stream of the same codec, batch and codebooks.

        Raises:
            ValueError: `codebooks` or `batch` is out of range or not that of the state.
        """
        if codebooks is None:
            codebooks = codec.config.codebooks if state is None else state.codebooks
        if not 1 <= codebooks <= codec.config.codebooks:
            raise ValueError(f"codebooks is {codebooks}; 1 to {codec.config.codebooks} are allowed")
        _refuse_no_batch(batch)
        self._codec, self._batch = codec, batch
        fresh = _fresh_encoder_state(codec, batch, codebooks)
        if state is not None:
            _refuse_other_layers((state.features, *state.layers), (fresh.features, *fresh.layers))
            if state.codebooks != codebooks:
                raise ValueError(f"codebooks is {codebooks}; the state is of a stream with {state.codebooks}")
        self._state: EncoderState | None = state or fresh

    @property
    def state(self) -> EncoderState:
        """Where the stream stands; a new stream can go on from it."""
        return _unfinished(self._state)

    @torch.inference_mode()
    def push(self, samples: Tensor) -> Tensor:
        """Take samples and give the codes that they settle.

        Args:
            samples: [B, C, T] at the codec's rate, with the codec's channels; T may be 0.

        Returns:
            tokens int64 [B, K, S]; S may be 0.

        Raises:
            ValueError: another batch or channel count, a sample that is not finite, or a finished stream. The stream
                stays as it was.
        """
        state = _unfinished(self._state)
        samples = _checked_samples(samples, self._batch, self._codec.spec.channels, like=state.samples)
        pieces = self._codec.mixed(samples).split(PIECE_FRAMES * self._codec.config.hop_samples, dim=-1)
        return torch.cat([self._step(piece, last=False) for piece in pieces], dim=-1)

    @torch.inference_mode()
    def finish(self) -> Tensor:
        """End the sound: the remaining tokens [B, K, S]. The last frame is filled up with silence.

        Raises:
            ValueError: the stream is finished already.
        """
        tokens = self._step(_unfinished(self._state).samples[..., :0], last=True)
        self._state = None
        return tokens

    def _step(self, samples: Tensor, last: bool) -> Tensor:
        """Samples [B, T], or [B, C, T] of two channels, -> [B, K, S] tokens."""
        state, encoder, quantizer = _unfinished(self._state), self._codec.encoder, self._codec.quantizer
        hop, reach = encoder.features.hop, encoder.features.reach_samples
        waiting = torch.cat([state.samples, samples], dim=-1)
        if last:
            waiting = F.pad(waiting, (0, (reach - waiting.shape[-1]) % hop + reach))
        frames = max(0, (waiting.shape[-1] - 2 * reach) // hop)
        if not frames and not last:
            self._state = replace(state, samples=waiting)
            return torch.zeros(self._batch, state.codebooks, 0, dtype=torch.int64, device=waiting.device)
        fresh = state.features[:, :0]
        if frames:
            fresh = encoder.features.framed(waiting[..., : frames * hop + 2 * reach])
        answered = through(encoder.body, state.layers, fresh, last)
        done, features = answered.output.shape[1], torch.cat([state.features, fresh], dim=1)
        self._state = EncoderState(
            samples=waiting[..., frames * hop :].clone(),
            features=features[:, done:].clone(),
            layers=answered.layers,
            codebooks=state.codebooks,
        )

        def tokens(features: Tensor, body_output: Tensor) -> Tensor:
            latents = encoder.latents(features, body_output)
            return quantizer.encode(latents, state.codebooks).transpose(1, 2)  # [B, S, K]

        return by_frame(tokens, features[:, :done], answered.output).transpose(1, 2)  # [B, K, S]


class DecoderStream:
    """Codes in, samples out: together those of `Codec.decode`, `look_ahead_seconds` after the codes."""

    def __init__(self, codec: Codec, batch: int = 1, state: DecoderState | None = None) -> None:
        """Start a sound, or go on from another stream's state.

        Args:
            codec: the codec.
            batch: how many sounds run side by side.
            state: of a stream of the same codec and batch.

        Raises:
            ValueError: `batch` is below 1 or not that of the state.
        """
        _refuse_no_batch(batch)
        self._codec, self._batch = codec, batch
        fresh = _fresh_decoder_state(codec, batch)
        if state is not None:
            _refuse_other_layers((state.latents, *state.layers), (fresh.latents, *fresh.layers))
        self._state: DecoderState | None = state or fresh

    @property
    def state(self) -> DecoderState:
        """Where the stream stands; a new stream can go on from it."""
        return _unfinished(self._state)

    @torch.inference_mode()
    def push(self, tokens: Tensor) -> Tensor:
        """Take codes and give the samples that they settle.

        Args:
            tokens: integers [B, K, S]; K may be another in every chunk; S may be 0.

        Returns:
            samples float32 [B, C, T] on the CPU, as from `Codec.decode`; T may be 0.

        Raises:
            ValueError: another B, more codebooks than the codec has, tokens out of range or a finished stream. The
                stream stays as it was.
        """
        state = _unfinished(self._state)
        self._check(tokens)
        pieces = tokens.to(state.latents.device, torch.int64).split(PIECE_FRAMES, dim=-1)
        decoded = [self._step(self._codec.quantizer.decode(piece), last=False) for piece in pieces]
        return torch.cat(decoded, dim=-1)

    @torch.inference_mode()
    def finish(self) -> Tensor:
        """End the sound: the remaining samples [B, C, T].

        Raises:
            ValueError: the stream is finished already.
        """
        samples = self._step(_unfinished(self._state).latents[:, :0], last=True)
        self._state = None
        return samples

    def _check(self, tokens: Tensor) -> None:
        if tokens.is_floating_point() or tokens.is_complex() or tokens.dtype == torch.bool:
            raise ValueError(f"tokens are {tokens.dtype}; integers are needed")
        Codes(tokens, self._codec.spec)  # refuses other shapes and values
        if tokens.shape[0] != self._batch:
            raise ValueError(f"tokens are of {tokens.shape[0]} sounds; this stream runs {self._batch}")

    def _step(self, latents: Tensor, last: bool) -> Tensor:
        """[B, S, D] latents -> [B, C, T] samples."""
        state, decoder, spectra = _unfinished(self._state), self._codec.decoder, self._codec.decoder.spectra
        if not latents.shape[1] and not last:
            return torch.zeros(self._batch, self._codec.config.channels, 0)
        answered = through(decoder.body, state.layers, latents, last)
        done, waiting = answered.output.shape[1], torch.cat([state.latents, latents], dim=1)
        sums, phases = state.overlap, state.phases
        if done:
            spectrum = decoder.bounded(by_frame(decoder.spectrum, waiting[:, :done], answered.output))
            log_gains = decoder.envelope and by_frame(decoder.envelope, answered.output)
            integrated = continue_phases(decoder.total(spectrum), spectra.window, spectra.hop, phases)
            frames = decoder.frames(Sketch(spectrum, log_gains), integrated.phases)  # [B * C, S, window]
            sums, phases = layers_of.sum_windows(sums, frames, spectra.taper, spectra.hop), integrated.state
        summed = done * spectra.hop
        final = slice(state.skip_samples, summed + (spectra.edge_samples if last else 0))
        samples = sums[:-1, final] / sums[-1:, final].clamp_min(1e-6)
        self._state = DecoderState(
            latents=waiting[:, done:].clone(),
            layers=answered.layers,
            phases=phases,
            overlap=sums[:, summed:].clone(),
            skip_samples=max(0, state.skip_samples - summed),
        )
        return samples.unflatten(0, (self._batch, -1)).cpu()  # [B, C, T]


def look_ahead_seconds(codec: Codec) -> float:
    """How far the decoder looks ahead: samples that lie this long before a frame do not depend on its codes.

    The convolutions look some frames ahead, and the synthesis window of a frame begins before the frame.
    """
    decoder = codec.decoder
    frames, edge = layers_of.reach_frames(decoder.body), decoder.spectra.edge_samples
    return (frames * codec.config.hop_samples + edge) / codec.config.sample_rate


def encoder_look_ahead_seconds(codec: Codec) -> float:
    """How far the encoder looks ahead: the codes of frames that end this long before a sample do not depend on it."""
    encoder = codec.encoder
    frames, edge = layers_of.reach_frames(encoder.body), encoder.features.reach_samples
    return (frames * codec.config.hop_samples + edge) / codec.config.sample_rate


def _fresh_encoder_state(codec: Codec, batch: int, codebooks: int) -> EncoderState:
    encoder, channels = codec.encoder, codec.config.channels
    zeros = encoder.leave.weight.new_zeros
    return EncoderState(
        samples=zeros(*((batch,) if channels == 1 else (batch, channels)), encoder.features.reach_samples),
        features=zeros(batch, 0, encoder.features.size),
        layers=layers_of.fresh_layers(encoder.body, batch),
        codebooks=codebooks,
    )


def _fresh_decoder_state(codec: Codec, batch: int) -> DecoderState:
    decoder, spectra = codec.decoder, codec.decoder.spectra
    zeros = decoder.head.weight.new_zeros
    return DecoderState(
        latents=zeros(batch, 0, codec.config.latent_size),
        layers=layers_of.fresh_layers(decoder.body, batch),
        phases=None,
        overlap=zeros(batch * codec.config.channels + 1, spectra.window - spectra.hop),
        skip_samples=spectra.edge_samples,
    )


def _unfinished(state: State | None) -> State:
    if state is None:
        raise ValueError("the stream is finished; another sound needs a new stream")
    return state


def _refuse_no_batch(batch: int) -> None:
    if batch < 1:
        raise ValueError(f"batch is {batch}; it must be at least 1")


def _refuse_other_layers(given: Sequence[Tensor], fresh: Sequence[Tensor]) -> None:
    found, needed = ([(len(x), x.shape[-1]) for x in tensors] for tensors in (given, fresh))
    if found != needed:
        raise ValueError(
            f"the state is of another codec or batch: (batch, size) of its layers are {found}; needed are {needed}"
        )


def _checked_samples(samples: Tensor, batch: int, channels: int, like: Tensor) -> Tensor:
    """[B, C, T] samples in the type and on the device of `like`."""
    if samples.ndim != 3 or samples.shape[:2] != (batch, channels):
        raise ValueError(f"samples have shape {tuple(samples.shape)}; ({batch}, {channels}, T) is needed")
    if not samples.is_floating_point():
        raise ValueError(f"samples are {samples.dtype}; floating point numbers are needed")
    samples = samples.to(like)
    finite = samples.isfinite()
    if not finite.all():
        sound, channel, place = (~finite).nonzero()[0].tolist()
        value = samples[sound, channel, place].item()
        raise ValueError(
            f"sample {place} of this chunk (sound {sound}, channel {channel}) is {value}; samples must be finite"
        )
    return samples
