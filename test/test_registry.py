# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A registry imports a row when it is asked for, and explains what it cannot give."""

from importlib.metadata import EntryPoint
import sys
import threading

from faster_deploy_ros import registry as registry_module
from faster_deploy_ros.errors import Unavailable, UnknownName
from faster_deploy_ros.registry import Entry, Registry
import pytest


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write modules that can be imported, and forget them afterwards."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)

    def write(name, text):
        (tmp_path / f'{name}.py').write_text(text)
        return name

    yield write
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.fixture
def entry_points(monkeypatch):
    """Pretend that other packages are installed."""
    points = []
    monkeypatch.setattr(registry_module, 'entry_points', lambda group: points)

    def add(name, value):
        points.append(EntryPoint(name, value, 'test.group'))

    return add


def table(**rows):
    return Registry('runtime', 'test.group', rows)


def test_a_row_is_imported_when_first_resolved(module):
    name = module('lazy_row', 'class Core: pass\n')
    rows = table(lazy=Entry(f'{name}:Core'))
    assert list(rows) == ['lazy']
    assert name not in sys.modules
    assert rows.resolve('lazy').__name__ == 'Core'
    assert rows.resolve('lazy') is rows.resolve('lazy')


def test_a_nested_class_is_found(module):
    name = module('nested_row', 'class Outer:\n    class Core: pass\n')
    assert table(a=Entry(f'{name}:Outer.Core')).resolve('a').__qualname__ == 'Outer.Core'


def test_an_unknown_name_is_refused_with_the_known_ones_and_a_guess():
    rows = table(onnxruntime=Entry('x:y'), mock=Entry('x:y'))
    with pytest.raises(UnknownName) as refusal:
        rows.resolve('onnxruntme')
    text = str(refusal.value)
    assert "runtime 'onnxruntme'" in text
    assert 'mock, onnxruntime' in text
    assert "Did you mean 'onnxruntime'?" in text


def test_a_missing_module_that_the_row_needs_makes_it_unavailable(module):
    name = module('needs_vendor', 'import vendor_that_is_absent.part\n')
    rows = table(vendor=Entry(
        f'{name}:Core', needs=('vendor_that_is_absent',), hint='pip install vendor'))
    with pytest.raises(Unavailable) as refusal:
        rows.resolve('vendor')
    assert 'vendor_that_is_absent' in str(refusal.value)
    assert 'pip install vendor' in str(refusal.value)
    assert isinstance(refusal.value.__cause__, ImportError)


def test_a_library_that_the_needed_module_lacks_makes_it_unavailable(module):
    module('vendor_half', "raise ImportError('libvendor.so.1: cannot open shared object file', "
           "name='vendor_half._native')\n")
    name = module('needs_half', 'import vendor_half\n')
    rows = table(half=Entry(f'{name}:Core', needs=('vendor_half',)))
    with pytest.raises(Unavailable, match=r'libvendor\.so\.1'):
        rows.resolve('half')


def test_a_module_that_cannot_load_its_library_makes_it_unavailable(module):
    name = module('loads_itself', "import ctypes\nctypes.CDLL('libabsent_vendor.so')\n")
    rows = table(vendor=Entry(f'{name}:Core', hint='Get the driver.'))
    with pytest.raises(Unavailable, match=r'libabsent_vendor\.so.*Get the driver'):
        rows.resolve('vendor')


def test_our_own_typing_error_keeps_its_traceback(module):
    name = module('own_typo', 'import nmupy_typo\n')
    with pytest.raises(ModuleNotFoundError, match='nmupy_typo'):
        table(own=Entry(f'{name}:Core', needs=('vendor',))).resolve('own')
    name = module('no_class', '')
    with pytest.raises(AttributeError, match='Core'):
        table(own=Entry(f'{name}:Core')).resolve('own')


def test_a_name_is_never_taken_twice():
    rows = table(mock=Entry('first:Core'))
    with pytest.raises(ValueError, match=r"'mock'.*taken by first:Core"):
        rows.add('mock', Entry('second:Core'))
    rows.add('other', Entry('second:Core'))
    assert list(rows) == ['mock', 'other']


def test_the_rows_cannot_be_changed_from_outside():
    with pytest.raises(TypeError):
        table(mock=Entry('x:y')).entries['mock'] = Entry('z:y')


def test_another_package_adds_a_row_by_entry_point(module, entry_points):
    name = module('third_party', 'class Core: pass\n')
    entry_points('acme', f'{name}:Core')
    rows = table(mock=Entry('x:y'))
    assert list(rows) == ['acme', 'mock']
    assert rows.resolve('acme').__module__ == name


def test_an_entry_point_with_an_extra_is_found_too(module, entry_points):
    name = module('third_extra', 'class Core: pass\n')
    entry_points('acme', f'{name}:Core [gpu]')
    assert table().resolve('acme').__module__ == name


def test_another_packages_missing_runtime_is_unavailable_and_its_own_fault_is_not(
        module, entry_points):
    entry_points('acme', f"{module('acme_core', 'import acme_runtime_absent')}:Core")
    with pytest.raises(Unavailable, match='acme_runtime_absent'):
        table().resolve('acme')
    entry_points('typo', 'acme_core_absent:Core')
    with pytest.raises(ModuleNotFoundError, match='acme_core_absent'):
        table().resolve('typo')


def test_an_entry_point_that_takes_a_known_name_is_left_out_with_a_warning(entry_points):
    entry_points('mock', 'evil:Core')
    rows = table(mock=Entry('x:y'))
    with pytest.warns(UserWarning, match="'mock'.*evil:Core.*taken by x:y"):
        entries = rows.entries
    assert entries['mock'].target == 'x:y'
    assert list(rows) == ['mock']  # and the warning comes once


def test_threads_that_resolve_at_once_all_see_the_entry_points(module, monkeypatch):
    name = module('slow_point', 'class Core: pass\n')
    begun, go_on = threading.Event(), threading.Event()

    def slow(group):
        begun.set()
        assert go_on.wait(10)
        return [EntryPoint('acme', f'{name}:Core', group)]

    monkeypatch.setattr(registry_module, 'entry_points', slow)
    rows = table()
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(rows.resolve('acme').__name__))
        for _ in range(3)]
    threads[0].start()
    assert begun.wait(10)
    threads[1].start()
    threads[2].start()
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert found == ['Core'] * 3
