# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What all box detectors share: a letterboxed image in, candidates out, suppressed and undone."""

from abc import abstractmethod
from functools import partial
from typing import Any, ClassVar, NamedTuple

from faster_deploy_ros.blobs import BlobsBuffer, BlobSpec
from faster_deploy_ros.cores import InferCore
from faster_deploy_ros.errors import BlobMismatch, InferFailed
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.tasks.base import Model
from faster_deploy_ros.tasks.boxes import best_first, suppress
from faster_deploy_ros.tasks.card import ModelCard
from faster_deploy_ros.tasks.detection.grid import STRIDES
from faster_deploy_ros.tasks.detection.options import DetectionOptions
from faster_deploy_ros.tasks.labels import find_classes, labels_from_metadata, resolve_labels
from faster_deploy_ros.tasks.letterbox import Letterbox, letterbox, Size
from faster_deploy_ros.tasks.pixels import layout_of, NCHW, NHWC, paint, PixelFormat
from faster_deploy_ros.tasks.raw_input import expect_raw
from faster_deploy_ros.tasks.results import Detections
import numpy as np
from numpy.typing import NDArray


class Candidates(NamedTuple):
    """
    Boxes over the threshold, before the suppression, in pixels of the model's input.

    :param xyxy: ``(n, 4)`` float32.
    :param score: ``(n,)`` float32.
    :param class_id: ``(n,)`` integers.
    """

    xyxy: NDArray[np.float32]
    score: NDArray[np.float32]
    class_id: NDArray[np.integer[Any]]


