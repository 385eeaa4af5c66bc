"""How fast codes are written: our engine against transformers on the same weights, and the shipped player.

    python benchmarks/lm_speed.py --threads 1 --steps 40 --json lm_speed.json

The first two tables have a decoder of MusicGen's shape (facebook/musicgen-small unless told otherwise) with random
weights, greedy, without guidance (one row) and with MusicGen's usual guidance (two rows): `transformers`' own
`generate`, our engine with the same weights in single precision, whose codes must be the same, and with weights of 16
and 8 bits, whose deviation is told. The others have the shipped player, with the codes of a clip drawn as usual, with
guidance and without.

The limit of a step is the bytes of the weights it reads over the memory bandwidth. What a plain product of a matrix
with a vector reaches is measured in the same run; "of matvec" is how close each step is to it. Rounds alternate and the
fastest of each counts, since what else the machine does only slows. `--clock cpu` counts the process's own seconds
instead of the wall's, for one thread on a machine that is busy with other work.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from audiogen.conditions import Conditions
from audiogen.decoding import ANY, decode
from audiogen.evaluation.tables import show_table, write_json
from audiogen.generator import Generator
from audiogen.guidance import Guidance
from audiogen.linear import PRECISIONS, Int8Linear, PackedLinear, speed_up
from audiogen.lm import AudioLM
from audiogen.musicgen.config import read_config
from audiogen.musicgen.generator import GUIDANCE, guided
from audiogen.musicgen.model import Conditioning, MusicGenLM
from audiogen.player import Piece, Player, Sampling

COLUMNS = ("ms a step", "steps a second", "GB/s", "of matvec", "against the first")
MATVEC_MEGABYTES = 256
TEXT_TOKENS = 12
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=40, help="of each piece")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="cpu: with --threads 1 only")
    parser.add_argument("--width", type=int, default=1024)
    parser.add_argument("--layers", type=int, default=24)
    parser.add_argument("--no-musicgen", action="store_true", help="leave the first table out")
    parser.add_argument("--json", type=Path, help="write the result here")
    chosen = parser.parse_args()
    if chosen.clock == "cpu" and chosen.threads != 1:
        parser.error("--clock cpu adds up the threads' seconds; take --threads 1")
    torch.set_num_threads(chosen.threads)
    result: dict[str, Any] = {"threads": chosen.threads, "steps": chosen.steps, "clock": chosen.clock}
    if not chosen.no_musicgen:
        result["musicgen"] = musicgen(chosen)
    result["player"] = player(chosen)
    if chosen.json:
        write_json(chosen.json, result)


def matvec_rate(clock: Callable[[], float]) -> Callable[[], float]:
    """A measure of the bytes a second of a plain matrix-vector product over more memory than any cache holds."""
    matrix, vector = torch.randn(MATVEC_MEGABYTES * 2**20 // 4 // 4096, 4096), torch.randn(4096)

    def measure() -> float:
        began = clock()
        torch.mv(matrix, vector)
        return matrix.numel() * 4 / (clock() - began)

    return measure


def bytes_a_step(model: MusicGenLM | AudioLM) -> int:
    """Of the weights that each step of decoding reads; keys and values of a memory are projected once."""
    total = 0
    for name, module in nn.ModuleDict({"body": model.body, "heads": model.heads}).named_modules():
        if isinstance(module, nn.Linear | PackedLinear | Int8Linear) and not name.endswith("key_value"):
            each = 1 if isinstance(module, Int8Linear) else 4
            if isinstance(module, PackedLinear):
                each = module.dtype.itemsize
            total += module.in_features * module.out_features * each
    return total


def race(
    runs: dict[str, tuple[Callable[[], object], int]], steps: int, chosen: argparse.Namespace
) -> dict[str, dict[str, float]]:
    """The fastest of alternating rounds of each; `runs` are a name, what to run and the bytes a step of it reads."""
    clock = CLOCKS[chosen.clock]
    rate = matvec_rate(clock)
    best = dict.fromkeys(runs, float("inf"))
    matvec = max(rate() for _ in range(3))
    for _ in range(chosen.rounds):
        for name, (run, _) in runs.items():
            began = clock()
            run()
            best[name] = min(best[name], (clock() - began) / steps)
            matvec = max(matvec, rate())
    first = best[next(iter(runs))]
    return {
        name: {
            "ms a step": round(best[name] * 1e3, 3),
            "steps a second": round(1 / best[name], 2),
            "GB/s": round(read / best[name] / 1e9, 2),
            "of matvec": round(read / best[name] / matvec, 3),
            "against the first": round(first / best[name], 2),
        }
        for name, (_, read) in runs.items()
    } | {"matvec": {"GB/s": round(matvec / 1e9, 2), "of matvec": 1.0}}


def show(title: str, found: dict[str, dict[str, float]]) -> None:
    """One row a runner."""
    rows = [[name, *(figures.get(column) for column in COLUMNS)] for name, figures in found.items()]
    show_table(title, ("engine", *COLUMNS), rows)


@torch.inference_mode()
def musicgen(chosen: argparse.Namespace) -> dict[str, Any]:
    """A decoder of MusicGen's shape in the library and here."""
    import transformers

    torch.manual_seed(0)
    text: dict[str, Any] = {
        "vocab_size": 64,
        "d_model": 64,
        "d_kv": 16,
        "d_ff": 64,
        "num_layers": 1,
        "num_heads": 2,
    }
    sound: dict[str, Any] = {"num_filters": 4, "upsampling_ratios": [8, 5, 4, 4], "codebook_size": 2048,
             "sampling_rate": 32_000, "target_bandwidths": [2.2]}  # fmt: skip
    shape: dict[str, Any] = {
        "hidden_size": chosen.width,
        "num_hidden_layers": chosen.layers,
        "ffn_dim": 4 * chosen.width,
    }
    config = transformers.MusicgenConfig(
        text_encoder=transformers.T5Config(**text), audio_encoder=transformers.EncodecConfig(**sound),
        decoder=transformers.MusicgenDecoderConfig(**shape),
    )  # fmt: skip
    theirs: Any = transformers.MusicgenForConditionalGeneration(config).eval()
    for parameter in theirs.decoder.parameters():  # so that the likeliest code is no matter of rounding
        parameter.mul_(3.0) if parameter.ndim == 2 else None
    ours = MusicGenLM(read_config(Path("config.json"), config.to_dict()))
    ours.load(theirs.state_dict(), Path("random"))
    ours.eval().requires_grad_(False)
    rounded = {precision: copy.deepcopy(ours) for precision in ("bf16", "int8")}
    plain_bytes = bytes_a_step(ours)
    speed_up(ours)
    for precision, each in rounded.items():
        speed_up(each, precision)
    ids = torch.randint(64, (1, TEXT_TOKENS))
    mask = torch.ones_like(ids)
    states = theirs.text_encoder(input_ids=ids, attention_mask=mask).last_hidden_state
    frames = chosen.steps - ours.config.streams + 1
    heard: list[Tensor] = []
    own = theirs.audio_encoder.decode
    theirs.audio_encoder.decode = lambda codes, **more: heard.append(codes) or own(codes, **more)
    result: dict[str, Any] = {}
    for rows, guidance in ((1, 1.0), (2, GUIDANCE)):
        told = ours.condition(states.repeat(rows, 1, 1), mask.bool() & torch.tensor([[True], [False]])[:rows])
        options = {"do_sample": False, "guidance_scale": guidance, "max_new_tokens": chosen.steps}
        found = race(
            {
                "transformers": (partial(theirs.generate, input_ids=ids, attention_mask=mask, **options), plain_bytes),
                "ours, fp32": (partial(greedy, ours, told, frames, guidance), plain_bytes),
                **{
                    f"ours, {precision}": (partial(greedy, each, told, frames, guidance), bytes_a_step(each))
                    for precision, each in rounded.items()
                },
            },
            chosen.steps, chosen,
        )  # fmt: skip
        show(
            f"MusicGen, width {chosen.width}, {chosen.layers} layers, guidance {guidance}, {chosen.threads} threads",
            found,
        )
        codes = greedy(ours, told, frames, guidance)
        same = bool(torch.equal(codes, heard[-1][0]))
        print(f"fp32 codes the same as transformers': {same}")
        result[f"guidance {guidance}"] = {"engines": found, "same_codes": same}
        if rows == 1:
            result |= deviations(ours, rounded, codes, told)
    return result


