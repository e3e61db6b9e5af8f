# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the processes of a run said, in order."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Found(NamedTuple):
    """One object in a published message: box in image pixels, score and class name."""

    xyxy: tuple[float, float, float, float]
    score: float
    label: str


class KeptMap(NamedTuple):
    """Where a depth map lies in the recorder's file: each ``step``-th pixel of it."""

    offset: int
    rows: int
    columns: int
    step: int


class DepthNote(NamedTuple):
    """One published depth image: its kind and size, and where it is kept, if it is."""

    kind: str
    width: int
    height: int
    kept: KeptMap | None


class Published(NamedTuple):
    """One result as it arrived at the recorder: objects, or a depth image."""

    stamp_ns: int
    arrived_ns: int
    objects: tuple[Found, ...] = ()
    depth: DepthNote | None = None

    @property
    def age_ms(self) -> float:
        """From the picture's stamp to the arrival of its result, in milliseconds."""
        return (self.arrived_ns - self.stamp_ns) / 1e6


class Timing(NamedTuple):
    """The stages of one frame: ``{stage: (begin, end)}`` in ms since the frame's receipt."""

    stamp_ns: int
    worker: str
    received_ns: int
    stages: Mapping[str, tuple[float, float]]


@dataclass(slots=True)
class Record:
    """
    Everything that is known of a run; grows while it runs.

    :ivar sent: stamp of each picture that the camera sent -> its place in the source.
    :ivar camera_sent: what the camera itself counted, once it has sent its last.
    :ivar input: the node's last word on what it received, from ``/diagnostics``.
    :ivar inference: the node's last word on what became of it.
    :ivar reports: how many of these words there were.
    :ivar exit_codes: how the processes ended, by name.
    :ivar errors: what node and camera logged as errors.
    """

    sent: dict[int, int] = field(default_factory=dict)
    camera_sent: int | None = None
    ready: bool = False
    published: list[Published] = field(default_factory=list)
    timings: list[Timing] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)
    input: dict[str, str] = field(default_factory=dict)
    inference: dict[str, str] = field(default_factory=dict)
    last_words: dict[str, str] = field(default_factory=dict)
    reports: int = 0
    exit_codes: dict[str, int] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    def take(self, event: Mapping[str, Any]) -> None:
        """Add one event of the camera or the recorder; unknown ones are left out."""
        kind = event['event']
        if kind == 'sent':
            self.sent[event['stamp_ns']] = event['index']
        elif kind == 'done':
            self.camera_sent = event['sent']
        elif kind == 'ready':
            self.ready = True
        elif kind == 'labels':
            self.labels = dict(event['names'])
        elif kind == 'detections':
            self.published.append(Published(
                event['stamp_ns'], event['arrived_ns'],
                tuple(Found(tuple(xyxy), score, self.labels.get(label, label))
                      for *xyxy, score, label in event['objects'])))
        elif kind == 'depth':
            kept = event['kept'] and KeptMap(*event['kept'])
            self.published.append(Published(
                event['stamp_ns'], event['arrived_ns'],
                depth=DepthNote(event['kind'], event['width'], event['height'], kept)))
        elif kind == 'timing':
            self.timings.append(_timing(event))
        elif kind == 'diagnostics':
            self._take_diagnostics(event)

    @property
    def settled(self) -> bool:
        """Whether the node said that nothing is on its road any more."""
        return self.inference.get('in_flight') == '0'

    def _take_diagnostics(self, event: Mapping[str, Any]) -> None:
        part = event['name'].rpartition(': ')[2]
        if part == 'input':
            self.input = dict(event['values'])
        elif part == 'inference':
            self.inference = dict(event['values'])
            self.reports += 1
        self.last_words[part] = event['message']


def _timing(event: Mapping[str, Any]) -> Timing:
    values = dict(event['values'])
    received_ns = int(values.pop('received_ns', 0))
    stages = {}
    for stage, text in values.items():
        begin_us, end_us = map(float, text.split())
        stages[stage] = (begin_us / 1e3, end_us / 1e3)
    return Timing(event['stamp_ns'], event['worker'], received_ns, stages)
