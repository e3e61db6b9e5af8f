# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How far away everything in an image is: a monocular depth model as a lifecycle node."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
import sys
from typing import Any

from builtin_interfaces.msg import Time
from faster_deploy_ros.cores import InferCore
from faster_deploy_ros.errors import BadParameter, BadValue, InferFailed
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.nodes.camera_feed import CameraFeed
from faster_deploy_ros.nodes.camera_info import camera_info_message
from faster_deploy_ros.nodes.depth_messages import (
    depth_message,
    ENCODINGS,
    FLOAT_METRES,
    image_message,
)
from faster_deploy_ros.nodes.depth_outlet import DepthMessages, DepthOutlet, TOPICS, Wanted
from faster_deploy_ros.nodes.diagnostics import Part
from faster_deploy_ros.nodes.params import parameter
from faster_deploy_ros.nodes.perception_node import PerceptionNode
from faster_deploy_ros.nodes.perception_params import PerceptionParams
from faster_deploy_ros.nodes.point_cloud import point_cloud
from faster_deploy_ros.nodes.spin import run
from faster_deploy_ros.tasks import DepthMap, DepthOptions, open_model
from faster_deploy_ros.tasks.base import Model
from faster_deploy_ros.tasks.depth.color import COLORMAPS, DepthColors
from faster_deploy_ros.tasks.depth.doubt import doubt
from faster_deploy_ros.tasks.results import METRIC
from std_msgs.msg import Header

MOST_PIXELS = 1 << 26   # of an output: a gigabyte of points; no message holds four


@dataclass(frozen=True, slots=True)
class DepthParams(PerceptionParams):
    """The parameters of a depth node."""

    model: str | tuple[str, ...] = parameter(
        'package://faster_deploy_ros/models/rooms_depth.onnx',
        'The model: a file, package://<package>/<path>, or a URI '
        '<runtime>.<device>://<path>?<option>=<value>; a list of them: one model on several '
        'cores.')
    depth_scale: float = parameter(
        0.0, 'Of a metric model: what its metres are multiplied by, a calibration; 0: nothing. Of '
        'relative depth or disparity: 1 / metres = depth_scale * value + depth_shift makes it '
        'metric; 0: it stays what it is.', minimum=0.0)
    depth_shift: float = parameter(0.0, 'See depth_scale; in 1 / m.')
    min_depth_m: float = parameter(
        0.0, 'What is nearer is published as not known.', minimum=0.0)
    max_depth_m: float = parameter(
        0.0, 'What is farther is published as not known; 0: no limit.', minimum=0.0)
    depth_encoding: str = parameter(
        FLOAT_METRES, '32FC1: metres, NaN where not known. 16UC1: millimetres, 0 where not known, '
        'up to 65.535 m, half the bytes.', choices=ENCODINGS)
    output_width: int = parameter(
        0, 'Width of all results, with output_height; 0: as the image.', minimum=0, maximum=16384)
    output_height: int = parameter(
        0, 'Height of all results, with output_width; 0: as the image.', minimum=0, maximum=16384)
    points_color: bool = parameter(
        True, 'Whether each point has the colour of its pixel (field rgb).')
    points_stride: int = parameter(
        1, 'Points for every so many-th column and row only: 2 is a quarter of the bytes.',
        minimum=1, maximum=64)
    debug_colormap: str = parameter(
        'turbo', 'Colours of debug_image; inferno is readable without colour sight.',
        choices=tuple(COLORMAPS))
    debug_max_m: float = parameter(
        0.0, 'Where the colour scale of debug_image ends; 0: where each picture ends.',
        minimum=0.0)

    @property
    def options(self) -> DepthOptions:
        """
        What the model needs of them.

        :raises BadParameter: they contradict each other.
        """
        size = (self.output_width, self.output_height)
        if any(size) and not all(size):
            raise BadParameter(
                f"parameters 'output_width', 'output_height': got {size[0]} and {size[1]}, "
                'expected both, or 0 and 0 for the size of the image')
        if size[0] * size[1] > MOST_PIXELS:
            raise BadParameter(
                f"parameters 'output_width', 'output_height': got {size[0]} and {size[1]}, "
                f'expected {MOST_PIXELS} pixels at most: a message has an end, and so has memory')
        try:
            return DepthOptions(
                output_size=size if all(size) else None, scale=self.depth_scale,
                shift=self.depth_shift, min_depth_m=self.min_depth_m,
                max_depth_m=self.max_depth_m)
        except BadValue as error:
            raise BadParameter(_with_parameters(error)) from error


