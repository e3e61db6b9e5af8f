# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Objects in images: a detector as a lifecycle node."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
import sys
from typing import Any

from builtin_interfaces.msg import Time
from faster_deploy_ros.cores import InferCore
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.nodes.convert import detections_to_message, label_info_message
from faster_deploy_ros.nodes.outlet import Outlet
from faster_deploy_ros.nodes.params import parameter
from faster_deploy_ros.nodes.perception_node import PerceptionNode
from faster_deploy_ros.nodes.perception_params import PerceptionParams
from faster_deploy_ros.nodes.qos import LATCHED
from faster_deploy_ros.nodes.spin import run
from faster_deploy_ros.tasks import DetectionOptions, open_model
from faster_deploy_ros.tasks.base import Model
from faster_deploy_ros.tasks.results import Detections
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray, LabelInfo


@dataclass(frozen=True, slots=True)
class DetectionParams(PerceptionParams):
    """The parameters of a detection node."""

    confidence_threshold: float = parameter(
        0.25, 'Objects with a lower score are left out.', minimum=0.0, maximum=1.0)
    nms_threshold: float = parameter(
        0.45, 'Of two boxes of a class that overlap more than this (IoU), the weaker goes.',
        minimum=0.0, maximum=1.0)
    class_agnostic_nms: bool = parameter(
        False, 'Let boxes of different classes suppress each other too.')
    max_detections: int = parameter(
        300, 'At most so many objects per image, the best ones.', minimum=1, maximum=10000)
    classes: tuple[str, ...] = parameter(
        (), 'Names or ids of the classes to keep; empty: all.')
    labels: tuple[str, ...] = parameter(
        (), 'Names of the classes in order; empty: from the model, its card, or COCO.')
    class_id_format: str = parameter(
        'index', 'What class_id in the results holds: the number or the name.',
        choices=('index', 'name'))

    @property
    def options(self) -> DetectionOptions:
        """What the model needs of them."""
        return DetectionOptions(
            confidence_threshold=self.confidence_threshold, nms_threshold=self.nms_threshold,
            class_agnostic=self.class_agnostic_nms, max_detections=self.max_detections,
            classes=self.classes, labels=self.labels)


class DetectionNode(PerceptionNode[Detections, DetectionParams]):
    """Publish ``detections`` for every ``image``, and ``label_info`` once."""

    params_type = DetectionParams

    def __init__(self, name: str = 'detection', **kwargs: Any) -> None:
        """Declare the parameters; load nothing."""
        super().__init__(name, **kwargs)

    def open_model(self, core: InferCore, params: DetectionParams) -> Model[Detections]:
        """Return the detector of the asked family."""
        return open_model(params.family, core, params.options, over=params.card)

    def open_outlet(self, model: Model[Detections], params: DetectionParams,
                    undo: ExitStack) -> Outlet:
        """Make the topics; publish the class names, for all who come later too."""
        outlet = Outlet(self._published(undo, Detection2DArray, 'detections', self._output_qos))
        self._labels = model.labels
        self._format = params.class_id_format
        stamp = self.get_clock().now().to_msg()
        self._published(undo, LabelInfo, 'label_info', LATCHED).publish(
            label_info_message(Header(stamp=stamp), model.labels, params.confidence_threshold))
        return outlet

    def encode(self, frame: Frame, result: Detections) -> Detection2DArray:
        """Return the message of one image's objects. Thread: worker."""
        sec, nanosec = divmod(frame.stamp_ns, 1_000_000_000)
        header = Header(stamp=Time(sec=sec, nanosec=nanosec), frame_id=frame.frame_id)
        return detections_to_message(header, result, self._labels, self._format)


def main(args: Sequence[str] | None = None) -> int:
    """Run the detection node."""
    return run(DetectionNode, args)


if __name__ == '__main__':
    sys.exit(main())
