# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the package rknn: its calls and return codes; ONNX Runtime simulates exactly."""

from importlib import import_module
import json
import os
from pathlib import Path
import sys

import numpy as np
import onnx
import onnxruntime

HERE = Path(__file__).resolve().parent
sys.path.insert(0, os.environ['FAKE_RKNN_WRITER'])
write_rknn = import_module('fake_rknnlite').write_rknn


class RKNN:
    """Does what behave.json beside it says, and notes each call in calls.jsonl."""

    def __init__(self, verbose=False, verbose_file=None):
        self.behave = json.loads((HERE / 'behave.json').read_text())
        self.model = None
        self.scaling = ([0.0] * 3, [1.0] * 3)

    def _note(self, what, **said):
        with (HERE / 'calls.jsonl').open('a') as stream:
            stream.write(json.dumps([what, said]) + '\n')
        how = self.behave.get(what)
        if how == 'raise':
            raise ValueError(f'Traceback of {what}\nIndexError: list index out of range\n\n')
        if how == 'hang':
            import time
            time.sleep(600)
        return -1 if how == -1 else 0

    def config(self, mean_values=None, std_values=None, target_platform=None,
               quantized_algorithm='normal', optimization_level=3):
        if mean_values:
            self.scaling = (mean_values[0], std_values[0])
        return self._note('config', mean=mean_values, std=std_values, target=target_platform,
                          algorithm=quantized_algorithm, level=optimization_level)

    def load_onnx(self, model):
        self.model = model
        return self._note('load_onnx', nodes=[n.op_type for n in onnx.load(model).graph.node])

    def build(self, do_quantization=True, dataset=None):
        for step in range(3):
            print(f'I Building : {step * 50}%|###| {step}/2 [00:00<00:00]', end='\r', flush=True)
        return self._note('build', quantised=do_quantization, images=_images(dataset))

    def hybrid_quantization_step1(self, dataset=None, proposal=False):
        code = self._note('step1', images=_images(dataset))
        stem = Path(self.model).stem   # the real one writes into the working directory, too
        onnx.save(onnx.load(self.model), f'{stem}.model')
        Path(f'{stem}.data').write_text(json.dumps([self.model, self.scaling]))
        names = [name for node in onnx.load(self.model).graph.node for name in node.output]
        Path(f'{stem}.quantization.cfg').write_text(
            self.behave.get('table', 'custom_quantize_layers: {}') + '\nquantize_parameters:\n'
            + ''.join(f'    {name}:\n        dtype: int8\n' for name in names))
        return code

    def hybrid_quantization_step2(self, model_input, data_input, model_quantization_cfg):
        self.model, self.scaling = json.loads(Path(data_input).read_text())
        head = Path(model_quantization_cfg).read_text().partition('quantize_parameters')[0]
        return self._note('step2', table=head)

    def export_rknn(self, export_path):
        code = self._note('export_rknn')
        graph = onnx.load(self.model).graph
        weights = {each.name for each in graph.initializer}
        inputs, outputs = (
            {each.name: [size.dim_value for size in each.type.tensor_type.shape.dim]
             for each in side if each.name not in weights} for side in (graph.input, graph.output))
        write_rknn(export_path, inputs, outputs)
        return code

    def init_runtime(self):
        return self._note('init_runtime')

    def inference(self, inputs, data_format):
        if self._note('inference', shape=list(inputs[0].shape), dtype=inputs[0].dtype.name):
            return None
        mean, std = (np.array(each, np.float32) for each in self.scaling)
        image = ((inputs[0].astype(np.float32) - mean) / std).transpose(0, 3, 1, 2)
        session = onnxruntime.InferenceSession(self.model)
        found = session.run(None, {session.get_inputs()[0].name: np.ascontiguousarray(image)})
        for each in found:
            each[:, self.behave.get('flat_from', each.shape[1]):] = 0
        return [each * self.behave.get('factor', 1) for each in found]

    def release(self):
        self._note('release')


def _images(dataset):
    """Return range and shape of each calibration image."""
    found = []
    for line in Path(dataset).read_text().splitlines() if dataset else ():
        image = np.load(line)
        found.append([float(image.min()), float(image.max()), list(image.shape)])
    return found
