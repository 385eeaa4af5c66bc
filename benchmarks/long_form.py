"""Attention for long forms: fine to the bars a bar is made of and coarse to the others, beside full attention.

    python benchmarks/long_form.py train.jsonl valid.jsonl --steps 600 --json long_form.json --picture long_form.png

Tunes of one kind follow each other until a row has as many tokens as asked. Two small models of one shape are trained
for the same steps on rows of --train-tokens and measured on rows of 1,000, 5,000 and 10,000: perplexity of a token, and
time and peak memory of reading a row and of writing its last tokens. Neither is told what stands at the same place some
bars back, as the composer is: attention has to find it.

Source: Yu et al. 2022, Museformer (arXiv:2210.10349), whose sets of bars back these are; its summaries are read
before each layer's attention, as there.
"""

from __future__ import annotations

import argparse
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_model, save_model
from torch import Tensor, nn
from torch.nn import functional

from audiogen.attention import rotate
from audiogen.cli.console import progress_bars
from audiogen.composer_data import TuneRows, cached_rows
from audiogen.composer_network import TokenEmbedding
from audiogen.evaluation.pictures import new_figure
from audiogen.evaluation.tables import show_table, write_json
from audiogen.transformer import Layer, Transformer, TransformerConfig
from symbolic_bridge.tune_tokens import vocabulary

BARS_BACK = (1, 2, 4, 8, 12, 16, 24, 32)
SHAPE = TransformerConfig(width=128, layers=3, heads=4, feedforward_width=512, causal=True)
LENGTHS = (1000, 5000, 10_000)
FULL, STRUCTURED = "full", "structured"
LEARNING_RATE, WARM_UP_STEPS = 2e-3, 50


@dataclass(frozen=True)
class Layout:
    """Where the tokens of a row stand: `bars` [S] number of each token's bar, `places` [S] its place in the bar."""

    bars: Tensor
    places: Tensor

    @classmethod
    def of(cls, ids: Sequence[int]) -> Layout:
        """A bar begins at its sign, at the sign of a part or of an ending, and at a tune's first condition."""
        names = vocabulary().names
        first = ("kind:", "part:", "ending:")
        bars, places, bar, place, open_sign = [], [], -1, 0, False
        for index in ids:
            name = names[index]
            opens = name.startswith(first) or (name.startswith("bar:") and not open_sign)
            if opens or bar < 0:
                bar, place = bar + 1, 0
            open_sign = name.startswith(first[1:]) or (open_sign and not name.startswith("bar:"))
            bars.append(bar)
            places.append(place)
            place += 1
        return cls(torch.tensor(bars), torch.tensor(places))

    @property
    def count(self) -> int:
        """Bars."""
        return int(self.bars[-1]) + 1

    @property
    def width(self) -> int:
        """Tokens of the longest bar."""
        return int(self.places.max()) + 1


