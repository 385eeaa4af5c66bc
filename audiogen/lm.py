"""The audio language model: several code streams, predicted step by step under score, attributes, text and excerpt.

The same network also predicts the score. Where the score runs ahead of the sound it is an inner melody: what is going
to be played (the inner monologue of Moshi, Défossez et al. 2024, arXiv:2410.00037). Where it comes late, after the
sound, it is a transcription of it.

Axes: B batch, K streams (codebooks), S frames, T steps, R score streams, D width, V codebook size, M memory slots.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional

from audiogen.attention import KeyValueCache
from audiogen.conditions import Conditions, ConditionTables
from audiogen.decoding import ANY
from audiogen.depth import DepthHeads
from audiogen.patterns import pattern_of
from audiogen.text_encoder import TextEncoder
from audiogen.transformer import Transformer, TransformerConfig
from symbolic_bridge.conditioner import ScoreConditioner
from symbolic_bridge.frames import STREAM_SIZES

# What can be heard of a note while it sounds; the other streams tell of what comes, or of bars and chords.
HEARD_STREAMS = ("pitch", "age")


@dataclass(frozen=True)
class LMConfig:
    """Shape of a player.

    `streams`: how many of the codec's codebooks it writes. `codec_identity`: the codec whose codes it was trained
    on. `pattern`: how the streams become steps, a name of `patterns.PATTERNS`; `depth`: the streams of a step are
    foreseen one after another (`audiogen.depth`) rather than at once. `look_ahead`: a step whose clock shows frame s
    is told the score of frame s and, a second time, of frame s + look_ahead. `window` counts steps. `hearing_frames`:
    a score that comes late is told of a frame so long after its sound. `excerpt_frames`: most of an excerpt;
    `excerpt_pool` frames of it become one slot of the memory.
    """

    codec_identity: str
    frame_rate: tuple[int, int] = (50, 1)
    streams: int = 5
    codebook_size: int = 1024
    width: int = 256
    layers: int = 5
    heads: int = 4
    feedforward_width: int = 832
    cross_attention_every: int = 4
    window: int = 256
    look_ahead: int = 6
    hearing_frames: int = 12
    excerpt_frames: int = 150
    excerpt_pool: int = 5
    text_vocabulary: int = 1024
    text_width: int = 96
    text_layers: int = 2
    text_tokens: int = 48
    tables: ConditionTables = field(default_factory=ConditionTables)
    pattern: str = "parallel"
    depth: bool = True

    def __post_init__(self) -> None:
        if isinstance(self.tables, dict):  # read from JSON
            object.__setattr__(self, "tables", ConditionTables(**self.tables))
        object.__setattr__(self, "frame_rate", tuple(self.frame_rate))
        if self.streams < 1 or self.codebook_size < 2 or self.look_ahead < 0:
            raise ValueError(
                f"streams {self.streams}, codebook_size {self.codebook_size}, look_ahead {self.look_ahead}: "
                "at least 1, 2 and 0 are needed"
            )
        if self.hearing_frames < 1 or self.excerpt_pool < 1 or self.excerpt_frames < self.excerpt_pool:
            raise ValueError(
                f"hearing_frames {self.hearing_frames}, excerpt_frames {self.excerpt_frames}, excerpt_pool "
                f"{self.excerpt_pool}: all must be at least 1, and the pool no longer than the excerpt"
            )
        pattern_of(self.pattern, self.streams)

    @property
    def late_frames(self) -> int:
        """By how many frames the score of a transcription is late against that of a performance."""
        return self.hearing_frames + self.look_ahead

    @property
    def transformer(self) -> TransformerConfig:
        """Shape of the body."""
        return TransformerConfig(
            width=self.width, layers=self.layers, heads=self.heads, feedforward_width=self.feedforward_width,
            causal=True, cross_attention_every=self.cross_attention_every, window=self.window,
        )  # fmt: skip


@dataclass(frozen=True)
class Prompting:
    """Everything a batch is conditioned on, as tensors.

    `score` int64 [B, R, S + look_ahead] (frames that the steps' clock shows, and beyond; a late score is moved on by
    `late_frames`), `has_score` bool [B], `late` bool [B], `attributes` int64 [B, A], `text` int64 [B, M], `excerpt`
    int64 [B, K, E] with `nothing` where there is none.
    """

    score: Tensor
    has_score: Tensor
    late: Tensor
    attributes: Tensor
    text: Tensor
    excerpt: Tensor

    def to(self, device: torch.device | str) -> Prompting:
        return Prompting(*(value.to(device) for value in vars(self).values()))


class AudioLM(nn.Module):
    """Predicts the codes of step t from those of the steps before it and from what it is told."""

    attribute_starts: Tensor
    stream_starts: Tensor

    def __init__(self, config: LMConfig) -> None:
        super().__init__()
        self.config = config
        self.pattern = pattern_of(config.pattern, config.streams)
        width, entries = config.width, config.codebook_size + 1
        self.nothing = config.codebook_size  # stands where no frame is yet
        self.codes = nn.Embedding(config.streams * entries, width)
        self.score = ScoreConditioner(width)
        self.ahead = nn.Linear(width, width, bias=False)
        self.late = nn.Parameter(torch.zeros(width))
        self.score_head = nn.Linear(width, width, bias=False)
        self.excerpt = nn.Linear(width, width, bias=False)
        sizes = config.tables.sizes
        self.attributes = nn.Embedding(sum(sizes), width)
        self.text = TextEncoder(
            config.text_vocabulary, config.text_width, config.text_layers, width, config.text_tokens
        )
        self.body = Transformer(config.transformer)
        self.heads: DepthHeads | nn.Linear
        if config.depth:
            self.heads = DepthHeads(config.streams, config.codebook_size, width)
        else:
            self.heads = nn.Linear(width, config.streams * config.codebook_size, bias=False)
            nn.init.normal_(self.heads.weight, std=0.02)
        self.register_buffer(
            "stream_starts", torch.arange(config.streams)[:, None] * entries, persistent=False
        )
        self.register_buffer("attribute_starts", torch.tensor([0, *sizes[:-1]]).cumsum(0), persistent=False)
        nn.init.normal_(self.codes.weight, std=config.streams**-0.5)
        nn.init.normal_(self.attributes.weight, std=len(sizes) ** -0.5)
        nn.init.normal_(self.ahead.weight, std=0.5 * width**-0.5)
        nn.init.normal_(self.score_head.weight, std=0.1 * width**-0.5)
        nn.init.normal_(self.excerpt.weight, std=width**-0.5)

    def prompting(
        self,
        conditions: Sequence[Conditions],
        score: Tensor,
        has_score: Tensor,
        *,
        late: Tensor | None = None,
        excerpt: Tensor | None = None,
    ) -> Prompting:
        """Conditions of B clips as tensors; `score`, `late` (None: none is) and `excerpt` as in `Prompting`."""
        tables, rows = self.config.tables, len(conditions)
        attributes = torch.tensor([tables.ids(entry) for entry in conditions])
        return Prompting(
            score,
            has_score,
            torch.zeros(rows, dtype=torch.bool) if late is None else late,
            attributes,
            self.text.tokens([entry.text for entry in conditions]),
            torch.full((rows, self.config.streams, 0), self.nothing) if excerpt is None else excerpt,
        )

    def condition(self, prompting: Prompting) -> tuple[Tensor, Tensor, Tensor]:
        """What is added to the steps of every frame [B, S, D], the memory [B, M, D] and its mask [B, M]."""
        ahead = self.config.look_ahead
        frames = prompting.score.shape[-1] - ahead
        attributes = self.attributes(prompting.attributes + self.attribute_starts).sum(1)  # [B, D]
        told = attributes + torch.where(prompting.late[:, None], self.late, 0.0)  # [B, D]
        score = self.score(prompting.score, prompting.has_score)  # [B, S + look_ahead, D]
        added = score[:, :frames] + self.ahead(score[:, ahead:]) + told[:, None]  # [B, S, D]
        memory, mask = self.text(prompting.text)
        if prompting.excerpt.shape[-1] < self.config.excerpt_pool:
            return added, memory, mask
        slots, filled = self._excerpt_memory(prompting.excerpt)
        return added, torch.cat((memory, slots), dim=1), torch.cat((mask, filled), dim=1)

    def of_score(self, now: Tensor, ahead: Tensor, has_score: Tensor) -> Tensor:
        """What a score frame and the one look_ahead later add to a step: int64 [B, R, 1] each -> [B, 1, D]."""
        return self.score(now, has_score) + self.ahead(self.score(ahead, has_score))

    def _excerpt_memory(self, excerpt: Tensor) -> tuple[Tensor, Tensor]:
        """Codes [B, K, E] as memory [B, E / pool, D] and its mask [B, E / pool]: means over a few frames each."""
        pool = self.config.excerpt_pool
        excerpt = excerpt[..., : excerpt.shape[-1] // pool * pool]
        embedded = self.codes(excerpt + self.stream_starts).sum(1)  # [B, E, D]
        slots = self.excerpt(embedded.unflatten(1, (-1, pool)).mean(2))  # [B, E / pool, D]
        return slots, (excerpt[:, 0] != self.nothing).unflatten(1, (-1, pool)).all(2)

    def hidden(
        self,
        previous: Tensor,
        added: Tensor,
        memory: Tensor,
        mask: Tensor,
        cache: KeyValueCache | None = None,
        maps: list[Tensor] | None = None,
    ) -> Tensor:
        """What codes and score are predicted from, [B, T, D].

        Args:
            previous: int64 [B, K, T], the codes of the step before each step, `nothing` where there is none.
            added: [B, T, D], from `condition` and the pattern's clock.
            memory, mask: from `condition`.
            cache: of the steps before, in decoding.
            maps: gets the weights of every layer's self-attention, [B, H, T, T] each.
        """
        x = self.codes(previous + self.stream_starts).sum(1) + added  # [B, T, D]
        return self.body(x, memory=memory, memory_mask=mask, cache=cache, maps=maps)

    def new_cache(self, rows: int, length: int) -> KeyValueCache:
        """An empty cache for decoding `length` steps.

        With a window it holds at most twice that: it moves its content once a window instead of once a step.
        """
        window = self.config.window
        return self.body.new_cache(rows, min(max(length, window), 2 * window) if window else length)

    def code_logits(self, hidden: Tensor, codes: Tensor) -> Tensor:
        """Logits of the codes of steps.

        Args:
            hidden: [B, T, D], from `hidden`.
            codes: int64 [B, K, T], those very codes; depth heads tell each stream those before it.

        Returns:
            [B, T, K, V].
        """
        if isinstance(self.heads, DepthHeads):
            return self.heads.all(hidden, self.codes(codes + self.stream_starts))
        return self._all_streams(hidden)

    def draw(self, hidden: Tensor, known: Tensor, draw: Callable[[Tensor], Tensor]) -> Tensor:
        """Draw the codes of one step, with depth heads stream by stream.

        Args:
            hidden: [L x B, D] of the step: each piece stands there L times, and is told something else each time.
            known: int64 [B, K], ANY where a code is to be drawn.
            draw: logits [L x B, k, V] to codes [B, k].

        Returns:
            int64 [B, K].
        """
        if not isinstance(self.heads, DepthHeads):
            return torch.where(known == ANY, draw(self._all_streams(hidden)), known)
        before, codes = torch.zeros_like(hidden), []
        for stream, given in enumerate(known.unbind(1)):
            drawn = draw(self.heads.one(hidden, before, stream)[:, None])[:, 0]  # [B]
            codes.append(torch.where(given == ANY, drawn, given))
            embedded = self.codes(codes[-1] + self.stream_starts[stream])
            before = before + embedded.repeat(len(hidden) // len(known), 1)
        return torch.stack(codes, dim=1)

    def _all_streams(self, hidden: Tensor) -> Tensor:
        """[..., D] -> [..., K, V], each stream foreseen as if nothing were known of the others."""
        return self.heads(hidden).unflatten(-1, (self.config.streams, self.config.codebook_size))

    def pitch_logits(self, hidden: Tensor) -> Tensor:
        """The lead's pitch one frame after the last that the step was told of, [B, T, 128].

        The table that embeds the score also reads it (Press & Wolf 2017, arXiv:1608.05859).
        """
        first = STREAM_SIZES["pitch"]
        return functional.linear(self.score_head(hidden), self.score.table.weight[:first])

    def score_logits(self, hidden: Tensor, pitch: Tensor) -> dict[str, Tensor]:
        """The other streams of that frame, whose pitch [B, T] is known by now: name -> [B, T, size]."""
        known = hidden + self.score.table(pitch)  # pitch has the first rows of the table
        logits = functional.linear(self.score_head(known), self.score.table.weight)
        parts = dict(zip(STREAM_SIZES, logits.split(list(STREAM_SIZES.values()), dim=-1), strict=True))
        del parts["pitch"]
        return parts
