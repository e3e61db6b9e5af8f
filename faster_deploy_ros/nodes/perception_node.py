# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The lifecycle that owns a model, its road and what they publish."""

from collections.abc import Sequence
from contextlib import ExitStack
import traceback
from typing import Any, ClassVar, Generic, TypeVar

from diagnostic_msgs.msg import DiagnosticArray
from faster_deploy_ros.cores import CoreGroup, InferCore
from faster_deploy_ros.errors import FasterDeployError
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.nodes.convert import compressed_to_frame, image_to_frame
from faster_deploy_ros.nodes.diagnostics import Diagnosis, Part
from faster_deploy_ros.nodes.log_bridge import LogBridge
from faster_deploy_ros.nodes.model_choice import (
    depth_advice,
    first_inference,
    open_chosen,
    with_workers,
)
from faster_deploy_ros.nodes.outlet import Outlet
from faster_deploy_ros.nodes.params import DeclaredParameters
from faster_deploy_ros.nodes.perception_params import PerceptionParams
from faster_deploy_ros.nodes.qos import profile
from faster_deploy_ros.nodes.road import Arrival, Road
from faster_deploy_ros.nodes.timing import timing_message
from faster_deploy_ros.pipeline.outcome import Outcome
from faster_deploy_ros.pipeline.stages import Stages
from faster_deploy_ros.tasks.base import Model, R
import numpy as np
from rclpy.clock import Clock, ClockType
from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from std_srvs.srv import SetBool

P = TypeVar('P', bound=PerceptionParams)
LAST_WORDS = Duration(seconds=1)   # how long the last messages may take to arrive
WARM_UP_SIZE = (480, 640, 3)
TIMED = 3   # warm-up inferences on each seat of a group: the first does not count as usual
SUCCESS, FAILURE, ERROR = (TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE,
                           TransitionCallbackReturn.ERROR)


