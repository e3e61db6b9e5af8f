# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The health of a node as diagnostic messages."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from faster_deploy_ros.cores.group.member import MemberState
from faster_deploy_ros.nodes.health import Health

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR


class Part(NamedTuple):
    """What a node says of a part that only nodes of its kind have."""

    name: str
    level: bytes
    text: str
    values: Mapping[str, object]


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

    def message(self, stamp: Any, health: Health, source: str,
                members: Sequence[MemberState] = (),
                parts: Sequence[Part] = ()) -> DiagnosticArray:
        """
        Tell the state of input, inference, of a group each core, and of the node's own parts.

        :param stamp: of the message.
        :param source: the state of the subscription in words.
        :param members: of the group of cores; none where there is one core.
        :param parts: of the node.
        """
        array = DiagnosticArray(status=[self._input(health, source), self._inference(health)])
        none_works = all(member.state != 'in' for member in members)
        array.status += [self._core(member, ERROR if none_works else WARN) for member in members]
        array.status += [self._status(*part) for part in parts]
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

    def _core(self, member: MemberState, bad: bytes) -> DiagnosticStatus:
        if member.state == 'in':
            known = member.service_ms is not None
            level, text = OK, f'OK, {member.service_ms:.1f} ms' if known else 'OK'
        elif member.state == 'hung':
            level, text = bad, f'an inference has been hanging for {member.since_s:.0f} s'
        else:
            level, text = bad, (
                f'out since {member.since_s:.0f} s: {member.last_error}; probed every '
                f'{member.pause_s:.0f} s')
        values = {
            'uri': member.uri, 'device': member.device, 'state': member.state,
            'service_ms': '' if member.service_ms is None else f'{member.service_ms:.3f}',
            'seats': member.seats, 'in_use': member.in_use, 'done': member.done,
            'failed': member.failed, 'last_error': member.last_error}
        return self._status(f'core {member.name}', level, text, values, member.name)

    def _status(self, part: str, level: bytes, text: str, values: Mapping[str, object],
                device: str = '') -> DiagnosticStatus:
        return DiagnosticStatus(
            level=level, name=f'{self._name}: {part}', message=text,
            hardware_id=device or self._device,
            values=[KeyValue(key=key, value=str(value)) for key, value in values.items()])
