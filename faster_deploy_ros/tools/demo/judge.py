# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Found objects against the truth, where there is one."""

from faster_deploy_ros.sources import Box, Shot
from faster_deploy_ros.tools.demo.record import Found, Published


class Judge:
    """
    Compare what was found with the truth, where there is one.

    :param truth_labels: the classes of the source's truth; empty where it has none.
    :param model_labels: the classes that the model knows.
    """

    def __init__(self, truth_labels: tuple[str, ...], model_labels: tuple[str, ...]) -> None:
        """Judge only where truth and model share a class."""
        self._labels = truth_labels
        self._able = bool(set(truth_labels) & set(model_labels))
        self._truths: list[tuple[Box, ...]] = []
        self._found: list[tuple[Found, ...]] = []

    def add(self, shot: Shot, message: Published) -> None:
        """Take one frame and what was found on it."""
        if self._able:
            self._truths.append(shot.truth or ())
            self._found.append(message.objects)

    def verdict(self) -> tuple[float | None, tuple[str, ...]]:
        """Return the AP50 over all frames, or None, and what a reader should know of it."""
        if not self._able:
            if not self._labels:
                return None, ()
            known = ', '.join(self._labels)
            return None, (f"no AP50: the model knows none of the scene's classes ({known})",)
        try:
            from faster_deploy_ros.tools.demo.average_precision import ap50
        except ImportError as error:
            return None, (f"no AP50: '{error.name}' is not installed; pip install pycocotools",)
        return ap50(self._truths, self._found, self._labels), ()
