# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Where the time of each frame went, as a message."""

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from faster_deploy_ros.nodes.road import Arrival
from faster_deploy_ros.pipeline.outcome import Outcome, Status


def timing_message(arrival: Arrival, outcome: Outcome) -> DiagnosticArray:
    """
    Tell the stages of one frame.

    One status: ``name`` is the lane, ``hardware_id`` the worker, ``message`` how the frame ended;
    each value is ``begin end`` in microseconds since the frame was received, and
    ``received_ns`` is that moment on the system clock.
    """
    values = [KeyValue(key='received_ns', value=str(arrival.received_ns))]
    for lap in outcome.laps:
        begin_us = (lap.begin_ns - arrival.submitted_ns) / 1e3
        end_us = (lap.end_ns - arrival.submitted_ns) / 1e3
        values.append(KeyValue(key=lap.name, value=f'{begin_us:.1f} {end_us:.1f}'))
    done = outcome.status is Status.DONE
    status = DiagnosticStatus(
        level=DiagnosticStatus.OK if done else DiagnosticStatus.WARN,
        name=str(outcome.lane), hardware_id=f'worker {outcome.worker}',
        message=outcome.reason or outcome.status.name.lower(), values=values)
    return DiagnosticArray(header=arrival.header, status=[status])
