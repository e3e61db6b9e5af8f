# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Each name of TensorRT that our source uses exists in each version that we claim."""

import ast
from pathlib import Path

from fake_tensorrt import facts, VERSIONS
import pytest

CORES = Path(__file__).resolve().parents[2] / 'faster_deploy_ros' / 'cores'
FILES = sorted([
    CORES / 'tensorrt_core.py', *CORES.glob('cuda_*.py'),
    *(CORES / 'tensorrt' / f'{name}.py' for name in ('api', 'build', 'hooks', 'options', 'seat'))])
MODULE = 'module'
# Our variables -> the class of TensorRT that they hold. What is in neither table is a failure, so
# that no object of TensorRT goes by a name that this test does not know.
THEIRS = {
    'trt': MODULE,
    '_builder': 'Builder', '_config': 'IBuilderConfig', '_engine': 'ICudaEngine',
    '_execution': 'IExecutionContext', '_network': 'INetworkDefinition',
    '_parser': 'OnnxParser', '_profile': 'IOptimizationProfile', '_runtime': 'Runtime',
    '_timing': 'ITimingCache', 'engine': 'ICudaEngine', 'layer': 'ILayer',
    'problem': 'ParserError', 'registry': 'IPluginRegistry', 'tensor': 'ITensor',
}
OURS = {
    'Context', 'Device', 'JOURNAL', 'Location', 'Path', 'Shape', 'VERSION', '_SHAPE',
    '_addresses', '_allocation', '_array', '_block', '_context', '_device', '_done', '_errors',
    '_feed', '_growing', '_hearing', '_listeners', '_loaded', '_lock', '_logger', '_memory',
    '_pool', '_primary', '_ranges', '_report', '_shapes', '_steps', '_stream', '_title', '_uri',
    '_wish', 'allocation', 'array', 'base', 'batch', 'batches', 'blob', 'blobs', 'block', 'c',
    'cache', 'cls', 'context', 'ctypes', 'cuda', 'device', 'dict', 'dtypes', 'each', 'error',
    'event_flags', 'expected', 'feed', 'folder', 'found', 'given', 'gpu', 'gpus', 'hashlib',
    'head', 'hearing', 'inputs', 'interface', 'library', 'location', 'logging', 'memory', 'model',
    'msg', 'name', 'names', 'np', 'onnx_file', 'opened', 'option', 'options', 'os', 'outputs',
    'owner', 'part', 'path', 'pinned', 'plan', 'pycuda', 'ranges', 're', 'seat', 'self',
    'severity', 'shape', 'shapes', 'since', 'sizes', 'source', 'spec', 'specs', 'stream',
    'suffix', 'super', 'text', 'texts', 'threading', 'typing', 'value', 'wish', 'word', 'words',
    'workshop',
}
GATES = {'has', 'member'}


class Names(ast.NodeVisitor):
    """Collects what a source uses of TensorRT, and where it asks whether a thing is there."""

    def __init__(self, title):
        self.title = title
        self.used = []        # (qualified name, where, gates of the function)
        self.gates = set()    # what is asked for
        self.unknown = []
        self.functions = []

    def visit_FunctionDef(self, node):
        asked = {call.args[0].value for call in ast.walk(node) if _is_gate(call)
                 and isinstance(call.args[0], ast.Constant)}
        self.functions.append(asked)
        self.generic_visit(node)
        self.functions.pop()

    def visit_Call(self, node):
        if _is_gate(node) and isinstance(node.args[0], ast.Constant):
            self.gates.add(node.args[0].value)
        self.generic_visit(node)

    def visit_Attribute(self, node):
        where = f'{self.title}:{node.lineno}'
        held = self.holds(node.value, where)
        if held is not None:
            name = node.attr if held == MODULE else f'{held}.{node.attr}'
            if not node.attr.startswith('__'):
                gates = self.functions[-1] if self.functions else set()
                self.used.append((name, where, gates))
        self.generic_visit(node)

    def holds(self, node, where):
        """Return the class of TensorRT that an expression is of, None where it is ours."""
        if isinstance(node, ast.Name | ast.Attribute):
            name = node.id if isinstance(node, ast.Name) else node.attr
            if isinstance(node, ast.Attribute) and self.holds(node.value, where) == MODULE:
                return name      # trt.BuilderFlag: a class
            if name in THEIRS:
                return THEIRS[name]
            if name not in OURS and name not in self.imported and not self.is_ours(node):
                self.unknown.append(f'{where}: what is {name}? Say it in THEIRS or OURS')
            return None
        if isinstance(node, ast.Call):
            function = node.func
            if isinstance(function, ast.Attribute):
                held = self.holds(function.value, where)
                if held == MODULE:
                    return function.attr     # trt.Runtime(...): an object of it
                if held is not None:
                    self.unknown.append(f'{where}: give the result of {held}.{function.attr} '
                                        'a name that THEIRS has')
            return None
        return None

    def is_ours(self, node):
        """Whether it is an attribute of ours, or a class of the same file."""
        if isinstance(node, ast.Name):
            return node.id in self.defined
        return self.holds(node.value, '') is None and node.attr in self.defined

    def read(self, source):
        tree = ast.parse(source)
        self.imported = {
            alias.asname or alias.name for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom) for alias in node.names}
        self.defined = {node.name for node in ast.walk(tree)
                        if isinstance(node, ast.ClassDef | ast.FunctionDef)}
        # What a dataclass or __init__ of ours declares, as `wish.source`.
        self.defined |= {node.target.id for node in ast.walk(tree)
                         if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)}
        # Constants, unless TensorRT made them.
        self.defined |= {
            target.id for node in tree.body if isinstance(node, ast.Assign)
            for target in node.targets if isinstance(target, ast.Name)
            and not any(isinstance(each, ast.Name) and each.id == 'trt'
                        for each in ast.walk(node.value))}
        self.visit(tree)
        return self


