# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the models of the test server do; the server's python backend runs it, not pytest."""

import json
import time

import numpy as np
import triton_python_backend_utils as triton


class TritonPythonModel:
    """One model; its configuration's parameter ``behaviour`` says which."""

    def initialize(self, args):
        config = json.loads(args['model_config'])
        said = {key: value['string_value'] for key, value in config['parameters'].items()}
        self.outputs = [each['name'] for each in config['output']]
        self.inputs = [each['name'] for each in config['input']]
        self.version = int(args['model_version'])
        self.behave = getattr(self, said['behaviour'])
        if said['behaviour'] == 'detect':
            import onnxruntime
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = 1
            self.session = onnxruntime.InferenceSession(
                said['file'], options, providers=['CPUExecutionProvider'])

    def execute(self, requests):
        return [self.answer(request) for request in requests]

    def answer(self, request):
        given = [
            triton.get_input_tensor_by_name(request, name).as_numpy() for name in self.inputs]
        try:
            results = self.behave(*given)
        except ArithmeticError as error:
            return triton.InferenceResponse(error=triton.TritonError(str(error)))
        return triton.InferenceResponse([
            triton.Tensor(name, np.ascontiguousarray(each))
            for name, each in zip(self.outputs, results)])

    def identity(self, *given):
        return given

    def number_of_version(self, x):
        return [np.full_like(x, self.version)]

    def both(self, left, right):
        return [left + right, left * right]

    def fail_on_100(self, x):
        if (x == 100).all():
            raise ArithmeticError('the model cannot take\n  a hundred')
        return [x]

    def sleep(self, seconds):
        time.sleep(float(seconds.flat[0]))
        return [seconds]

    def lie(self, x):
        if x.flat[0] == 1:
            return [x[:, :2]]
        return [x.astype(np.float64)] if x.flat[0] == 2 else [x]

    def nonzero(self, x):
        return [np.stack(np.nonzero(x)).astype(np.int64)]

    def detect(self, images):
        return self.session.run(self.outputs, {self.inputs[0]: images})
