# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The figures of an evaluation as pictures."""

from collections.abc import Mapping
from pathlib import Path

from faster_deploy_ros.errors import BadValue
from faster_deploy_ros.tools.average_precision import Judged
import matplotlib as mpl
from matplotlib.figure import Figure
import numpy as np

INK, PAPER, FAINT = '#222222', '#ffffff', '#d8d8d8'
STRONG = ('#0b5fa5', '#d1495b', '#2e8b57')
MOST_CLASSES = 10     # beyond that a curve of each would be a tangle


def plot_precision(path: Path, judged: Judged, names: Mapping[int, str], title: str) -> Path:
    """
    Draw precision over recall: the mean over the classes, and faintly each of a few classes.

    :return: where the picture is.
    :raises BadValue: it cannot be written.
    """
    recalls = np.linspace(0, 1, 101)
    figure = Figure(figsize=(6.4, 4.6), dpi=110, facecolor=PAPER, layout='constrained')
    axes = figure.add_subplot()
    few = judged.judged if 1 < len(judged.judged) <= MOST_CLASSES else ()
    greys = mpl.colormaps['viridis'](np.linspace(0.1, 0.85, max(1, len(few))))
    for category, colour in zip(few, greys):
        axes.plot(recalls, judged.curve(0.5, category), color=colour, linewidth=1, alpha=0.7,
                  label=f'{names[category]}, AP50 {judged.ap(0.5, category=category):.3f}')
    for overlap, colour in zip((0.5, 0.75, None), STRONG):
        curve = judged.curve(overlap)
        name = 'IoU 0.50 to 0.95' if overlap is None else f'IoU {overlap:.2f}'
        axes.plot(recalls, curve, color=colour, linewidth=2.2,
                  label=f'{name}, AP {judged.ap(overlap):.3f}')
    axes.set(xlim=(0, 1), ylim=(0, 1.01), xlabel='recall', ylabel='precision', title=title)
    axes.title.set(fontsize=10, color=INK)
    axes.grid(color=FAINT, linewidth=0.6)
    axes.spines[['top', 'right']].set_visible(False)
    axes.legend(fontsize=8, loc='best', framealpha=0.85, edgecolor=FAINT)
    save(figure, path)
    return path


def save(figure: Figure, path: Path) -> None:
    """
    Write a figure as PNG.

    :raises BadValue: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path)
    except OSError as error:
        raise BadValue(f"--plots: '{path}' cannot be written: {error.strerror}") from error
