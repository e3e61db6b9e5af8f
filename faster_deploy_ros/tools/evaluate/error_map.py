# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""One image, its truth, the prediction and the error, side by side."""

from pathlib import Path
from typing import Any

from faster_deploy_ros.tools.evaluate.alignment import Alignment, Fit
from faster_deploy_ros.tools.evaluate.depth_errors import Array
from faster_deploy_ros.tools.evaluate.depth_figures import Difference, Range, Told
from faster_deploy_ros.tools.evaluate.plots import INK, PAPER, save
import matplotlib as mpl
from matplotlib.colors import Colormap, LogNorm, Normalize
from matplotlib.figure import Figure
import numpy as np
from numpy.typing import NDArray

UNKNOWN = '#3a3a3a'
WORST_SHOWN = 0.5     # relative error at which the colour of an error ends
WIDE = 1.8            # width by height from which the four are stacked


def draw_errors(
        path: Path, told: Told, one: Difference, how: Alignment, limits: Range,
        title: str) -> Path:
    """
    Draw image, truth, prediction and relative error.

    Red is too far, blue too near. Truth and prediction share their colours.

    :param how: the alignment whose errors are drawn.
    :return: where the picture is.
    :raises BadValue: it cannot be written.
    """
    predicted, error = _aligned(told, one.fits[how], limits)
    far = float(np.nanpercentile(told.truth, 98))
    near = float(np.nanpercentile(told.truth, 2))
    height, width = told.truth.shape
    rows, columns = (4, 1) if width > WIDE * height else (2, 2)
    wide = 7.0 if rows == 4 else 4.2
    figure = Figure(
        figsize=(columns * wide + 0.8, rows * (wide * height / width + 0.2) + 0.3), dpi=90,
        facecolor=PAPER, layout='constrained')
    panels = figure.subplots(rows, columns).flat
    turbo = mpl.colormaps['turbo_r'].with_extremes(bad=UNKNOWN)
    signed = mpl.colormaps['RdBu_r'].with_extremes(bad=UNKNOWN)
    found = one.errors[how]
    _show(panels[0], told.frame.image[:, :, ::-1], 'image')
    scale = LogNorm(near, max(far, near * 1.01))   # a metre counts more where it is near
    _show(panels[1], told.truth, f'truth, {near:.1f} to {far:.1f} m', turbo, scale)
    _show(panels[2], predicted, f'prediction, {how.value}', turbo, scale)
    shown = _show(
        panels[3], error, f'error: AbsRel {found.abs_rel:.3f}, RMSE {found.rmse:.2f} m', signed,
        Normalize(-WORST_SHOWN, WORST_SHOWN))
    bar = figure.colorbar(shown, ax=panels[3], shrink=0.85, pad=0.01)
    bar.set_ticks([-WORST_SHOWN, 0, WORST_SHOWN], labels=[
        f'{WORST_SHOWN:.0%}\nnearer', '0', f'{WORST_SHOWN:.0%}\nfarther'], fontsize=7)
    figure.suptitle(title, fontsize=10, color=INK)
    save(figure, path)
    return path


def _aligned(told: Told, fit: Fit, limits: Range) -> tuple[Array, Array]:
    """Return (h, w) metres and relative errors, NaN where there is none."""
    metres = limits.cut(fit.metres(told.predicted.depth.astype(np.float64)))
    return metres, np.where(limits.judged(told.truth), metres / told.truth - 1, np.nan)


def _show(
        panel: Any, values: NDArray[Any], text: str, colours: Colormap | None = None,
        scale: Normalize | None = None) -> Any:
    shown = panel.imshow(values, cmap=colours, norm=scale, interpolation='nearest')
    panel.set_axis_off()
    panel.set_title(text, fontsize=8, color=INK, loc='left', pad=2)
    return shown
