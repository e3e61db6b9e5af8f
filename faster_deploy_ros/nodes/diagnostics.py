# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The health of a node as diagnostic messages."""

from collections.abc import Mapping
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from faster_deploy_ros.nodes.health import Health

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR


class Diagnosis:
    """
    Turn counts into statuses; a level speaks of what happened since the last message.

    Thread: ROS
    """

    def __init__(self, name: str, device: str) -> None:
        """Speak for the node ``name`` and its ``device``."""
        self._name = name
        self._device = device
        self._before: dict[str, int] = {}

    def message(self, stamp: Any, health: Health, source: str) -> DiagnosticArray:
        """
        Tell the state of input and inference.

        :param stamp: of the message.
        :param source: the state of the subscription in words.
        """
        array = DiagnosticArray(status=[self._input(health, source), self._inference(health)])
        array.header.stamp = stamp
        return array

    def _since(self, key: str, value: int) -> int:
        """Return how much a counter has grown since it was last asked for."""
        grown = value - self._before.get(key, 0)
        self._before[key] = value
        return grown

    def _input(self, health: Health, source: str) -> DiagnosticStatus:
        arrivals = health.arrivals
        arrived = self._since('received', arrivals.received)
        lost = self._since('lost', arrivals.lost_in_transport)
        if not arrived:
            level, text = WARN, f'no frame arrived; {source}'
        elif lost:
            level, text = WARN, (
                f'{lost} frames lost in transport, before this node took them; '
                'see docs/transport.md')
        elif self._since('zero', health.zero_stamps):
            level, text = WARN, 'image stamps are zero'
        else:
            level, text = OK, f'{arrived} frames arrived'
        return self._status('input', level, text, {
            'received': arrivals.received,
            'lost_in_transport': (
                arrivals.lost_in_transport if arrivals.counts_losses or not arrivals.received
                else 'not counted by this middleware'),
            'first_sequence': arrivals.first_sequence,
            'last_sequence': arrivals.last_sequence,
            'zero_stamps': health.zero_stamps,
        })

    def _inference(self, health: Health) -> DiagnosticStatus:
        failed = self._since('failed', health.failed)
        drops = {**health.dropped, 'overwritten': health.arrivals.overwritten}
        dropped = self._since('dropped', sum(drops.values()))
        published = self._since('published', health.published)
        if failed:
            level, text = ERROR, f'{failed} frames failed: {health.last_error}'
        elif dropped:
            level, text = WARN, f'{published} frames published, {dropped} dropped'
        else:
            level, text = OK, f'{published} frames published'
        values: dict[str, object] = {
            'published': health.published, 'failed': health.failed,
            'cancelled': health.cancelled, 'in_flight': health.in_flight,
        }
        values |= {f'dropped_{why}': count for why, count in drops.items()}
        values['fps'] = f'{health.stages.fps:.1f}'
        for stage, times in health.stages.percentiles().items():
            for mark in ('p50', 'p90', 'p99', 'max'):
                values[f'{stage}_{mark}_ms'] = f'{getattr(times, mark) / 1e6:.3f}'
        return self._status('inference', level, text, values)

    def _status(self, part: str, level: bytes, text: str,
                values: Mapping[str, object]) -> DiagnosticStatus:
        return DiagnosticStatus(
            level=level, name=f'{self._name}: {part}', message=text, hardware_id=self._device,
            values=[KeyValue(key=key, value=str(value)) for key, value in values.items()])
