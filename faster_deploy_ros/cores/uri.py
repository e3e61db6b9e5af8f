# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Which model, on which runtime and device, with which options: one line of text."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
import os
import re
from types import MappingProxyType
from typing import TypeVar
from urllib.parse import quote, unquote

from faster_deploy_ros.cores.options import read_option, read_options
from faster_deploy_ros.errors import BadValue, UnknownName
from faster_deploy_ros.share import resolve_package_url
from faster_deploy_ros.share import SCHEME as PACKAGE_URL

T = TypeVar('T')
SUFFIXES: Mapping[str, str] = MappingProxyType({
    '.onnx': 'onnxruntime', '.param': 'ncnn', '.xml': 'openvino', '.mnn': 'mnn', '.rknn': 'rknn',
    '.engine': 'tensorrt', '.plan': 'tensorrt'})
SECRETS = ('token',)
HIDDEN = '...'
EXAMPLE = "'onnxruntime.0:///path/model.onnx?threads=1' or '/path/model.onnx'"

_HEAD = re.compile(r'(?P<scheme>[a-z][a-z0-9_]*)(?:\.(?P<device>[0-9]+))?')
_NAME = re.compile(r'[A-Za-z_][A-Za-z0-9_.-]*')
_RESERVED = re.compile('[%?#\x00-\x1f\x7f]')


@dataclass(frozen=True, slots=True)
class ModelUri:
    """
    ``scheme.device://path?option=value&...``, for example ``tensorrt.1:///m.engine``.

    A plain path is one too: its ending chooses the runtime. In the long form ``%``, ``?`` and
    ``#`` of a path are written ``%25``, ``%3F``, ``%23``; a relative path is relative to the
    working directory; ``package://name/path`` is a file that a ROS package ships.

    :param scheme: the runtime's row in the table of cores.
    :param device: which of the runtime's devices.
    :param path: a file, or whatever the runtime takes: ``host:8001/yolo``.
    :param options: the runtime's settings, as texts.
    :raises BadValue: a part that cannot be written in a URI.
    """

    scheme: str
    device: int
    path: str
    options: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse parts that no text could say."""
        head = _HEAD.fullmatch(self.scheme)
        if head is None or head['device']:
            raise BadValue(
                f"ModelUri: got the scheme '{self.scheme}', expected lower-case letters and "
                f'digits, as in {EXAMPLE}')
        if self.device < 0:
            raise BadValue(f'ModelUri: got the device {self.device}, expected 0 or more')
        if not self.path:
            raise BadValue(f'ModelUri: the path is empty, expected one as in {EXAMPLE}')
        for name in self.options:
            if not _NAME.fullmatch(name):
                raise BadValue(
                    f"ModelUri: got the option name '{name}', expected letters, digits and _")
        object.__setattr__(self, 'options', MappingProxyType(dict(self.options)))

    @classmethod
    def parse(cls, text: 'str | os.PathLike[str] | ModelUri') -> 'ModelUri':
        """
        Read a URI or a plain path; a ``Path`` is nothing but a path, whatever is in its name.

        :raises BadValue: the text is neither; the message says what was expected.
        :raises UnknownName: a plain path whose ending belongs to no runtime.
        """
        if isinstance(text, ModelUri):
            return text
        if not isinstance(text, str):
            path = os.fspath(text)
            return cls(_scheme_of(path), 0, path)
        head, separator, rest = text.partition('://')
        if not separator or text.startswith(PACKAGE_URL):
            path, options = _split_options(text)
            return cls(_scheme_of(path), 0, path, options)
        match = _HEAD.fullmatch(head)
        if match is None:
            raise BadValue(
                f"ModelUri: got '{head}' before '://', expected a runtime and perhaps a device "
                f'number, as in {EXAMPLE}')
        path, options = _split_options(rest)
        return cls(match['scheme'], int(match['device'] or 0), unquote(path), options)

    def __str__(self) -> str:
        path = _RESERVED.sub(lambda found: f'%{ord(found[0]):02X}', self.path)
        options = '&'.join(
            f"{name}={quote(value, safe='/:,;@', errors='surrogatepass')}"
            for name, value in sorted(self.options.items()))
        return f"{self.scheme}.{self.device}://{path}{'?' if options else ''}{options}"

    @property
    def shown(self) -> str:
        """The same text for logs, where no password of a server belongs."""
        secrets = {
            name: HIDDEN for name, value in self.options.items()
            if name in SECRETS and not value.startswith('env:')}
        return str(replace(self, options={**self.options, **secrets}))

    def __hash__(self) -> int:
        return hash((self.scheme, self.device, self.path, frozenset(self.options.items())))

    def option(
            self, name: str, kind: type[T], default: T, *, minimum: float | None = None,
            choices: tuple[str, ...] = ()) -> T:
        """
        Return one option as an int, float, bool, str or tuple of words.

        :raises BadValue: its text cannot be read, or the value is out of range.
        """
        text = self.options.get(name)
        if text is None:
            return default
        found: T = read_option(
            self.scheme, name, text, kind, minimum=minimum, choices=choices)
        return found

    def options_as(self, kind: type[T]) -> T:
        """
        Return all options as one object of an options dataclass.

        :raises UnknownName: an option that the class has not; the message lists those it has.
        :raises BadValue: a text that cannot be read, or a value out of range.
        """
        return read_options(kind, self.options, self.scheme)

    def resolved(self) -> 'ModelUri':
        """
        Return the same with the path on this machine: ``package://`` and ``~`` replaced.

        :raises Unavailable: the package ships no such file.
        """
        path = os.path.expanduser(resolve_package_url(self.path))
        return self if path == self.path else replace(self, path=path)


def _scheme_of(path: str) -> str:
    """Choose the runtime of a plain path by its ending."""
    if not path.strip():
        raise BadValue(f"ModelUri: got '{path}', expected a model, as in {EXAMPLE}")
    ending = os.path.splitext(path)[1].lower()
    scheme = SUFFIXES.get(ending)
    if ending == '.bin':
        raise UnknownName(
            f"ModelUri: '{path}' holds the weights alone, expected the .param (ncnn) or .xml "
            '(openvino) beside it')
    if scheme is None:
        raise UnknownName(
            f"ModelUri: '{path}' ends in '{ending}', which belongs to no runtime, expected one of "
            f"{', '.join(sorted(SUFFIXES))}, or a runtime before it: 'onnxruntime://{path}'")
    return scheme


def _split_options(text: str) -> tuple[str, dict[str, str]]:
    """Cut ``path?name=value&...`` into the path and the options."""
    path, question, query = text.partition('?')
    options: dict[str, str] = {}
    for part in query.split('&') if question and query else ():
        name, equals, value = part.partition('=')
        if not equals or not name:
            raise BadValue(
                f"ModelUri: got '{part}' in the options of '{text}', expected name=value")
        if name in options:
            raise BadValue(f"ModelUri: the option '{name}' is given twice in '{text}'")
        options[name] = unquote(value, errors='surrogatepass')
    return path, options
