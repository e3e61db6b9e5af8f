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


# Pages beside a detector of three classes for 64x64 pixels, and what its metadata says.
CARDS: dict[str, tuple[str, dict[str, str]]] = {
    'right_card': ('family: yolox\nlabels: [a, b, c]\noutput: {decoded: true}\n', {}),
    'few_labels': ('family: yolox\nlabels: [a, b]\n', {}),
    'same_labels': ('family: yolox\nlabels: [a, b, a]\n', {}),
    'number_labels': ('labels: [1, 2, 3]\n', {}),
    'told_few_labels': ('family: yolox\n', {'names': "{0: 'a'}"}),
    'told_no_labels': ('family: yolox\n', {'names': 'cat, dog and bird'}),
    'told_same_labels': ('family: yolox\n', {'names': "['a', 'b', 'b']"}),
    'other_size': ('family: yolox\ninput: {size: [320, 320]}\n', {}),
    'other_layout': ('family: yolox\ninput: {layout: NHWC}\n', {}),
    'other_family': ('family: yolov5\n', {}),
    'depth_family': ('family: metric_depth\noutput: {unit: m}\n', {}),
    'unknown_family': ('family: yolo12\n', {}),
    'unit': ('family: yolox\noutput: {unit: m}\n', {}),
    'kind_and_unit': ('output: {kind: relative, unit: m}\n', {}),
    'other_file': (f'family: yolox\nsha256: "{"0" * 64}"\n', {}),
    'no_digest': ('family: yolox\nsha256: 42\n', {}),
    'misspelt': ('family: yolox\nimput: {color: rgb}\n', {}),
    'twice': ('family: yolox\nfamily: yolov8\n', {}),
    'huge': ('#' * 400_000, {}),
    'code': ('!!python/object/apply:os.abort []\n', {}),
    'task': ('labels: [a, b, c]\n', {'task': 'segment'}),
    'told_family': ('labels: [a, b, c]\n', {'family': 'yolox99'}),
}

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
    # The batch that it declares.
    Wrong('an open batch cannot be run with one image',
          file('batch_of_two.onnx', labels=['a', 'b', 'c']),
          r"declares an open batch \(input 'images' .*cannot run one image: .*Export it for bat"),
    Wrong('an open batch is answered for two images',
          file('answers_for_two.onnx', labels=['a', 'b', 'c'], **{'card.output.decoded': True}),
          r'cannot run one image: .*came as \(2, 84, 8\).*Export it for batch 1'),
    # The card beside the model, and the labels.
    Wrong('the card has too few labels', file('few_labels.onnx'),
          'labels: the model card has 2, expected 3'),
    Wrong('the card has a label twice', file('same_labels.onnx'),
          "labels: the model card has 'a' for the classes 0 and 2"),
    Wrong('the labels of the card are numbers', file('number_labels.onnx'),
          r"number_labels\.yaml': label 0: got 1, expected a text"),
    Wrong('the metadata has too few labels', file('told_few_labels.onnx'),
          "labels: the model's metadata has 1, expected 3"),
    Wrong('the labels of the metadata cannot be read', file('told_no_labels.onnx'),
          "metadata 'names': cannot be read as class names"),
    Wrong('the metadata has a label twice', file('told_same_labels.onnx'),
          "labels: the model's metadata has 'b' for the classes 1 and 2"),
    Wrong('the card has another size', file('other_size.onnx'),
          'has the size 64x64, expected 320x320 as the model card or the parameter'),
    Wrong('the card has another layout', file('other_layout.onnx'),
          "'images' .* is NCHW, expected NHWC as the model card"),
    Wrong('the card has a family that the tensors are not of', file('other_family.onnx'),
          r"Yolov5: got output 'output' .*\(family yolov5 by its card\)"),
    Wrong('the card has a family of another task', file('depth_family.onnx'),
          "of the family 'metric_depth', which is one of depth, expected one of detection"),
    Wrong('the card has an unknown family', file('unknown_family.onnx'),
          r"family 'yolo12': .*unknown_family\.onnx: by its card"),
    Wrong('the metadata has an unknown family', file('told_family.onnx'),
          r"family 'yolox99': .*told_family\.onnx: by its metadata"),
    Wrong('the metadata has another task', file('task.onnx'), "says task 'segment', expected"),
    Wrong('the card of a detector has a unit', file('unit.onnx'),
          "yolox: card.output.unit is 'm' for a detector, expected nothing"),
    Wrong('the card contradicts itself', file('kind_and_unit.onnx'),
          r"kind_and_unit\.yaml': output: unit is 'm' and kind is 'relative'"),
    Wrong('the card is about another file', file('other_file.onnx'),
          r"other_file\.yaml': sha256: it is about another file: 'other_file\.onnx' has "),
    Wrong('the digest of the card is none', file('no_digest.onnx'), 'sha256: got 42, expected 64'),
    Wrong('a key of the card is misspelt', file('misspelt.onnx'),
          "unknown key 'imput', .* Did you mean 'input'"),
    Wrong('a key of the card comes twice', file('twice.onnx'), "key 'family' is given twice"),
    Wrong('the card is huge', file('huge.onnx'), r"huge\.yaml': .*more than 256 KiB"),
    Wrong('the card wants to run code', file('code.onnx'), r"code\.yaml': cannot be read"),
    # The parameters that go over the card.
    Wrong("the size is not the model's", ask(**{'card.input.size': [96, 64]}),
          'has the size 64x64, expected 96x64'),
    Wrong('the size is one number', ask(**{'card.input.size': [64]}),
          r"parameter 'card\.input\.size': got \[64\], expected 2 numbers"),
    Wrong('the size is a text', ask(**{'card.input.size': '64x64'}),
          r"parameter 'card\.input\.size': got '64x64', expected a list of whole numbers"),
    Wrong('the colour is unknown', ask(**{'card.input.color': 'grey'}),
          r"parameter 'card\.input\.color': got 'grey', expected one of '', bgr, rgb"),
    Wrong('the scale is unknown', ask(**{'card.input.scale': 2.0}),
          r"parameter 'card\.input\.scale': got '2\.0', expected one of 0\.0, 1\.0, 255\.0"),
    Wrong('the mean is one number', ask(**{'card.input.mean': [0.5]}),
          r"parameter 'card\.input\.mean': got \[0\.5\], expected 3 numbers"),
    Wrong('the deviation is zero', ask(**{'card.input.std': [1.0, 0.0, 1.0]}),
          r"parameter 'card\.input\.std': got .*expected numbers of at least 1e-06"),
    Wrong('the letterbox is unknown', ask(**{'card.input.letterbox': 'middle'}),
          r"parameter 'card\.input\.letterbox': got 'middle', expected one of '', corner, cent"),
    Wrong('the padding is no grey', ask(**{'card.input.pad': 256}), r'card\.input\.pad.*256'),
    Wrong('the layout is another', ask(**{'card.input.layout': 'NHWC'}),
          'is NCHW, expected NHWC'),
    Wrong('decoded is a word', ask(**{'card.output.decoded': 'yes'}),
          r"'card\.output\.decoded': got 'yes', expected true, false or ''"),
    Wrong('a detector is given a unit', ask(**{'card.output.unit': 'dm'}),
          "yolox: card.output.unit is 'dm' for a detector"),
    Wrong('a detector is given a kind', ask(**{'card.output.kind': 'disparity'}),
          "yolox: card.output.kind is 'disparity' for a detector"),
    Wrong('the unit is unknown', ask(**{'card.output.unit': 'feet'}),
          r"'card\.output\.unit': got 'feet', expected one of '', m, dm, cm, mm"),
    Wrong('a label is given twice', ask(labels=['a', 'b', 'a']),
          "labels: the parameter labels has 'a' for the classes 0 and 2"),
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
