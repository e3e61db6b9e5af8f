# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a KServe v2 server says about one of its models."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from faster_deploy_ros.blobs import BlobSpec
from faster_deploy_ros.cores.source import guess_layout, LoadedModel
from faster_deploy_ros.cores.triton.link import Link, ServerError
from faster_deploy_ros.cores.triton.seat import DTYPES
from faster_deploy_ros.errors import LoadFailed, Unsupported
from tritonclient.grpc import model_config_pb2, service_pb2

MANY = 12  # models that a message lists
FORMATS: Mapping[int, str] = {
    model_config_pb2.ModelInput.FORMAT_NHWC: 'NHWC',
    model_config_pb2.ModelInput.FORMAT_NCHW: 'NCHW'}


@dataclass(frozen=True)
class ServedModel:
    """
    A model as its server describes it.

    :param is_batched: the first axis of all its tensors is the batch, which its configuration
        leaves out (``max_batch_size`` above 0) and its metadata show as -1.
    """

    loaded: LoadedModel
    is_batched: bool


@dataclass(frozen=True)
class Question:
    """Which model, of which server, and how long each answer may take."""

    link: Link
    title: str
    server: str
    model: str
    version: str
    timeout_s: float

    def ask(self) -> ServedModel:
        """
        Return tensors and metadata of the model.

        :raises LoadFailed: the server has no such model or version, or it is not ready.
        :raises Unsupported: it has tensors or a protocol that this client does not speak.
        """
        try:
            found = self._call(
                'ModelMetadata',
                service_pb2.ModelMetadataRequest(name=self.model, version=self.version))
            is_ready = self._call(
                'ModelReady',
                service_pb2.ModelReadyRequest(name=self.model, version=self.version)).ready
        except ServerError as error:
            raise self._refused(str(error)) from error
        if not is_ready:
            raise self._refused('it is not ready')
        config = self._config()
        self._check_protocol(config)
        formats = {each.name: FORMATS.get(each.format, '') for each in config.input}
        specs = [self._spec(each, True, formats.get(each.name, '')) for each in found.inputs]
        specs += [self._spec(each, False, '') for each in found.outputs]
        names = [spec.name for spec in specs]
        for name in names:
            if names.count(name) > 1:
                raise Unsupported(
                    f"{self.title}: the model has several tensors named '{name}', expected a "
                    'name of its own for each input and output')
        said = {key: value.string_value for key, value in config.parameters.items()}
        return ServedModel(LoadedModel(specs, said), config.max_batch_size > 0)

    def _call(self, method: str, request: Any) -> Any:
        return self.link.call(method, request, self.timeout_s)

    def _config(self) -> Any:
        """Return the model's configuration; an empty one where the server does not tell it."""
        try:
            return self._call('ModelConfig', service_pb2.ModelConfigRequest(
                name=self.model, version=self.version)).config
        except ServerError:  # Triton's extension of the protocol, and a server may forbid it
            return model_config_pb2.ModelConfig()

    def _check_protocol(self, config: Any) -> None:
        if config.model_transaction_policy.decoupled:
            raise Unsupported(
                f'{self.title}: the model is decoupled (any number of answers to a request), '
                'expected one answer to each')
        if config.HasField('sequence_batching'):
            raise Unsupported(
                f'{self.title}: the model keeps a state over a sequence of requests, expected '
                'one whose requests are independent')

    def _spec(self, tensor: Any, is_input: bool, layout: str) -> BlobSpec:
        shape = tuple(size if size >= 0 else -1 for size in tensor.shape)
        dtype = DTYPES.get(tensor.datatype)
        if dtype is None:
            raise Unsupported(
                f"{self.title}: {'input' if is_input else 'output'} '{tensor.name}' is of type "
                f"{tensor.datatype}, expected numbers: {', '.join(DTYPES)}")
        if not is_input or len(shape) != 4:
            layout = ''
        elif not layout:
            layout = guess_layout(shape)
        return BlobSpec(tensor.name, dtype, shape, is_input, layout)  # type: ignore[arg-type]

    def _refused(self, why: str) -> LoadFailed:
        version = f' in version {self.version}' if self.version else ''
        return LoadFailed(
            f"{self.title}: {self.server} has no model '{self.model}'{version} ready: "
            f'{why}. {self._index()}')

    def _index(self) -> str:
        """Say which models the server has, where it tells that."""
        try:
            models = self._call('RepositoryIndex', service_pb2.RepositoryIndexRequest()).models
        except ServerError as error:
            return f'Its list of models cannot be had: {error}'
        rows = []
        for each in models:
            state = '' if each.state in ('READY', '') else f' ({each.state} {each.reason})'
            version = f' version {each.version}' if each.version else ''
            rows.append(f'{each.name}{version}{state}')
        if not rows:
            return 'It has no models'
        more = f' and {len(rows) - MANY} more' if len(rows) > MANY else ''
        return f"It has {', '.join(rows[:MANY])}{more}"