class PerceptionNode(LifecycleNode, Generic[R, P]):
    """
    Base of all nodes: images in, results out, through one model.

    A subclass says ``params_type``, opens its model, says where its results go and encodes them.
    Everything made in a transition is undone in exact reverse, also when the transition fails
    half-way.

    Thread: ROS
    """

    params_type: ClassVar[type[Any]]

    def __init__(self, name: str, **kwargs: Any) -> None:
        """Declare the parameters; load nothing."""
        super().__init__(name, **kwargs)
        self.exit_code: int | None = None
        self._log_bridge = LogBridge(self.get_logger())
        self._parameters_of_ours = DeclaredParameters(self, self.params_type)
        self._configured = ExitStack()
        self._active = ExitStack()
        self.road: Road | None = None   # while active
        self._group: CoreGroup | None = None   # the core, where it is several
        self._stuck = False     # a worker never ended: nothing below it may be unloaded
        self._broken = False    # the line gave up
        self.create_service(SetBool, '~/enable', self._on_enable)
        if self._parameters_of_ours.peek('autostart'):
            self._autostart = self.create_timer(0.0, self._on_autostart, clock=_steady())

    # What a subclass says.

    def open_model(self, core: InferCore, params: P) -> Model[R]:
        """Return the model on a loaded core; runs at configure."""
        raise NotImplementedError

    def open_outlet(self, model: Model[R], params: P, undo: ExitStack) -> Outlet:
        """
        Make the publishers of the results, and publish what is known once the model is.

        :param undo: takes what must be undone at cleanup.
        """
        raise NotImplementedError

    def open_inputs(self, undo: ExitStack) -> None:
        """Subscribe to what is needed beside images; ``undo`` takes what ends with activity."""

    def encode(self, frame: Frame, result: R, *wanted: Any) -> Any:
        """
        Return what the outlet publishes of one result.

        :param wanted: what the outlet said of it when the frame came in, if it says anything.

        Thread: worker
        """
        raise NotImplementedError

    def parts(self) -> Sequence[Part]:
        """Tell the diagnostics more than what every node has to say."""
        return ()

    # The lifecycle.

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Read the parameters, open core and model, warm up, make the publishers."""
        try:
            with ExitStack() as undo:
                self._set_up(undo)
                self._configured = undo.pop_all()
        except FasterDeployError as error:
            self.get_logger().error(f'configure: {error}')
            return FAILURE
        except Exception:
            self.get_logger().error(f'configure: unexpected\n{traceback.format_exc()}')
            return FAILURE
        return SUCCESS

    def _set_up(self, undo: ExitStack) -> None:
        params = self._params = with_workers(self._parameters_of_ours.read())
        core, self._group = open_chosen(params)
        undo.callback(core.unload)
        with first_inference(core):
            model = self.open_model(core, params)
            _warm_up(core, model, params.workers, self._group)
        compressed = params.image_transport == 'compressed'
        self._job = Stages(
            compressed_to_frame if compressed else image_to_frame, model, self.encode)
        self._output_qos = profile(params.output_qos, params.output_qos_depth)
        self._timing = self._published(undo, DiagnosticArray, 'timing', self._output_qos)
        self._diagnostics = self._published(undo, DiagnosticArray, '/diagnostics', 10)
        self._outlet = self.open_outlet(model, params, undo)
        self._diagnosis = Diagnosis(self.get_name(), ', '.join(
            f'{one.device.scheme}.{one.device.index}' for one in _cores_of(core, self._group)))
        chosen = ', '.join(
            f'{one.uri.shown} on {one.device.name}' for one in _cores_of(core, self._group))
        self.get_logger().info(
            f'configured: {chosen}, {params.workers} workers; {model.introduction}')
        if self._group is not None and (advice := depth_advice(self._group, params)):
            self.get_logger().warning(advice)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Open the road, its subscription last."""
        try:
            with ExitStack() as undo:
                self.open_inputs(undo)
                self.road = Road(self, self._params, self._job, self._outlet, self._on_timing,
                                 self._on_broken, self._group)
                self._active = undo.pop_all()
        except Exception:
            self.get_logger().error(f'activate: unexpected\n{traceback.format_exc()}')
            return FAILURE
        self._parameters_of_ours.lock('the node is active; deactivate and clean up first')
        self._ticker = self.create_timer(
            self._params.diagnostics_period_s, self._publish_diagnostics, clock=_steady())
        self.get_logger().info(
            f'active: {self._outlet.topics} for each image; {self.road.source()}')
        return SUCCESS

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Close the road; what ran finishes, what waited is cancelled and counted."""
        return SUCCESS if self._close_road() and not self._broken else ERROR

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Unload the model and destroy the publishers."""
        self._unload()
        return SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Do what is left of both."""
        joined = self._close_road()
        self._unload()
        return SUCCESS if joined else ERROR

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Go back to unconfigured; where a worker hangs, only a new process helps."""
        self._close_road()
        self._unload()
        if not self._stuck and not self._broken:
            return SUCCESS
        self.get_logger().fatal('the process ends now, for launch to respawn it')
        self.exit_code = 1
        return FAILURE

    def end(self) -> int:
        """Close and unload whatever is open; return the exit code of the process."""
        if not self._close_road():
            self.exit_code = 1
        self._unload()
        return self.exit_code or 0

    def destroy_node(self) -> None:
        """Go, and take no more records of the layers below."""
        self._log_bridge.close()
        super().destroy_node()

    def _close_road(self) -> bool:
        road, self.road = self.road, None
        if road is None:
            return not self._stuck
        if not road.close():
            self._stuck = True
            self.get_logger().error(
                'deactivate: a worker has not ended in time, the runtime hangs in its inference; '
                'the model is not unloaded under it')
        self._active.close()
        self.destroy_timer(self._ticker)
        self._publish_health(road)
        self._parameters_of_ours.lock('')
        return not self._stuck

    def _unload(self) -> None:
        undo, self._configured = self._configured, ExitStack()
        if self._stuck:
            undo.pop_all()
        undo.close()

    def _published(self, undo: ExitStack, *args: Any) -> Any:
        publisher = self.create_publisher(*args)
        undo.callback(self._retire, publisher)
        return publisher

    def _retire(self, publisher: Any) -> None:
        """Destroy a publisher once its last messages have arrived; they would be lost with it."""
        publisher.wait_for_all_acked(LAST_WORDS)
        self.destroy_publisher(publisher)

    # What ROS calls.

    def _on_autostart(self) -> None:
        self.destroy_timer(self._autostart)
        if self.trigger_configure() == SUCCESS:
            self.trigger_activate()

    def _on_enable(self, request: SetBool.Request, response: SetBool.Response) -> Any:
        if self.road is None:
            response.success, response.message = False, 'the node is not active'
            return response
        self.road.listen(request.data)
        response.success = True
        response.message = 'listening' if request.data else 'not listening'
        return response

    def _on_timing(self, arrival: Arrival, outcome: Outcome) -> None:
        if self._timing.get_subscription_count():
            self._timing.publish(timing_message(arrival, outcome))

    def _on_broken(self, why: str) -> None:
        if self.road is not None and not self._broken:
            self._broken = True
            self.get_logger().fatal(f'the line is broken: {why}')
            self.trigger_deactivate()

    def _publish_diagnostics(self) -> None:
        if self.road is not None:
            self._publish_health(self.road)

    def _publish_health(self, road: Road) -> None:
        members = ()
        if self._group is not None:
            self._log_events(self._group)
            members = self._group.members
        self._diagnostics.publish(self._diagnosis.message(
            self.get_clock().now().to_msg(), road.health, road.source(), members, self.parts()))

    def _log_events(self, group: CoreGroup) -> None:
        """Say which cores went out or came back since the last look."""
        for event in group.take_events():
            if event.is_bad:   # rclpy ties a severity to the place of the call for good
                self.get_logger().warning(event.text)
            else:
                self.get_logger().info(event.text)


def _cores_of(core: InferCore, group: CoreGroup | None) -> tuple[InferCore, ...]:
    return (core,) if group is None else group.cores


def _warm_up(core: InferCore, model: Model[Any], seats: int, group: CoreGroup | None) -> None:
    """Use each seat before a frame does: the first run of a runtime is slow, a group times it."""
    blank = Frame(0, '', np.zeros(WARM_UP_SIZE, np.uint8))
    leases = ([core.lease() for _ in range(seats)] if group is None
              else [group.lease_of(index) for index, one in enumerate(group.cores)
                    for _ in range(one.seats)])
    with ExitStack() as held:
        for lease in leases:
            blobs = held.enter_context(lease)
            for _ in range(1 if group is None else TIMED):
                geometry = model.preprocess(blank, blobs)
                core.sync_infer(blobs)
                model.postprocess(blobs, geometry)


def _steady() -> Clock:
    return Clock(clock_type=ClockType.STEADY_TIME)