def deviations(
    exact: MusicGenLM, rounded: dict[str, MusicGenLM], codes: Tensor, told: Conditioning
) -> dict[str, float]:
    """How far the logits [B, K, S, V] of rounded weights lie from the exact ones, the codes [1, K, S] being given."""
    before = exact.pattern.interleave(codes, exact.nothing)
    logits = exact(before, told)
    result = {}
    for precision, each in rounded.items():
        rough = each(before, told)
        deviation = float((rough - logits).std() / logits.std())
        alike = float((rough.argmax(-1) == logits.argmax(-1)).float().mean())
        print(
            f"{precision}: logits deviate by {deviation:.4f} of their spread; {alike:.3f} of the likeliest codes stay"
        )
        result |= {f"{precision}_deviation": deviation, f"{precision}_same_likeliest": alike}
    return result


def greedy(model: MusicGenLM, told: Conditioning, frames: int, guidance: float) -> Tensor:
    """The likeliest codes, [1, K, S]; with guidance the second row is told nothing."""
    assert told.memory is not None
    rows = len(told.memory)
    cache = model.body.new_cache(rows, model.pattern.length(frames))

    def step(t: int, previous: Tensor, known: Tensor) -> Tensor:
        logits = model(previous.expand(rows, -1, -1), told, cache)[:, -1]
        likeliest = (guided(logits, guidance) if rows == 2 else logits).argmax(-1)
        return torch.where(known == ANY, likeliest, known)

    [codes] = decode(model.pattern, frames, 1, model.nothing, step)
    return codes