class DepthNode(PerceptionNode[DepthMap, DepthParams]):
    """Publish a depth map for every ``image``, and with ``camera_info`` its points."""

    params_type = DepthParams

    def __init__(self, name: str = 'depth', **kwargs: Any) -> None:
        """Declare the parameters; load nothing."""
        super().__init__(name, **kwargs)

    def open_model(self, core: InferCore, params: DepthParams) -> Model[DepthMap]:
        """Return the depth model of the asked family."""
        try:
            model = open_model(params.family, core, params.options, over=params.card)
        except BadValue as error:   # an option that this kind of depth cannot follow
            raise BadParameter(_with_parameters(error)) from error
        kind = getattr(model, 'kind', None)
        if kind not in TOPICS:
            raise BadParameter(
                f"parameter 'model': {core.uri.shown} gives no depth ({model.summary}); set the "
                'parameter family, or start the node of that task')
        if kind != METRIC and params.depth_encoding != FLOAT_METRES:
            raise BadParameter(
                f"parameter 'depth_encoding': got '{params.depth_encoding}', which is "
                f'millimetres, for a model whose depth is {kind}; expected {FLOAT_METRES}, or '
                'depth_scale (and depth_shift) to make it metric')
        return model

    def open_outlet(self, model: Any, params: DepthParams, undo: ExitStack) -> DepthOutlet:
        """Make the topics that this kind of depth has."""
        self._kind: str = model.kind
        self._unit: str = getattr(model, 'unit', '')   # another package's model may not tell
        self._colors = DepthColors(params.debug_colormap, params.debug_max_m)
        return DepthOutlet(
            lambda kind, topic: self._published(undo, kind, topic, self._output_qos),
            model.kind, lambda text: self.get_logger().warning(text))

    def open_inputs(self, undo: ExitStack) -> None:
        """Listen to how the images are projected."""
        images = 'image/compressed' if self._params.image_transport == 'compressed' else 'image'
        self.cameras = CameraFeed(self, self.resolve_topic_name(images), undo)

    def encode(self, frame: Frame, result: DepthMap, wanted: Wanted) -> DepthMessages:
        """
        Return the wanted messages of one image's depth, all with the image's own header.

        :raises InferFailed: the map is of another kind than the topics.

        Thread: worker
        """
        if result.kind != self._kind:
            raise InferFailed(
                f'depth: the model gave a map that is {result.kind}, expected {self._kind}; it '
                'would be published under a wrong name. Correct the family')
        sec, nanosec = divmod(frame.stamp_ns, 1_000_000_000)
        header = Header(stamp=Time(sec=sec, nanosec=nanosec), frame_id=frame.frame_id)
        depth, params = result.depth, self._params
        pinhole, problem = None, ''
        if self._kind == METRIC:
            _, pinhole, problem = self.cameras.find(frame)
        if pinhole is not None:
            pinhole = pinhole.resized((depth.shape[1], depth.shape[0]))
        return DepthMessages(
            depth_message(header, depth, params.depth_encoding) if wanted.depth else None,
            camera_info_message(header, pinhole) if wanted.info and pinhole else None,
            point_cloud(header, depth, pinhole, frame if params.points_color else None,
                        params.points_stride) if wanted.points and pinhole else None,
            image_message(header, self._colors(result), 'bgr8') if wanted.debug else None,
            problem, doubt(result, self._unit))

    def parts(self) -> Sequence[Part]:
        """Tell what camera_info is good for."""
        return (self._outlet.part(self.cameras.source(), self.cameras.received),)


def _with_parameters(error: BadValue) -> str:
    return f"parameters 'depth_scale', 'depth_shift', 'min_depth_m', 'max_depth_m': {error}"


def main(args: Sequence[str] | None = None) -> int:
    """Run the depth node."""
    return run(DepthNode, args)


if __name__ == '__main__':
    sys.exit(main())
