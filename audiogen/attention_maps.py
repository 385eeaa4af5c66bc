"""What the player leans on while it plays: its self-attention added up over the bars of the tune.

Axes: H heads, T steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audiogen.clip import Clip
from audiogen.conditions import conditions_of
from audiogen.evaluation.pictures import new_figure
from audiogen.evaluation.tables import write_json
from audiogen.player import Player
from codec.audio_files import replacing
from symbolic_bridge.performance import BarSpan

# Memory grows with the square of the length: a layer of four heads takes 64 MB at 40 s.
MAX_SECONDS = 40.0


@dataclass(frozen=True)
class BarAttention:
    """`weights` float [layers, H, bars, bars]: how much of its attention a bar, of the rows, has for each bar.

    Rows add up to 1; a sound without bars before or behind it, such as a last ring, is left out.
    """

    bars: tuple[BarSpan, ...]
    weights: np.ndarray


def bar_attention(player: Player, clip: Clip) -> BarAttention:
    """The attention of the player over the bars of a clip that it has played.

    Raises:
        ValueError: the clip has no tune or no codes, or is longer than MAX_SECONDS.
    """
    if clip.performance is None or clip.frames is None or clip.codes is None:
        raise ValueError(
            f"attention over bars needs a tune that the player played; this is route {clip.route}"
        )
    if clip.seconds > MAX_SECONDS:
        raise ValueError(
            f"the clip has {clip.seconds:.0f} s; attention is drawn of at most {MAX_SECONDS:g} s"
        )
    count = clip.codes.tokens.shape[-1]
    clock = player.model.pattern.clock(count).numpy()
    centres = (clock + 0.5) / float(player.spec.frame_rate)
    bars = tuple(bar for bar in clip.performance.bars if bar.onset < count / float(player.spec.frame_rate))
    inside = np.stack([(bar.onset <= centres) & (centres < bar.offset) for bar in bars]).astype(np.float64)
    layers = [
        np.stack([over_bars(head, inside) for head in layer.double().cpu().numpy()])
        for layer in player.attention(clip.frames, conditions_of(clip.attributes), clip.codes)
    ]
    return BarAttention(bars, np.stack(layers))


def over_bars(weights: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Attention between steps [T, T] as attention between bars [bars, bars].

    Args:
        weights: rows add up to 1.
        inside: [bars, T], 1 where the step is of the bar.
    """
    between = inside @ weights @ inside.T  # [bars, bars]
    totals = between.sum(axis=1, keepdims=True)
    return between / np.where(totals > 0, totals, 1.0)


def draw_attention(folder: Path, found: BarAttention, title: str) -> list[Path]:
    """Draw one picture a layer, a panel a head, and write the numbers: layer-1.png ..., attention.json.

    Raises:
        ValueError: matplotlib is not installed.
    """
    layers, heads, bars, _ = found.weights.shape
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for layer in range(layers):
        figure = new_figure(1 + 3.6 * heads, 4.6)
        axes = figure.subplots(1, heads, squeeze=False)[0]
        for head, axis in enumerate(axes):
            image = axis.imshow(found.weights[layer, head], cmap="magma", vmin=0.0, vmax=1.0)
            for place in range(1, bars):
                if found.bars[place].section != found.bars[place - 1].section:
                    axis.axhline(place - 0.5, color="cyan", linewidth=0.8)
                    axis.axvline(place - 0.5, color="cyan", linewidth=0.8)
            places = range(0, bars, max(1, bars // 12))
            labels = [f"{place + 1}" for place in places]
            axis.set(title=f"head {head + 1}", xlabel="attended bar", ylabel="played bar")
            axis.set_xticks(list(places), labels)
            axis.set_yticks(list(places), labels)
        figure.colorbar(image, ax=list(axes), label="share of attention")
        figure.suptitle(f"{title}: layer {layer + 1} of {layers}; lines between the tune's parts")
        path = folder / f"layer-{layer + 1}.png"
        with replacing(path) as temporary:
            figure.savefig(temporary, format="png", dpi=90)
        paths.append(path)
    bars_json = [
        {"onset": round(bar.onset, 4), "offset": round(bar.offset, 4), "section": bar.section}
        for bar in found.bars
    ]
    numbers = folder / "attention.json"
    write_json(numbers, {"bars": bars_json, "weights": np.round(found.weights, 5).tolist()})
    return [*paths, numbers]