class StructuredAttention(nn.Module):
    """A layer's attention over bars: fine to this bar and those `BARS_BACK`, coarse to summaries of all earlier ones.

    It has the weights of `audiogen.transformer.SelfAttention`, and one summary a bar that is read by the same heads.
    """

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.inner = layer.self_attention
        self.norm = layer.self_norm

    def forward(
        self, x: Tensor, summaries: Tensor, layout: Layout, cos: Tensor, sin: Tensor
    ) -> tuple[Tensor, Tensor]:
        """x [S, D] and summaries [N, D] -> what attention adds to both."""
        steps, bars, width = len(x), layout.count, layout.width
        cells = layout.bars * width + layout.places
        ends = torch.zeros(bars, dtype=torch.long).scatter_reduce(0, layout.bars, torch.arange(steps), "amax")
        query, key, value = self._project(self.norm(x), cos, sin)  # [S, H, Dh] each
        of_query, _, _ = self._project(self.norm(summaries), cos[ends], sin[ends])

        def grid(values: Tensor) -> Tensor:
            """[S, H, Dh] -> [N, H, W, Dh], zeros where a bar has no token."""
            spread = values.new_zeros(bars * width, *values.shape[1:]).index_copy(0, cells, values)
            return spread.unflatten(0, (bars, width)).transpose(1, 2)

        keys, values, queries = grid(key), grid(value), grid(query)
        filled = torch.zeros(bars * width, dtype=torch.bool).index_fill(0, cells, True).view(bars, width)
        read = functional.scaled_dot_product_attention(
            of_query[:, :, None], keys, values, attn_mask=filled[:, None, None]
        )  # [N, H, 1, Dh]
        read = self.inner.out(read.transpose(1, 2).flatten(1))
        _, far_key, far_value = self._project(self.norm(summaries + read), cos[ends], sin[ends])

        back = torch.arange(bars)[:, None] - torch.tensor([0, *BARS_BACK])  # [N, R]
        near = back.clamp_min(0)
        fine_keys, fine_values = (
            grid_[near].transpose(1, 2).flatten(2, 3) for grid_ in (keys, values)
        )  # [N, H, R * W, Dh]
        seen = (
            (filled[near] & (back >= 0)[..., None]).flatten(1)[:, None].repeat(1, width, 1)
        )  # [N, W, R * W]
        seen[:, :, :width] &= torch.ones(width, width, dtype=torch.bool).tril()
        seen[:, :, 0] |= ~seen.any(-1)  # cells without a token: their result is not used, but must not be NaN
        scale = query.shape[-1] ** -0.5
        fine = (queries @ fine_keys.transpose(-1, -2) * scale).masked_fill(~seen[:, None], -torch.inf)
        coarse = torch.einsum("nhwd,mhd->nhwm", queries, far_key) * scale  # [N, H, W, N]
        apart = torch.arange(bars)[:, None] - torch.arange(bars)
        earlier = (apart > 0) & ~torch.isin(apart, torch.tensor(BARS_BACK))
        coarse = coarse.masked_fill(~earlier[:, None, None], -torch.inf)
        weights = torch.cat([fine, coarse], dim=-1).softmax(-1)
        near_weights, far_weights = weights.split([fine.shape[-1], bars], dim=-1)
        mixed = near_weights @ fine_values + torch.einsum("nhwm,mhd->nhwd", far_weights, far_value)
        mixed = mixed.transpose(1, 2).flatten(0, 1).flatten(1)[cells]  # [S, D]
        return self.inner.out(mixed), read

    def _project(self, x: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        qkv = self.inner.qkv(x).view(len(x), 3, self.inner.heads, self.inner.head_width)
        query, key = rotate(qkv[:, :2], cos, sin).unbind(1)
        return query, key, qkv[:, 2]


class LongModel(nn.Module):
    """Predicts the next token of a long row, with one of the two kinds of attention."""

    def __init__(self, structured: bool) -> None:
        super().__init__()
        self.embedding = TokenEmbedding(SHAPE.width)
        self.transformer = Transformer(SHAPE)
        self.summary = nn.Parameter(torch.zeros(SHAPE.width)) if structured else None
        self.output_scale = nn.Parameter(torch.tensor(0.25))

    def forward(self, ids: Tensor) -> Tensor:
        """ids [S] -> logits [S, V]."""
        matrix = self.embedding.matrix()
        x = matrix[ids] * SHAPE.width**0.5 / 2
        x = self.transformer(x[None])[0] if self.summary is None else self._structured(x, ids)
        return (x * self.output_scale) @ matrix.t()

    def _structured(self, x: Tensor, ids: Tensor) -> Tensor:
        layout = Layout.of(ids.tolist())
        angles = self.transformer.angles(0, len(ids), ids.device)
        assert angles is not None
        assert self.summary is not None
        summaries = self.summary.expand(layout.count, -1)
        for layer in self.transformer.layers:
            assert isinstance(layer, Layer)
            mixed, read = StructuredAttention(layer)(x, summaries, layout, *angles)
            x, summaries = x + mixed, summaries + read
            x = x + layer.feed_forward(layer.feed_norm(x))
            summaries = summaries + layer.feed_forward(layer.feed_norm(summaries))
        return self.transformer.norm(x)


def long_rows(rows: TuneRows, tokens: int, rng: np.random.Generator) -> Iterator[Tensor]:
    """Endless rows of tunes of one kind, `tokens` + 1 ids each."""
    kinds: dict[int, list[tuple[int, ...]]] = {}
    for row in rows.rows:
        kinds.setdefault(row[0], []).append(row)
    names, sizes = list(kinds), np.array([sum(map(len, found)) for found in kinds.values()], float)
    while True:
        tunes = kinds[names[int(rng.choice(len(names), p=sizes / sizes.sum()))]]
        ids: list[int] = []
        while len(ids) <= tokens:
            ids += tunes[int(rng.integers(len(tunes)))]
        yield torch.tensor(ids[: tokens + 1])


def loss_of(model: LongModel, row: Tensor) -> Tensor:
    """Mean cross-entropy of a row's tokens, in nats."""
    return functional.cross_entropy(model(row[:-1]), row[1:])


def train(kind: str, rows: TuneRows, tokens: int, steps: int) -> LongModel:
    """A model after so many steps of a row each."""
    torch.manual_seed(0)
    model = LongModel(kind == STRUCTURED)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.98), weight_decay=0.05)
    source = long_rows(rows, tokens, np.random.default_rng(0))
    with progress_bars() as progress:
        for step, row in enumerate(islice(source, steps)):
            rate = min(1.0, (step + 1) / WARM_UP_STEPS) * (0.01 + 0.99 * math.cos(step / steps * math.pi / 2))
            for group in optimizer.param_groups:
                group["lr"] = LEARNING_RATE * rate
            optimizer.zero_grad(set_to_none=True)
            loss_of(model, row).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            progress(f"{kind} attention", (step + 1) / steps)
    return model.eval()