def _is_gate(node):
    return (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            and node.func.id in GATES and bool(node.args))


def versions_with(name):
    """Return the versions that have ``Class``, ``function`` or ``Class.member``."""
    head, _, attribute = name.partition('.')
    return [version for version in VERSIONS if head in facts(version)['module'] and (
        not attribute or attribute in facts(version)['classes'].get(head, ()))]


def gated():
    """Return the table of ``tensorrt/api.py``: name -> versions."""
    tree = ast.parse((CORES / 'tensorrt/api.py').read_text())
    node, = (each for each in tree.body if isinstance(each, ast.AnnAssign)
             and each.target.id == 'GATED')
    return {name: words.split() for name, words in ast.literal_eval(node.value.args[0]).items()}


def complaints(title, source):
    """Say what a source uses that not every version has, or that nobody can judge."""
    names = Names(title).read(source)
    table = gated()
    found = list(names.unknown)
    for name, where, gates in names.used:
        have = versions_with(name)
        if not have:
            found.append(f'{where}: no version has {name}')
        elif len(have) < len(VERSIONS) and not (name in table and name in gates):
            found.append(f'{where}: {name} is only in {", ".join(have)}, and nothing asks has()')
    for name in names.gates:
        if not versions_with(name):
            found.append(f'{title}: no version has {name}, which it asks for')
        elif name not in table and name not in lean_lacks():
            found.append(f'{title}: {name} is asked for and not in GATED')
    return found


def lean_lacks():
    tree = ast.parse((CORES / 'tensorrt/api.py').read_text())
    return next(ast.literal_eval(each.value) for each in tree.body
                if isinstance(each, ast.Assign) and each.targets[0].id == 'LEAN_LACKS')


def table_of(file, name):
    """Return a table that a file of ours has at its top, as a literal."""
    tree = ast.parse((CORES / file).read_text())
    node, = (each for each in tree.body if isinstance(each, ast.AnnAssign)
             and each.target.id == name)
    value = node.value.args[0] if isinstance(node.value, ast.Call) else node.value
    return ast.literal_eval(value)


@pytest.mark.parametrize('path', FILES, ids=lambda path: path.name)
def test_all_that_a_file_uses_of_tensorrt_is_in_each_version_or_asked_for(path):
    assert complaints(path.name, path.read_text()) == []


def test_the_files_use_as_much_as_one_would_think():
    """A walk that finds nothing would pass as well."""
    used = {name for path in FILES for name, _, _ in Names(path.name).read(path.read_text()).used}
    assert len(used) > 60
    assert {'Runtime', 'Runtime.deserialize_cuda_engine', 'IExecutionContext.execute_async_v3',
            'IBuilderConfig.progress_monitor', 'Builder.build_serialized_network',
            'ICudaEngine.create_execution_context', 'TensorIOMode.INPUT'} <= used


def test_what_is_said_to_be_in_some_versions_only_is_exactly_there():
    for name, claimed in gated().items():
        assert [version.partition('.')[0] for version in versions_with(name)] == claimed, name
    for name in lean_lacks():
        assert versions_with(name) == list(VERSIONS), name


def test_each_name_that_is_put_together_from_a_table_is_asked_for_or_everywhere():
    names = {f'BuilderFlag.{flag}' for flags in table_of('tensorrt/build.py', 'FLAGS').values()
             for flag in flags}
    names |= {f'DataType.{each}' for each in table_of('tensorrt/api.py', 'DTYPES')}
    names |= {f'DataType.{each}' for each in table_of('tensorrt/build.py', 'HALVES').values()}
    for name in names:
        assert versions_with(name) == list(VERSIONS) or name in gated(), name


@pytest.mark.parametrize(('source', 'complaint'), [
    ('class A:\n def f(self):\n  self._engine.num_bindings', 'only in 8.6.1'),
    ('class A:\n def f(self):\n  self._engine.num_io_tensor', 'no version has ICudaEngine'),
    ('def f():\n trt.Runtime(x).deserialise(y)', 'no version has Runtime.deserialise'),
    ('def f():\n trt.BuilderFlag.FP16', 'nothing asks'),
    ('class A:\n def f(self):\n  self._config.set_flag(trt.BuilderFlag.INT8)', 'nothing asks'),
    ('class A:\n def f(self):\n  self._config.progress_monitor = 1', 'nothing asks'),
    ('def f():\n trt.CaffeParser()', 'nothing asks'),
    ('def f():\n thing.set_input_shape()', 'what is thing'),
    ('THING = trt.Logger()\ndef f():\n THING.log()', 'what is THING'),
    ('class A:\n def f(self):\n  self._engine.create_execution_context().set_shape()', 'a name'),
    ('def f():\n return has("BuilderFlag.FP17")', 'no version has BuilderFlag.FP17'),
    ('def f():\n return has("BuilderFlag.REFIT")', 'not in GATED'),
])
def test_a_planted_mistake_is_found(source, complaint):
    found = complaints('planted.py', source)
    assert len(found) == 1, found
    assert complaint in found[0]


@pytest.mark.parametrize('source', [
    'class A:\n def f(self):\n  self._engine.num_io_tensors',
    'def f():\n trt.BuilderFlag.TF32',
    ('class A:\n def f(self):\n  if has("IBuilderConfig.progress_monitor"):\n'
     '   self._config.progress_monitor = 1'),
])
def test_what_is_right_is_left_alone(source):
    assert complaints('planted.py', source) == []
