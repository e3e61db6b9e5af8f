# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What every launch file of ours does: one node, ready to use, whole images by shared memory."""

from collections.abc import Sequence
from dataclasses import dataclass
import os

from faster_deploy_ros import transport
from faster_deploy_ros.nodes.topic_names import beside
from faster_deploy_ros.share import share_path
from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, LogInfo, OpaqueFunction, TimerAction
from launch.events.process import ProcessExited
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

RESPAWN_DELAY_S = 2.0


@dataclass(frozen=True, slots=True)
class Override:
    """
    A launch argument that sets a parameter of the node.

    Left empty it leaves the parameter as params_file says: one place for each default.
    """

    argument: str
    parameter: str
    type: type
    text: str


@dataclass(frozen=True, slots=True)
class TopicArgument:
    """A launch argument that names an input; left empty it lies beside the images."""

    argument: str
    topic: str
    text: str


MODEL = (
    Override('model', 'model', str,
             'Model file, package://<package>/<path> or URI; empty: as in params_file.'),
    Override('device', 'device', str,
             "Runtime and device, 'onnxruntime.0'; empty: as in params_file."))


class LaunchFile:
    """
    Start one node on a camera's topic, and start it again when it ends in error.

    :param node: its name; the command is ``<node>_node``, the parameters ``config/<node>.yaml``.
    :param overrides: arguments beside those that every launch file has.
    :param beside: inputs that lie beside the images, as ``camera_info`` does.
    """

    def __init__(self, node: str, overrides: Sequence[Override] = (),
                 beside: Sequence[TopicArgument] = ()) -> None:
        """Know what to declare and to start."""
        self._node = node
        self._overrides = (*MODEL, *overrides)
        self._beside = beside

    def description(self) -> LaunchDescription:
        """Declare the arguments, then start the node."""
        declared = [DeclareLaunchArgument(name, default_value=default, description=text)
                    for name, default, text in self._arguments()]
        return LaunchDescription([
            *declared, LogInfo(msg=transport.describe()), OpaqueFunction(function=self._start)])

    def _arguments(self) -> list[tuple[str, str, str]]:
        return [
            ('namespace', '', "Namespace of the node and of its topics: 'front_camera'."),
            ('params_file', str(share_path(f'config/{self._node}.yaml')),
             'YAML file of all parameters.'),
            ('use_sim_time', 'false', 'Follow /clock: true with a simulation or a played bag.'),
            ('autostart', 'true',
             'Configure and activate at once; false: wait for a lifecycle manager.'),
            ('log_level', 'info', 'debug, info, warn, error or fatal.'),
            ('input_image_topic', 'image',
             "Images in; the compressed ones are at its '/compressed'."),
            *((one.argument, '', one.text) for one in (*self._beside, *self._overrides))]

    def _start(self, context: LaunchContext) -> list[Node]:
        """Make the node; it has to be made anew for every start."""
        topic = LaunchConfiguration('input_image_topic').perform(context)
        parameters = {
            'use_sim_time': _typed('use_sim_time', bool), 'autostart': _typed('autostart', bool)}
        for one in self._overrides:
            if LaunchConfiguration(one.argument).perform(context):
                parameters[one.parameter] = _typed(one.argument, one.type)
        remappings = [('image', topic), ('image/compressed', f'{topic}/compressed')]
        for sibling in self._beside:
            given = LaunchConfiguration(sibling.argument).perform(context)
            remappings.append((sibling.topic, given or beside(topic, sibling.topic)))
        return [Node(
            package='faster_deploy_ros', executable=f'{self._node}_node', name=self._node,
            namespace=LaunchConfiguration('namespace'), output='screen',
            parameters=[LaunchConfiguration('params_file'), parameters],
            remappings=remappings,
            ros_arguments=['--log-level', LaunchConfiguration('log_level')],
            additional_env=dict(transport.prepare(os.environ).additions),
            on_exit=self._start_again)]

    def _start_again(self, event: ProcessExited, context: LaunchContext) -> list[object]:
        """Start a node again that ended in error; one that ended well was asked to."""
        if event.returncode == 0 or context.is_shutdown:
            return []
        return [
            LogInfo(msg=f'{self._node}: ended with {event.returncode}, starts again'),
            TimerAction(period=RESPAWN_DELAY_S,
                        actions=[OpaqueFunction(function=self._start)])]


def _typed(argument: str, kind: type) -> ParameterValue:
    return ParameterValue(LaunchConfiguration(argument), value_type=kind)