def player(chosen: argparse.Namespace) -> dict[str, Any]:
    """The shipped player with PyTorch's projections, and packed in each precision."""
    spec = Generator().codec.spec
    players = {"as loaded": Player(load_plain(), spec)}
    for precision in PRECISIONS:
        players[precision] = Player(load_plain(), spec)
        speed_up(players[precision].model, precision)
    frames = chosen.steps * 5
    told = Conditions(text="a lively jig in D major on the fiddle", instrument="fiddle", kind="jig")

    def run(each: Player, guidance: float) -> Callable[[], object]:
        return lambda: each.play(Piece(None, told, 1, frames), Sampling(guidance=Guidance.all(guidance)))

    found = {}
    for guidance, rows in ((1.5, "two rows"), (1.0, "one row")):
        found[rows] = race(
            {
                f"{name}, {rows}": (run(each, guidance), bytes_a_step(each.model))
                for name, each in players.items()
            },
            players["fp32"].model.pattern.length(frames), chosen,
        )  # fmt: skip
        show(f"The shipped player, {rows}, {chosen.threads} threads", found[rows])
    return found


def load_plain() -> AudioLM:
    """The shipped player's network with PyTorch's own projections."""
    from audiogen.lm import LMConfig
    from audiogen.player import FORMAT, SHIPPED, VERSION
    from codec.checkpoint import build_config, load_checkpoint, load_weights

    checkpoint = load_checkpoint(SHIPPED, "player", format=FORMAT, version=VERSION)
    model = AudioLM(build_config(LMConfig, checkpoint))
    load_weights(model, checkpoint.tensors, checkpoint.path)
    return model.eval().requires_grad_(False)


if __name__ == "__main__":
    main()
