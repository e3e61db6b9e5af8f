# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The straight road of a node: subscription, line, publisher; in order, all accounted for."""

from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from time import monotonic_ns, sleep, time_ns
from typing import Any, NamedTuple

from faster_deploy_ros.cores import CoreGroup
from faster_deploy_ros.cores.group.reservation import Reservation
from faster_deploy_ros.nodes.health import Health
from faster_deploy_ros.nodes.outlet import Outlet
from faster_deploy_ros.nodes.perception_params import PerceptionParams
from faster_deploy_ros.nodes.qos import profile
from faster_deploy_ros.nodes.tap import Tap
from faster_deploy_ros.nodes.throttle import Throttle
from faster_deploy_ros.pipeline.announcer import Announcer
from faster_deploy_ros.pipeline.ordered import OrderedExecutor
from faster_deploy_ros.pipeline.outcome import Outcome, Overflow, Status
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image

NS_PER_MS = 1e6
CLOSE_TIMEOUT_S = 10.0


class Arrival(NamedTuple):
    """What the ROS thread remembers of a frame while it is on the road."""

    header: Any
    received_ns: int     # system clock, for the timing topic
    submitted_ns: int    # monotonic
    seat: Reservation | None = None   # of a group of cores, for an image taken because of it


class Road:
    """
    Carry frames from the subscription to the publisher while a node is active.

    Thread: ROS, all of it; only ``job`` runs elsewhere, on the workers.

    :param node: the node whose entities are made and destroyed here.
    :param params: of the line and its input.
    :param job: ``job(message, stopwatch) -> value``, the work on one frame; it also gets
        ``wanted``, where the outlet says that something is.
    :param outlet: where the values go.
    :param on_timing: called with ``(arrival, outcome)`` for each frame that has ended.
    :param on_broken: called with the reason when the line cannot go on.
    :param group: the cores, where there are several: an image is left with the middleware while
        its lease would have to wait.
    """

    def __init__(self, node: Node, params: PerceptionParams, job: Callable[..., Any],
                 outlet: Outlet, on_timing: Callable[[Arrival, Outcome], None],
                 on_broken: Callable[[str], None], group: CoreGroup | None = None) -> None:
        """Open everything, the subscription last."""
        self._node = node
        self._params = params
        self._job = job
        self._outlet = outlet
        self._on_timing = on_timing
        self._on_broken = on_broken
        self._group = group
        # rclpy ties a severity to the place of the call for good: two severities, two places.
        logger = node.get_logger()
        self._log_failure = Throttle(lambda text: logger.error(text))     # noqa: PLW0108
        self._log_oddity = Throttle(
            lambda text: logger.warning(text), period_s=60.0)                  # noqa: PLW0108
        self._arrivals: deque[Arrival] = deque()
        self._limit = params.workers + params.queue_depth
        self._tapped = params.overflow == 'block' or not params.queue_depth
        self._subscription: Any = None
        self._joined = True
        self.health = Health()
        with ExitStack() as undo:
            wake_up = node.create_guard_condition(self.deliver)
            undo.callback(node.destroy_guard_condition, wake_up)
            if group is not None:
                room = Announcer(wake_up.trigger)
                undo.callback(room.forget, CLOSE_TIMEOUT_S)
                undo.callback(group.call_on_room, None)
                group.call_on_room(room.announce)
            self._line = OrderedExecutor(
                workers=params.workers, depth=params.queue_depth,
                overflow=Overflow[params.overflow.upper()], on_ready=wake_up.trigger,
                max_age_ns=round(params.max_age_ms * NS_PER_MS) or None,
                job_timeout_s=params.job_timeout_s or None, max_hung=params.max_hung_jobs)
            undo.callback(self._close_line)
            undo.callback(self.listen, False)
            self.listen(True)
            self._undo = undo.pop_all()

    def listen(self, wanted: bool) -> None:
        """Subscribe to the images, or stop it; frames on the road go on."""
        if wanted and self._subscription is None:
            compressed = self._params.image_transport == 'compressed'
            topic = 'image/compressed' if compressed else 'image'
            blocking = self._params.overflow == 'block'
            qos = profile(
                self._params.input_qos, self._params.input_qos_depth or (10 if blocking else 1),
                self._node.get_publishers_info_by_topic(self._node.resolve_topic_name(topic)))
            self._subscription = self._node.create_subscription(
                CompressedImage if compressed else Image, topic, self._on_image, qos,
                callback_group=Tap(self._has_room))
        elif not wanted and self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._subscription = None

    def _has_room(self) -> bool:
        """Say whether the next image is to be taken from the middleware yet."""
        if not self._tapped:
            return True
        if len(self._arrivals) < self._limit and (self._group is None or self._group.has_room()):
            return True
        self.health.arrivals.passed_over = True
        return False

    @property
    def listening(self) -> bool:
        """Whether images are subscribed to."""
        return self._subscription is not None

    def source(self) -> str:
        """Say in words where images are expected to come from."""
        if self._subscription is None:
            return 'not listening (~/enable)'
        topic = self._subscription.topic_name
        return f"{self._node.count_publishers(topic)} publishers on '{topic}'"

    def close(self) -> bool:
        """
        End in the reverse order of the start; waiting frames are cancelled, running ones finish.

        :return: False when a worker did not end in time: then nothing below it may be unloaded.
        """
        self._undo.close()
        return self._joined

    def _close_line(self) -> None:
        self._joined = self._line.close(finish=False, timeout_s=CLOSE_TIMEOUT_S)
        self.deliver()

    def _on_image(self, message: Any, info: Any) -> None:
        received_ns, now_ns = time_ns(), monotonic_ns()
        self.health.arrivals.count(info)
        header = message.header
        stamp_ns = header.stamp.sec * 1_000_000_000 + header.stamp.nanosec
        if stamp_ns:
            taken_ns = now_ns - (self._node.get_clock().now().nanoseconds - stamp_ns)
        else:
            taken_ns = None
            self.health.zero_stamps += 1
            self._log_oddity(
                f"input '{self._subscription.topic_name}': the image stamp is zero, expected the "
                'time of exposure; its age is unknown, never stale. Set it in the camera driver.')
        wanted = self._outlet.wanted()
        job = (partial(self._job, message) if wanted is None
               else partial(self._job, message, wanted=wanted))
        seat = self._group.reserve() if self._group is not None and self._tapped else None
        if seat is not None:
            job = partial(seat.carry, job)
        self._arrivals.append(Arrival(header, received_ns, now_ns, seat))
        self._line.submit(job, stamp_ns=taken_ns)
        sleep(0)   # lets go of the GIL: the worker begins now, not after what rclpy does next

    def deliver(self) -> None:
        """Publish what is ready, in order; count and log the rest."""
        for settled in self._line.drain():
            arrival = self._arrivals.popleft()
            if arrival.seat is not None:
                arrival.seat.cancel()   # the frame may never have run
            done = settled.status is Status.DONE
            outcome = self._publish(arrival, settled) if done else settled
            self.health.count(outcome)
            if outcome.status is Status.FAILED:
                stamp = arrival.header.stamp
                self._log_failure(
                    f'frame {stamp.sec}.{stamp.nanosec:09d} failed: {_text(outcome.error)}',
                    kind=_text(outcome.error))
            self._on_timing(arrival, outcome)
        if self._line.broken:
            self._on_broken(self._line.broken)

    def _publish(self, arrival: Arrival, outcome: Outcome) -> Outcome:
        try:
            self._outlet.publish(outcome.value)
        except Exception as error:   # it would end the spin, and with it the node
            return replace(outcome, status=Status.FAILED, error=error, value=None)
        stamp = arrival.header.stamp
        if stamp.sec or stamp.nanosec:
            age_ns = (self._node.get_clock().now().nanoseconds
                      - stamp.sec * 1_000_000_000 - stamp.nanosec)
            self.health.stages.add_age(age_ns)
        return outcome


def _text(error: BaseException | None) -> str:
    return f'{type(error).__name__}: {error}'
