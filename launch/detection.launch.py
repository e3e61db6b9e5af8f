# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Start the detection node on a camera topic: ready to use, whole images through shared memory."""

import os

from faster_deploy_ros import transport
from faster_deploy_ros.share import share_path
from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, LogInfo, OpaqueFunction, TimerAction
from launch.events.process import ProcessExited
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

RESPAWN_DELAY_S = 2.0
# An argument that is left empty leaves the parameter as params_file says: one place per default.
ARGUMENTS = (
    ('namespace', '', "Namespace of the node and of its topics: 'front_camera'."),
    ('params_file', str(share_path('config/detection.yaml')), 'YAML file of all parameters.'),
    ('use_sim_time', 'false', 'Follow /clock: true with a simulation or a played bag.'),
    ('autostart', 'true', 'Configure and activate at once; false: wait for a lifecycle manager.'),
    ('log_level', 'info', 'debug, info, warn, error or fatal.'),
    ('input_image_topic', 'image', "Images in; the compressed ones are at its '/compressed'."),
    ('model', '', 'Model file, package://<package>/<path> or URI; empty: as in params_file.'),
    ('device', '', "Runtime and device, 'onnxruntime.0'; empty: as in params_file."),
    ('threshold', '', 'Least score of a detection, 0.0 to 1.0; empty: as in params_file.'),
)
OVERRIDES = (('model', 'model', str), ('device', 'device', str),
             ('threshold', 'confidence_threshold', float))


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments, then start the node."""
    declared = [DeclareLaunchArgument(name, default_value=default, description=text)
                for name, default, text in ARGUMENTS]
    return LaunchDescription([
        *declared, LogInfo(msg=transport.describe()), OpaqueFunction(function=_start)])


def _start(context: LaunchContext) -> list[Node]:
    """Make the node; it has to be made anew for every start."""
    topic = LaunchConfiguration('input_image_topic').perform(context)
    parameters = {
        'use_sim_time': _typed('use_sim_time', bool), 'autostart': _typed('autostart', bool)}
    for argument, parameter, kind in OVERRIDES:
        if LaunchConfiguration(argument).perform(context):
            parameters[parameter] = _typed(argument, kind)
    return [Node(
        package='faster_deploy_ros', executable='detection_node', name='detection',
        namespace=LaunchConfiguration('namespace'), output='screen',
        parameters=[LaunchConfiguration('params_file'), parameters],
        remappings=[('image', topic), ('image/compressed', f'{topic}/compressed')],
        ros_arguments=['--log-level', LaunchConfiguration('log_level')],
        additional_env=dict(transport.prepare(os.environ).additions),
        on_exit=_start_again)]


def _start_again(event: ProcessExited, context: LaunchContext) -> list[object]:
    """Start a node again that ended in error; one that ended well was asked to."""
    if event.returncode == 0 or context.is_shutdown:
        return []
    return [
        LogInfo(msg=f'detection: ended with {event.returncode}, starts again'),
        TimerAction(period=RESPAWN_DELAY_S, actions=[OpaqueFunction(function=_start)])]


def _typed(argument: str, kind: type) -> ParameterValue:
    return ParameterValue(LaunchConfiguration(argument), value_type=kind)