@torch.inference_mode()
def perplexity(model: LongModel, rows: Sequence[Tensor]) -> float:
    """e to the mean cross-entropy of all tokens of the rows."""
    return math.exp(sum(float(loss_of(model, row)) for row in rows) / len(rows))


@torch.inference_mode()
def cost(folder: Path, kind: str, tokens: int) -> dict[str, float]:
    """Seconds of reading a row of so many tokens, and megabytes at the most beyond those before it."""
    model = LongModel(kind == STRUCTURED).eval()
    load_model(model, folder / f"{kind}.safetensors")
    row = torch.tensor(np.load(folder / "row.npy", allow_pickle=False))[:tokens]
    model(row[:64])
    before = _peak_kib()
    began = time.process_time()
    model(row)
    seconds = time.process_time() - began
    return {
        "seconds": seconds,
        "megabytes": (_peak_kib() - before) / 1024,
    }


def _peak_kib() -> int:
    """The most memory this process has had so far. Linux's `ru_maxrss` would be that of its parent, if it had more."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0])


def cost_elsewhere(folder: Path, kind: str, tokens: int) -> dict[str, float]:
    """`cost` in a process of its own, whose peak memory is its own."""
    code = f"from long_form import *; torch.set_num_threads(1); print(cost(Path({str(folder)!r}), {kind!r}, {tokens}))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parent, capture_output=True, text=True, check=True
    )
    seconds, megabytes = (float(part.split(":")[1]) for part in done.stdout.strip(" {}\n").split(","))
    return {"seconds": seconds, "megabytes": megabytes}


def main() -> None:
    """Train both, measure both, tell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("train", type=Path, help="tunes to learn from, JSON lines")
    parser.add_argument("valid", type=Path, help="tunes to measure on")
    parser.add_argument("--steps", type=int, default=600, help="of training, a row each")
    parser.add_argument("--train-tokens", type=int, default=2048, help="tokens of a training row")
    parser.add_argument("--rows", type=int, default=4, help="to measure on, of each length")
    parser.add_argument("--json", type=Path, help="write the result here")
    parser.add_argument("--picture", type=Path, help="draw the three figures against the length here, as PNG")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows, valid = (
            cached_rows(path, folder / f"{path.stem}.safetensors") for path in (chosen.train, chosen.valid)
        )
        longest = next(long_rows(valid, max(LENGTHS), np.random.default_rng(2)))
        np.save(folder / "row.npy", longest.numpy())
        found = []
        for kind in (FULL, STRUCTURED):
            model = train(kind, rows, chosen.train_tokens, chosen.steps)
            save_model(model, str(folder / f"{kind}.safetensors"))
            for tokens in LENGTHS:
                source = long_rows(valid, tokens, np.random.default_rng(1))
                measured = [next(source) for _ in range(chosen.rows)]
                entry = {"attention": kind, "tokens": tokens, "perplexity": perplexity(model, measured)}
                found.append(entry | cost_elsewhere(folder, kind, tokens))
    show_table("Reading long rows", list(found[0]), [list(entry.values()) for entry in found])
    if chosen.json:
        settings = {"steps": chosen.steps, "train_tokens": chosen.train_tokens, "rows": chosen.rows}
        write_json(chosen.json, settings | {"found": found})
    if chosen.picture:
        draw(found, chosen.picture)


def draw(found: Sequence[dict[str, float | str]], path: Path) -> None:
    """Perplexity, seconds and megabytes against the length, a line for each kind of attention."""
    figure = new_figure(10, 3)
    for place, measure in enumerate(("perplexity", "seconds", "megabytes"), 1):
        axes = figure.add_subplot(1, 3, place)
        for kind in (FULL, STRUCTURED):
            mine = [entry for entry in found if entry["attention"] == kind]
            axes.plot([e["tokens"] for e in mine], [e[measure] for e in mine], marker="o", label=kind)
        axes.set_xlabel("tokens")
        axes.set_title(measure)
        axes.legend()
    figure.savefig(path)


if __name__ == "__main__":
    main()
