# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
A stand-in for TensorRT 8.6, 10.3 and 11.4: a version has what its list of names says, no more.

It fails as the real one: False, None or -1, and the reason only in the logger. ``fake_build.py``
builds and ``fake_engine.py`` runs.
"""

from functools import cache
import json
from pathlib import Path
from types import ModuleType

from fake_build import build_classes
from fake_engine import run_classes

API = Path(__file__).parent / 'tensorrt_api'
VERSIONS = ('8.6.1', '10.3.0', '11.4.0')
SEVERITIES = ('INTERNAL_ERROR', 'ERROR', 'WARNING', 'INFO', 'VERBOSE')


@cache
def facts(version):
    """Return the names of one version."""
    return json.loads((API / f'{version}.json').read_text())


def enum(name, members, shift):
    """Return an enumeration like pybind's: numbers, whose values move between versions."""
    def become(self, word, value):
        self.name, self.value = word, value

    kind = type(name, (), {
        '__init__': become, '__int__': lambda self: self.value,
        '__repr__': lambda self: f'<{name}.{self.name}: {self.value}>',
        '__str__': lambda self: f'{name}.{self.name}',
        '__eq__': lambda self, other: type(self) is type(other) and self.value == other.value,
        '__hash__': lambda self: hash((name, self.value))})
    for number, member in enumerate(m for m in members if m.isupper()):
        setattr(kind, member, kind(member, number + shift))
    return kind


class Settings:
    """What the tests can turn in a stand-in."""

    def __init__(self):
        self.build_fails = ''        # what the logger says when no engine comes out
        self.plugins = ()            # paths that load_library refuses
        self.contexts = 1 << 30      # how many execution contexts the memory is enough for
        self.enqueue_fails = ''
        self.refused_shape = ''
        self.memory_is_full = False  # for an engine
        self.during_build = None     # called in the middle of a build
        self.phases = (('Building Engine', None, 3), ('Tactic Selection', 'Building Engine', 2))
        self.builds = []             # the configuration of each


def module(machine, version, *, lean=False):
    """Return a module ``tensorrt`` of that version; its ``stand_in`` are the settings."""
    known = facts(version)
    trt = ModuleType('tensorrt')
    trt.__version__ = version
    trt.stand_in = Settings()
    shift = VERSIONS.index(version)
    for name, members in known['classes'].items():
        if name.isidentifier() and 'value' in members and 'name' in members:
            setattr(trt, name, enum(name, members, shift))
    native = _native(machine, known)
    made = {**_logging(native, trt), **build_classes(native, trt, machine),
            **run_classes(native, trt, machine)}
    for name, kind in made.items():
        if name not in known['module']:
            continue
        allowed = known['classes'][name]
        for attribute in [each for each in vars(kind) if not each.startswith('_')]:
            if attribute not in allowed and kind.__doc__ != 'Callbacks.':
                delattr(kind, attribute)
        setattr(trt, name, kind)
    trt.init_libnvinfer_plugins = lambda logger, namespace: True
    registry = trt.IPluginRegistry()
    trt.get_plugin_registry = lambda: registry
    if lean:
        for name in ('Builder', 'OnnxParser', 'init_libnvinfer_plugins'):
            delattr(trt, name)
    return trt


def _native(machine, known):
    class Native:
        """An object of the C++ side: no attribute but its own, counted, needs the context."""

        _cuda = False    # whether it can only come and go while a context is current

        def __new__(cls, *_, **__):
            made = super().__new__(cls)
            if cls._cuda:
                machine.call(cls.__name__)
                machine.live[cls.__name__] += 1
            return made

        def __del__(self):
            if self._cuda:
                machine.gone(type(self).__name__)

        def __setattr__(self, name, value):
            allowed = known['classes'].get(type(self).__name__, ())
            if not name.startswith('_') and name not in allowed:
                raise AttributeError(f'{type(self).__name__!r} object has no attribute {name!r}')
            object.__setattr__(self, name, value)

    return Native


def _logging(native, trt):
    severity = enum('Severity', SEVERITIES, 0)

    class ILogger:
        """Callbacks."""

        INTERNAL_ERROR, ERROR, WARNING, INFO, VERBOSE = (
            getattr(severity, name) for name in SEVERITIES)

        def __init__(self):
            self.is_initialised = True

    class IProgressMonitor:
        """Callbacks."""

        def __init__(self):
            self.is_initialised = True

    class IInt8EntropyCalibrator2(IProgressMonitor):
        """Callbacks."""

    class IOutputAllocator(IProgressMonitor):
        """Callbacks."""

    class IHostMemory(native):

        def __init__(self, data):
            self._data = data

        def __bytes__(self):
            return self._data

        @property
        def nbytes(self):
            return len(self._data)

    class IPluginRegistry(native):

        def load_library(self, path):
            return None if path in trt.stand_in.plugins else object()

    return {each.__name__: each for each in (
        ILogger, IProgressMonitor, IInt8EntropyCalibrator2, IOutputAllocator, IHostMemory,
        IPluginRegistry)}
