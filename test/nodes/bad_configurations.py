# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Wrong models and parameters of every kind: what is wrong, how to ask for it, what it says."""

from collections.abc import Callable
from typing import Any, NamedTuple

from rig import MOCK


class Wrong(NamedTuple):
    """One kind of wrong configuration; values are made from the folder with the models."""

    kind: str                               # a sentence
    ask: Callable[[Any], dict[str, Any]]    # the parameters
    says: str                               # a regular expression that the log matches


def ask(**parameters: Any) -> Callable[[Any], dict[str, Any]]:
    """Return the same parameters for every folder."""
    return lambda folder: parameters


def file(name: str, **parameters: Any) -> Callable[[Any], dict[str, Any]]:
    """Return a maker of parameters with a model of that folder."""
    return lambda folder: {'model': str(folder / name), 'family': 'auto', **parameters}


def mock(extra: str, **parameters: Any) -> Callable[[Any], dict[str, Any]]:
    """Return the simulated model with another option."""
    return ask(model=f'{MOCK}&{extra}', **parameters)


WRONG = (
    # The model: what it is.
    Wrong('the model is empty', ask(model=''), "got '', expected a model"),
    Wrong('the model is blank', ask(model='  '), "got '  ', expected a model"),
    Wrong('the file is missing', file('absent.onnx'), r"no such file '.*absent\.onnx'"),
    Wrong('the path is relative and leads nowhere', ask(model='no/where.onnx'),
          "no such file 'no/where.onnx' in "),
    Wrong('the model is a folder', file('folder.onnx'), r"folder\.onnx' is a folder"),
    Wrong('the file is empty', file('empty.onnx'), r"empty\.onnx' is empty"),
    Wrong('the file is noise', file('noise.onnx'), r'noise\.onnx'),
    Wrong('the file is text', file('text.onnx'), r'text\.onnx'),
    Wrong('the file is a pointer of Git LFS', file('lfs.onnx'), r"lfs\.onnx' is a pointer of Git"),
    Wrong('the file is a web page', file('page.onnx'), r"page\.onnx' is a web page"),
    Wrong('the file is cut off', file('cut.onnx'), r'cut\.onnx'),
    Wrong('the file is a pipe that nobody writes', file('pipe.onnx'), r"pipe\.onnx' is a pipe or"),
    Wrong('the file never ends', ask(model='onnxruntime:///dev/zero'),
          "'/dev/zero' is a pipe or device"),
    Wrong('the file is of no runtime', file('model.pt'), "ends in '.pt'"),
    Wrong('the file has no ending', file('model'), "ends in ''"),
    Wrong('the model has a later opset', file('future_opset.onnx'),
          r'future_opset\.onnx.*[Oo]pset'),
    Wrong('the model is in a later format', file('future_ir.onnx'), r'future_ir\.onnx'),
    Wrong('the model has an unknown operator', file('unknown_operator.onnx'), 'Teleport'),
    Wrong('the model takes texts', file('text_input.onnx'), r'text_input\.onnx'),
    Wrong('the outputs are of no known family', file('wrong_outputs.onnx'),
          "family 'auto': no known family has these tensors: .*mean"),
    Wrong('the outputs are not those of the asked family',
          file('wrong_outputs.onnx', family='yolox'), 'Yolox: .*mean.*expected'),
    Wrong('the outputs fit the asked family with other labels only',
          ask(family='yolov8', labels=['a', 'b', 'c']), 'labels has 3, expected 4'),
    Wrong('the model has two inputs', file('two_inputs.onnx', family='yolox'), 'has 2 inputs'),
    Wrong('the package of the model is unknown',
          ask(model='package://no_such_package/m.onnx'), 'no_such_package'),
    Wrong('the package has no such model',
          ask(model='package://faster_deploy_ros/models/absent.onnx'), 'models/absent.onnx'),
    Wrong('the card beside the model is no card', file('bad_card.onnx'), r'bad_card\.yaml'),
    # The model: how it is written.
    Wrong('the runtime is unknown', ask(model='tensorflow.0:///m.pb'), "'tensorflow'"),
    Wrong('the runtime is written in capitals', ask(model='ONNX://m.onnx'), "'ONNX' before"),
    Wrong('the runtime has no model', ask(model='mock.0://'), 'path is empty'),
    Wrong('the device is unknown', ask(model=MOCK.replace('.0', '.99')), '99'),
    Wrong('the parameter device is no device', ask(device='gpu zero'), 'gpu zero'),
    Wrong('the parameter device is of an unknown runtime', ask(device='cuda.0'), "'cuda'"),
    Wrong('an option is unknown', mock('turbo=1'), "'turbo'"),
    Wrong('an option is no number', mock('delay_ms=soon'), "'soon'"),
    Wrong('an option is out of range', mock('delay_ms=-5'), '-5'),
    Wrong('an option is given twice', mock('classes=3'), "'classes' is given twice"),
    Wrong('an option has no value', mock('delay_ms'), "got 'delay_ms' in the options"),
    # The family and the classes.
    Wrong('the family is unknown', ask(family='yolo99'), "model family 'yolo99'"),
    Wrong('a class is unknown', ask(classes=['unicorn'], labels=['a', 'b', 'c']),
          "no class 'unicorn', expected one of a, b, c"),
    Wrong('a class number is too high', ask(classes=['3']), 'no class number 3, expected 0 to 2'),
    Wrong('there are too few labels', ask(labels=['a', 'b']), 'labels has 2, expected 3'),
    Wrong('there are too many labels', ask(labels=list('abcd')), 'labels has 4, expected 3'),
    Wrong('the labels are numbers', ask(labels=[1, 2, 3]), 'labels.*expected a list of strings'),
    # Values out of range.
    Wrong('the confidence threshold is negative', ask(confidence_threshold=-0.1), '-0.1'),
    Wrong('the confidence threshold is above one', ask(confidence_threshold=1.5), '1.5'),
    Wrong('the confidence threshold is NaN', ask(confidence_threshold=float('nan')), 'nan'),
    Wrong('the overlap is above one', ask(nms_threshold=45.0), '45.0'),
    Wrong('no detection is allowed', ask(max_detections=0), 'max_detections.* 0'),
    Wrong('the line is negative', ask(queue_depth=-1), 'queue_depth.*-1'),
    Wrong('the overflow policy is unknown', ask(overflow='drop'), "overflow.*'drop'"),
    Wrong('there are fewer workers than none', ask(workers=-1), 'workers.* -1'),
    Wrong('there are ten thousand workers', ask(workers=10000), 'workers.* 10000'),
    Wrong('the workers are a word', ask(workers='two'), "workers.*'two'"),
    Wrong('the workers are a fraction', ask(workers=1.5), 'workers.* 1.5'),
    Wrong('the age limit is negative', ask(max_age_ms=-1.0), 'max_age_ms'),
    Wrong('the age limit is infinite', ask(max_age_ms=float('inf')), 'max_age_ms'),
    Wrong('the age limit is a whole number', ask(max_age_ms=100), r'max_age_ms.*write 1\.0'),
    Wrong('the time limit of a job is negative', ask(job_timeout_s=-5.0), 'job_timeout_s'),
    Wrong('hung jobs are counted below zero', ask(max_hung_jobs=-1), 'max_hung_jobs'),
    Wrong('the transport is unknown', ask(image_transport='h264'), "image_transport.*'h264'"),
    Wrong('the input QoS is unknown', ask(input_qos='FAST'), "input_qos.*'FAST'"),
    Wrong('the output QoS is unknown', ask(output_qos='AUTO'), "output_qos.*'AUTO'"),
    Wrong('the history of the input is negative', ask(input_qos_depth=-1), 'input_qos_depth'),
    Wrong('the history of the output is zero', ask(output_qos_depth=0), 'output_qos_depth'),
    Wrong('the diagnostics never come', ask(diagnostics_period_s=0.0), 'diagnostics_period_s'),
    Wrong('the class format is unknown', ask(class_id_format='id'), "class_id_format.*'id'"),
    Wrong('the model is a number', ask(model=5), "'model'.* 5"),
)
