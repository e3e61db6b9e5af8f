# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the shapes of two models' tensors tell before any image is shown."""

from faster_deploy_ros.cores import InferCore
from faster_deploy_ros.tasks import ModelCard
from faster_deploy_ros.tasks.depth.depth_model import DepthModel
from faster_deploy_ros.tasks.detection.dense import DenseDetector
from faster_deploy_ros.tasks.detection.detector import Detector
from faster_deploy_ros.tools.compare.diagnosis import Diagnosis
from faster_deploy_ros.tools.compare.reading import Readable, Reading

CLASS_COUNT, INPUT_SIZE, OUTPUTS, LABELS = 'class count', 'input size', 'outputs', 'labels'
TASK, KIND = 'task', 'kind of depth'


def structural(reference: Readable, core: InferCore, reading: Reading) -> Diagnosis | None:
    """
    Find a difference that no other preprocessing can undo; None where there is none.

    :param core: the candidate's.
    :param reading: how the candidate is read.
    """
    card = reading.card
    if not isinstance(reference, DenseDetector) or not reading.is_dense:
        return _of_labels(reference, card) if isinstance(reference, Detector) else None
    outputs = [spec for spec in core.specs.values() if not spec.is_input]
    if len(outputs) != 1:
        return Diagnosis(
            OUTPUTS, f'the candidate has {len(outputs)} outputs, the reference 1',
            'convert the whole model: its head was cut off before the outputs are joined',
            '; '.join(map(str, outputs)))
    return _of_output(reference, outputs[0].shape) or _of_labels(reference, card)


def _of_output(reference: DenseDetector, shape: tuple[int, ...]) -> Diagnosis | None:
    classes = len(reference.labels)
    own = next(
        spec for spec in reference.core.specs.values() if not spec.is_input).shape[-2:]
    other = shape[-2:]
    if len(other) < 2 or -1 in (*own, *other) or sorted(own) == sorted(other):
        return None
    evidence = f'output {list(shape)}, the reference has {list(own)}'
    columns = next((n for n in own if n in (classes + 4, classes + 5)), own[-1])
    cells = own[0] if own[1] == columns else own[1]
    if cells in other:
        found = (other[0] if other[1] == cells else other[1]) - (columns - classes)
        return Diagnosis(
            CLASS_COUNT, f'the candidate has {found} classes, the reference {classes}',
            'convert the model that the reference is: this one was trained or cut for other '
            'classes', evidence)
    if columns in other:
        return Diagnosis(
            INPUT_SIZE, 'the candidate has another number of cells: it was made for another size '
            'of the input', 'convert it for the size of the reference, '
            f'{reference.input_size[0]}x{reference.input_size[1]}', evidence)
    return Diagnosis(
        OUTPUTS, "the candidate's output has another shape altogether",
        'convert the model that the reference is, with its whole head', evidence)


def unlike(reference: Readable, candidate: Readable) -> Diagnosis | None:
    """Find out whether two opened models answer different questions; None if they do not."""
    tasks = ['depth' if isinstance(each, DepthModel) else 'boxes'
             for each in (reference, candidate)]
    if tasks[0] != tasks[1]:
        return Diagnosis(
            TASK, f'the candidate gives {tasks[1]}, the reference {tasks[0]}',
            'compare it with the model that it was made from, or correct its card', '')
    if not (isinstance(reference, DepthModel) and isinstance(candidate, DepthModel)):
        return None
    if reference.kind == candidate.kind:
        return None
    return Diagnosis(
        KIND, f'the candidate gives {candidate.kind} depth, the reference {reference.kind}',
        'write the family and the output of the reference into its card', '')


def _of_labels(reference: Detector, card: ModelCard) -> Diagnosis | None:
    own, other = reference.labels, card.labels
    if not other or own == other:
        return None
    if len(own) != len(other):
        return Diagnosis(
            CLASS_COUNT, f"the candidate's card names {len(other)} classes, the model has "
            f'{len(own)}', 'write the labels of the reference into its card', '')
    index = next(index for index, label in enumerate(own) if label != other[index])
    return Diagnosis(
        LABELS, f"the candidate calls class {index} '{other[index]}', the reference "
        f"'{own[index]}'",
        'write the labels of the reference into its card', '')
