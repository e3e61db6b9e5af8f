# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the node of a run does: find objects, or tell how far away everything is."""

from typing import NamedTuple


class Task(NamedTuple):
    """
    One kind of perception node, as the demo runs it.

    :param name: of its process, its log and its parameter file in ``config/``.
    :param module: of the node.
    :param results: the word by which the recorder knows what to listen to.
    :param watch: a command with which a user may look on.
    :param what: the results in a word, for people.
    :param film: file name of the video.
    :param lines: file name of the list with one line per published frame.
    """

    name: str
    module: str
    results: str
    watch: str
    what: str
    film: str
    lines: str


DETECTION = Task(
    'detection', 'faster_deploy_ros.nodes.detection_node', 'detections',
    'ros2 topic hz /detections', 'objects', 'detections.mp4', 'objects.jsonl')
DEPTH = Task(
    'depth', 'faster_deploy_ros.nodes.depth_node', 'depth',
    'ros2 node info /depth', 'depth', 'depth.mp4', 'depths.jsonl')
