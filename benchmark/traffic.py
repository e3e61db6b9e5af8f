# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""One measurement over DDS: a camera sends, a node answers, an observer counts."""

from collections.abc import Callable
from dataclasses import dataclass
import time

from benchmark.figures import Figures, figures_of
from benchmark.observer import Observer
from benchmark.processes import BenchmarkFailed, Child

WARM_UP_S = 0.5
STRAGGLERS_S = 0.3
CONNECT_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Subject:
    """
    A node under measurement, started before and idle until its camera sends.

    :param name: of the case, for people.
    :param child: its process.
    :param image_topic: where it subscribes.
    :param result_topic: where it answers.
    """

    name: str
    child: Child
    image_topic: str
    result_topic: str


def wait_until_connected(
        observer: Observer, subjects: list[Subject], progress: Callable[[str], None]) -> None:
    """
    Wait until every subject hears its camera and is heard.

    :raises BenchmarkFailed: one does not within a minute.
    """
    deadline = time.monotonic() + CONNECT_TIMEOUT_S
    for subject in subjects:
        progress(f'waiting for {subject.name}')
        while not observer.connected(subject.image_topic, subject.result_topic):
            subject.child.alive()
            if time.monotonic() > deadline:
                raise BenchmarkFailed(
                    f'{subject.name}: nobody subscribes to {subject.image_topic} and publishes '
                    f'{subject.result_topic} after {CONNECT_TIMEOUT_S:.0f} s')
            observer.watch(0.1)


def measure(observer: Observer, camera: Child, subject: Subject, rate_hz: float,
            seconds: float) -> Figures:
    """
    Measure one subject at one rate.

    :param seconds: of the window; warming up comes before it.
    :raises BenchmarkFailed: a process died or hung.
    """
    arrivals = observer.arrivals[subject.result_topic]
    arrivals.clear()
    camera.tell(topic=subject.image_topic, rate=rate_hz, seconds=WARM_UP_S + seconds)
    observer.watch(WARM_UP_S)
    begin_ns, begin_cpu_s, begin_camera_s = time.time_ns(), subject.child.cpu_s(), camera.cpu_s()
    observer.watch(seconds)
    end_ns, end_cpu_s, end_camera_s = time.time_ns(), subject.child.cpu_s(), camera.cpu_s()
    observer.watch(STRAGGLERS_S)
    stamps = camera.answer(10.0, idle=lambda: observer.watch(0.05))['stamps']
    subject.child.alive()
    return figures_of(
        list(arrivals), stamps, begin_ns, end_ns, end_cpu_s - begin_cpu_s,
        (end_camera_s - begin_camera_s) / ((end_ns - begin_ns) / 1e9))
