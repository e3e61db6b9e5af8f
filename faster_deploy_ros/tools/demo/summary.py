# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What became of every frame of a run, and whether it adds up."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from faster_deploy_ros.tools.demo.depth_figures import DepthFigures
from faster_deploy_ros.tools.demo.record import Record
import numpy as np

MARKS = (50, 90, 99)
STAGES = ('wait', 'decode', 'lease', 'preprocess', 'infer', 'postprocess', 'encode', 'hold')


@dataclass(frozen=True)
class Summary:
    """
    The account of a run.

    :ivar dropped: by reason; frames cancelled at the end of the run are among them.
    :ivar age_ms: p50, p90, p99 and max from a picture's stamp to the arrival of its result at a
        subscriber in another process; empty when nothing arrived.
    :ivar stages_ms: median by stage.
    :ivar frames_with: in how many published frames at least one object of a class was found.
    :ivar faults: what does not add up, one sentence each; empty when all is well.
    :ivar ap50: of objects, where the truth is known.
    :ivar depth: how far away things were, of a run of a depth node.
    """

    sent: int
    lost_in_transport: int
    published: int
    failed: int
    dropped: Mapping[str, int]
    out_of_order: int
    fps: float
    age_ms: Mapping[str, float]
    stages_ms: Mapping[str, float] = field(default_factory=dict)
    frames_with: Mapping[str, int] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    ap50: float | None = None
    depth: DepthFigures | None = None
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the public keys; ``sent = lost_in_transport + published + failed + dropped``."""
        return {
            'sent': self.sent,
            'lost_in_transport': self.lost_in_transport,
            'published': self.published,
            'failed': self.failed,
            'dropped': dict(self.dropped),
            'out_of_order': self.out_of_order,
            'fps': self.fps,
            'age_ms': dict(self.age_ms),
            'ap50': self.ap50,
            'stages_ms': dict(self.stages_ms),
            'frames_with': dict(self.frames_with),
            'faults': list(self.faults),
            'notes': list(self.notes),
            'depth': self.depth and self.depth.as_json(),
        }


def summarise(record: Record) -> Summary:
    """Account for every frame of a run."""
    sent = record.camera_sent if record.camera_sent is not None else len(record.sent)
    ended = {key: int(value) for key, value in record.inference.items()
             if key in ('published', 'failed', 'cancelled') or key.startswith('dropped_')}
    dropped = {'overflow': 0, 'stale': 0}
    dropped |= {key.removeprefix('dropped_'): count for key, count in ended.items()
                if key.startswith('dropped_')}
    dropped['cancelled'] = ended.get('cancelled', 0)
    lost, notes = _lost(sent, record.input)
    stamps = [message.stamp_ns for message in record.published]
    ages_ms = [message.age_ms for message in record.published]
    counts = Counter(label for message in record.published
                     for label in {found.label for found in message.objects})
    account = Summary(
        sent=sent, lost_in_transport=lost, published=ended.get('published', 0),
        failed=ended.get('failed', 0), dropped=dropped,
        out_of_order=sum(after <= before for before, after in pairwise(stamps)),
        fps=_rate([message.arrived_ns for message in record.published]),
        age_ms=_percentiles(ages_ms), stages_ms=_stages(record),
        frames_with=dict(counts.most_common()), notes=notes)
    return replace(account, faults=tuple(_faults(record, account)))


def _lost(sent: int, heard: Mapping[str, str]) -> tuple[int, tuple[str, ...]]:
    """
    Count the frames that never reached the node, from the publisher's sequence numbers.

    What came before the first received one, the gaps, and what came after the last.
    """
    received = int(heard.get('received', 0))
    if not received:
        return sent if heard else 0, ()
    last = int(heard.get('last_sequence', 0))
    gaps = heard.get('lost_in_transport', '')
    if not last or not gaps.isdigit():
        note = 'this middleware numbers no messages: lost in transport is sent minus received'
        return sent - received, (note,)
    return (int(heard['first_sequence']) - 1) + int(gaps) + (sent - last), ()


def _faults(record: Record, account: Summary) -> list[str]:
    """Say in a sentence each what is off."""
    if not record.inference or not record.input:
        return ['the node published no diagnostics: nothing can be accounted for']
    faults = []
    received, ended = int(record.input.get('received', 0)), (
        account.published + account.failed + sum(account.dropped.values()))
    if account.sent != account.lost_in_transport + ended:
        faults.append(
            f'{account.sent} frames sent, but {account.lost_in_transport} lost in transport + '
            f'{account.published} published + {account.failed} failed + '
            f'{sum(account.dropped.values())} dropped = {account.lost_in_transport + ended}')
    overwritten = account.dropped.get('overwritten', 0)   # dropped before it was received
    arrived = account.lost_in_transport + overwritten + received
    if account.sent != arrived:
        faults.append(
            f'{account.sent} frames sent, but {account.lost_in_transport} lost in transport + '
            f'{overwritten} overwritten + {received} received = {arrived}')
    if len(record.published) != account.published:
        faults.append(
            f'the node says it published {account.published} messages, the recorder got '
            f'{len(record.published)}')
    if len(record.sent) != account.sent:
        faults.append(
            f'the camera says it sent {account.sent} frames, with {len(record.sent)} stamps')
    unknown = sum(message.stamp_ns not in record.sent for message in record.published)
    if unknown:
        faults.append(f'{unknown} messages carry a stamp that the camera never gave')
    if account.out_of_order:
        faults.append(f'{account.out_of_order} messages came out of order or twice')
    faults += [f'the {name} process ended with code {code}'
               for name, code in record.exit_codes.items() if code]
    if not account.published:
        faults.append('not one frame was published')
    return faults


def _rate(times_ns: list[int]) -> float:
    if len(times_ns) < 2 or times_ns[-1] <= times_ns[0]:
        return 0.0
    return round((len(times_ns) - 1) / ((times_ns[-1] - times_ns[0]) / 1e9), 2)


def _percentiles(values: list[float]) -> dict[str, float]:
    if not values:
        return {}
    found = {f'p{mark}': float(np.percentile(values, mark)) for mark in MARKS}
    return {name: round(value, 3) for name, value in (*found.items(), ('max', max(values)))}


def _stages(record: Record) -> dict[str, float]:
    """Return the median of each stage in ms, in the order of the road."""
    return {stage: round(float(np.median(spans)), 3) for stage in STAGES if (
        spans := [end - begin for timing in record.timings if stage in timing.stages
                  for begin, end in [timing.stages[stage]]])}