class Detector(Model[Detections]):
    """
    Base of the families with one image in and one tensor of dense predictions out.

    A family checks the output's shape in ``_read_output`` and turns it into candidates.

    :param core: a loaded core.
    :param options: thresholds, filters, labels.
    :param card: what the model's card says, where it has one.
    :raises BlobMismatch: the core's tensors are not those of this family.
    :raises UnknownName: ``options.classes`` names a class that the model has not.
    """

    family: ClassVar[str]
    placement: ClassVar[str]

    def __init__(
            self, core: InferCore, options: DetectionOptions | None = None,
            card: ModelCard | None = None) -> None:
        """Check the core's tensors and decide everything that does not depend on a frame."""
        super().__init__(core)
        self.options = options or DetectionOptions()
        self.card = card or ModelCard()
        source, self._output = self._one(is_input=True), self._one(is_input=False)
        self.input_size = self._read_input(source)
        self._output_name = self._output.name
        width, height = self.input_size
        self._input_shapes = {NCHW: (1, 3, height, width), NHWC: (1, height, width, 3)}
        self.pixels = self._read_pixels()
        self._is_raw = source.dtype == np.uint8
        if self._is_raw:
            expect_raw(type(self).__name__, source, self.pixels, self.card.input, core.metadata)
        self._letterbox = partial(
            letterbox, input_size=self.input_size,
            placement=self.card.input.letterbox or self.placement)
        _expect_floats(type(self).__name__, self._output)
        count, self._output_shape = self._read_output(self._output)
        self.labels = resolve_labels(count, {
            'the parameter labels': self.options.labels,
            "the model's metadata": labels_from_metadata(core.metadata),
            'the model card': self.card.labels})
        wanted = find_classes(self.options.classes, self.labels)
        self._wanted: NDArray[np.bool_] | None = None
        if wanted:
            self._wanted = np.isin(np.arange(count), list(wanted))

    @abstractmethod
    def _read_pixels(self) -> PixelFormat:
        """Return what the model wants to see: by option, by card, else as its family."""

    @abstractmethod
    def _read_output(self, spec: BlobSpec) -> tuple[int, tuple[int, ...]]:
        """
        Check the output's shape; return the number of classes and the concrete shape.

        :raises BlobMismatch: it is not one of this family.
        """

    @abstractmethod
    def _candidates(self, output: NDArray[np.float32]) -> Candidates:
        """
        Read one output of the checked shape.

        :raises InferFailed: by ``_expect_finite``, for any number in the output.
        """

    @property
    def summary(self) -> str:
        """One line for a log: what the model sees and says."""
        width, height = self.input_size
        pixels, labels = self.pixels, ', '.join(self.labels[:3])
        more = ', ...' if len(self.labels) > 3 else ''
        normal = '' if pixels.mean == (0, 0, 0) else ' less mean by deviation'
        seen = 'bytes' if self._is_raw else f'0 to {pixels.scale:g}{normal}'
        return (f'{self.family}: {width}x{height} {pixels.color} {seen}, '
                f'{self._letterbox.keywords["placement"]} letterbox, {len(self.labels)} classes '
                f'({labels}{more})')

    @property
    def page(self) -> dict[str, Any]:
        """What a model card would say of this model, by the card's keys."""
        pixels = self.pixels
        image: dict[str, Any] = {
            'size': list(self.input_size), 'color': pixels.color,
            'letterbox': self._letterbox.keywords['placement'], 'pad': pixels.pad}
        if self._is_raw:   # the scaling is the model's own affair
            return {'family': self.family, 'labels': list(self.labels), 'input': image}
        image['scale'] = int(pixels.scale)
        if (pixels.mean, pixels.std) != ((0, 0, 0), (1, 1, 1)):
            image |= {'mean': list(pixels.mean), 'std': list(pixels.std)}
        return {'family': self.family, 'labels': list(self.labels), 'input': image}

    def preprocess(self, frame: Frame, blobs: BlobsBuffer) -> Letterbox:
        """Write the frame into the input blob and return where it lies there."""
        blob = blobs.inputs[0]   # by place: the cores of a group may call it differently
        layout = layout_of(blob.spec)
        blob.reshape(self._input_shapes[layout])
        geometry = self._letterbox((frame.width, frame.height))
        paint(frame, geometry, self.pixels, blob.data, layout)
        return geometry

    def postprocess(self, blobs: BlobsBuffer, geometry: Letterbox) -> Detections:
        """
        Read the output blob; boxes are in source-image pixels, cut at the image's edges.

        :raises InferFailed: the output holds NaN or infinity, or scores no detector has.
        :raises BlobMismatch: an output of open shape came in a shape that is not this family's.
        """
        output = self._read(blobs)
        return self._finish(self._candidates(output), geometry)

    def _read(self, blobs: BlobsBuffer) -> NDArray[np.float32]:
        """
        Return the output of a seat, in the shape that was checked.

        :raises BlobMismatch: an output of open shape came in another one.
        """
        output: NDArray[np.float32] = blobs.outputs[0].data
        if output.shape != self._output_shape:
            raise BlobMismatch(
                f"{self.family}: output '{self._output_name}' came as {output.shape}, expected "
                f'{self._output_shape} for an input of {blobs.inputs[0].shape}')
        return output

    def _expect_finite(self, low: np.floating[Any], high: np.floating[Any]) -> None:
        """
        Check the extremes of an output: they are NaN where anything is, and cost one pass each.

        A comparison with the threshold would quietly drop a NaN, and a frame of them is no
        empty frame.

        :raises InferFailed: the output holds NaN or infinity.
        """
        if not (low > -np.inf and high < np.inf):
            raise InferFailed(
                f"{self.family}: output '{self._output_name}' holds NaN or infinity; the model "
                'overflows on this device: try a higher precision, or another runtime')

    def _finish(self, found: Candidates, geometry: Letterbox) -> Detections:
        """Filter, bound, suppress and carry back to the image."""
        if self._wanted is not None:
            found = _take(found, np.flatnonzero(self._wanted[found.class_id]))
        if not found.score.size:
            return Detections.empty()
        if found.score.max() > 1.01:   # a rounded sigmoid may pass 1 by a hair
            raise InferFailed(
                f'{self.family}: a score is {found.score.max():.3g}, expected 0 to 1; the model '
                'was exported without its sigmoid, or is of another family')
        options = self.options
        found = _take(found, best_first(found.score, options.max_candidates))
        found = _take(found, suppress(
            found.xyxy, options.nms_threshold, options.max_detections,
            None if options.class_agnostic else found.class_id))
        xyxy = geometry.to_image(found.xyxy).astype(np.float32)
        seen = (xyxy[:, 2:] > xyxy[:, :2]).all(axis=1)   # the others lie in the padding
        return Detections(
            xyxy[seen], np.minimum(found.score[seen], np.float32(1)),
            found.class_id[seen].astype(np.int32))

    def _read_input(self, spec: BlobSpec) -> Size:
        """Check the input and return its ``(width, height)``."""
        if spec.dtype != np.uint8:
            _expect_floats(type(self).__name__, spec)
        shape = spec.shape
        rows, columns, channels = (2, 3, 1) if layout_of(spec) == NCHW else (1, 2, 3)
        if len(shape) != 4 or shape[0] not in (1, -1) or shape[channels] not in (3, -1):
            raise BlobMismatch(
                f'{type(self).__name__}: got {spec}, expected [1, 3, height, width] or '
                '[1, height, width, 3] of float32 or uint8; export the model for one image')
        declared = self.options.input_size or self.card.input.size or self._metadata_size()
        width, height = (
            own if own != -1 else wanted
            for own, wanted in zip((shape[columns], shape[rows]), declared or (-1, -1)))
        if -1 in (width, height):
            raise BlobMismatch(
                f'{type(self).__name__}: {spec} leaves the size open; set the option input_size, '
                'or input: {size: [width, height]} in the model card')
        wished = self.options.input_size or self.card.input.size
        if wished and wished != (width, height):
            raise BlobMismatch(
                f'{type(self).__name__}: {spec} has the size {width}x{height}, expected '
                f'{wished[0]}x{wished[1]} as the options or the model card say; correct them')
        if width % STRIDES[-1] or height % STRIDES[-1]:
            raise BlobMismatch(
                f'{type(self).__name__}: the input size is {width}x{height}, expected multiples '
                f'of {STRIDES[-1]}')
        return width, height

    def _metadata_size(self) -> Size | None:
        """Read ``imgsz: '[height, width]'`` of the model's metadata, where it is there."""
        numbers = self.core.metadata.get('imgsz', '').strip('[]() ').split(',')
        if len(numbers) == 2 and all(number.strip().isdecimal() for number in numbers):
            return int(numbers[1]), int(numbers[0])
        return None


def _take(found: Candidates, indices: NDArray[np.intp]) -> Candidates:
    return Candidates(
        found.xyxy.take(indices, axis=0), found.score.take(indices), found.class_id.take(indices))


def _expect_floats(who: str, spec: BlobSpec) -> None:
    if spec.dtype != np.float32:
        raise BlobMismatch(
            f'{who}: got {spec}, expected float32; export the model with float32 inputs and '
            'outputs (inside it may be half or int8)')
