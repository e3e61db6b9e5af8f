# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""TensorRT engines on the stand-in: built when they must be, told aloud, and kept."""

from faster_deploy_ros.cores import open_core
from faster_deploy_ros.cores.contract import refused
from faster_deploy_ros.errors import LoadFailed, Unavailable, Unsupported
import numpy as np
from nvidia_stand_in import fixtures, opens
import pytest

make_models = pytest.importorskip('make_models', reason='needs the package onnx')
NEW = '11.4.0'


cache, each_version, stand_in = fixtures()


def half():
    """Return ``y = x`` in float16 between a float32 input and output."""
    from onnx import helper, TensorProto
    return make_models.model(
        [helper.make_node('Cast', ['x'], ['a'], to=TensorProto.FLOAT16),
         helper.make_node('Identity', ['a'], ['b']),
         helper.make_node('Cast', ['b'], ['y'], to=TensorProto.FLOAT)],
        [make_models.tensor('x', (2, 3))], [make_models.tensor('y', (2, 3))])


def quantised():
    """Return ``y = x`` through int8."""
    from onnx import helper, numpy_helper
    weights = [numpy_helper.from_array(np.float32(0.5), 'scale'),
               numpy_helper.from_array(np.int8(0), 'zero')]
    return make_models.model(
        [helper.make_node('QuantizeLinear', ['x', 'scale', 'zero'], ['q']),
         helper.make_node('DequantizeLinear', ['q', 'scale', 'zero'], ['y'])],
        [make_models.tensor('x', (2, 3))], [make_models.tensor('y', (2, 3))], weights=weights)


def build(made, source, report=lambda *_: None, **wish):
    """Build without a core."""
    return made.tensorrt_build.build_engine(
        made.tensorrt_build.BuildWish('it', source, **wish), made.cuda_device.context_of(0),
        report)


def test_progress_is_told_by_phase_and_step_or_by_what_is_said_on_the_stand_in(each_version):
    told = []
    build(each_version, make_models.identity(), lambda *words: told.append(words))
    if each_version.trt.__version__ == '8.6.1':
        assert told == [('building', 0, 0, 'Local timing cache in use.')]
    else:
        assert told == [
            ('Building Engine', 0, 3), *(('Building Engine', n, 3) for n in (1, 2, 3)),
            ('Tactic Selection', 0, 2), *(('Tactic Selection', n, 2) for n in (1, 2))]


def test_progress_is_in_the_log_at_once_and_then_now_and_then_on_the_stand_in(
        each_version, tiny_models, monkeypatch, caplog):
    uri = f"tensorrt://{tiny_models('identity')}"
    opens(uri)
    first = {'8': 'building Local timing cache'}.get(
        each_version.trt.__version__[0], 'Building Engine 0/3')
    assert caplog.text.count('WARNING') == 3      # begun, where it is, done
    assert first in caplog.text
    caplog.clear()
    monkeypatch.setattr(each_version.tensorrt_core, 'REPORT_PERIOD_S', 0.0)
    opens(f'{uri}?tf32=1')
    if each_version.trt.__version__ != '8.6.1':
        assert 'Tactic Selection 2/2' in caplog.text
        assert caplog.text.count('WARNING') == 9


def test_an_interrupt_ends_the_build_and_comes_through_on_the_stand_in(each_version):
    def interrupt(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(each_version, make_models.identity(), interrupt)


def flags_of(made):
    return made.trt.stand_in.builds[-1]['flags']


def test_fp32_is_fp32_unless_tf32_is_asked_for_on_the_stand_in(each_version, tiny_models):
    opens(f"tensorrt://{tiny_models('identity')}")
    assert flags_of(each_version) == []
    opens(f"tensorrt://{tiny_models('identity')}?tf32=1")
    assert flags_of(each_version) == ['TF32']


def test_fp16_is_a_flag_or_the_models_own_on_the_stand_in(each_version, tiny_models):
    uri = f"tensorrt://{tiny_models('identity')}?precision=fp16"
    if each_version.trt.__version__ == NEW:
        with refused(Unsupported, 'fp16', 'fp32', NEW, 'autocast'):
            open_core(uri)
        opens('tensorrt://half.onnx?precision=fp16', source=half())
        with refused(Unsupported, 'precision=fp16'):
            open_core('tensorrt://half.onnx', source=half())
    else:
        opens(uri)
        assert flags_of(each_version) == ['FP16', 'TF32']


def test_bf16_is_refused_where_it_is_not_on_the_stand_in(each_version, tiny_models):
    uri = f"tensorrt://{tiny_models('identity')}?precision=bf16"
    if each_version.trt.__version__ == '10.3.0':
        opens(uri)
        assert flags_of(each_version) == ['BF16', 'TF32']
    else:
        with refused(Unsupported, 'bf16'):
            open_core(uri)


def test_int8_needs_a_quantised_model_or_images_on_the_stand_in(each_version, tiny_models):
    with refused(Unsupported, 'int8', 'QuantizeLinear'):
        open_core(f"tensorrt://{tiny_models('identity')}?precision=int8")
    opens('tensorrt://quantised.onnx?precision=int8', source=quantised())
    expected = ['TF32'] if each_version.trt.__version__ == NEW else ['FP16', 'INT8', 'TF32']
    assert flags_of(each_version) == expected


def batches(*values, shape=(1, 3, 4, 5)):
    return lambda: (np.full(shape, value, np.float32) for value in values)


def test_int8_is_calibrated_with_each_image_on_the_stand_in(each_version):
    if each_version.trt.__version__ == NEW:
        with refused(Unsupported, 'int8', 'QuantizeLinear'):
            build(each_version, make_models.identity(), precision='int8',
                  calibration=batches(1, 2))
        return
    told = []
    build(each_version, make_models.identity(), lambda *words: told.append(words),
          precision='int8', calibration=batches(1, 2, 3))
    assert each_version.trt.stand_in.builds[-1]['batches'] == [60.0, 120.0, 180.0]
    assert ('calibrating', 3) in told
    each_version.machine.assert_clean()


def test_images_of_another_size_are_told_and_not_swallowed_on_the_stand_in(stand_in):
    with refused(LoadFailed, '(1, 3, 9, 9)', '(1, 3, 4, 5)'):
        build(stand_in, make_models.identity(), precision='int8',
              calibration=batches(1, shape=(1, 3, 9, 9)))
    with refused(LoadFailed, 'Calibration failure'):
        build(stand_in, make_models.identity(), precision='int8', calibration=batches())
    with refused(Unsupported, 'one input'):
        build(stand_in, make_models.two_inputs(), precision='int8', calibration=batches(1))


def test_open_shapes_are_calibrated_at_their_usual_size_on_the_stand_in(stand_in):
    shapes = stand_in.tensorrt_options.read_shapes('x:1x3x2x2..1x3x4x5..1x3x9x9')
    build(stand_in, make_models.dynamic_identity(), precision='int8', shapes=shapes,
          calibration=batches(2))
    assert stand_in.trt.stand_in.builds[-1]['batches'] == [120.0]


def test_the_workspace_is_limited_on_request_on_the_stand_in(each_version, tiny_models):
    opens(f"tensorrt://{tiny_models('identity')}")
    assert each_version.trt.stand_in.builds[-1]['limits'] == {}
    opens(f"tensorrt://{tiny_models('identity')}?workspace_mb=64")
    assert each_version.trt.stand_in.builds[-1]['limits'] == {'WORKSPACE': 64 << 20}


def test_timings_are_kept_and_used_by_the_next_build_on_the_stand_in(
        each_version, tiny_models, cache):
    for name in ('identity', 'two_inputs', 'gather'):
        opens(f'tensorrt://{tiny_models(name)}')
    timings, = cache.glob('timings-*.cache')
    version = each_version.trt.__version__
    assert timings.read_bytes() == f'timings {version}'.encode() + 3 * b'+1'
    assert version.replace('.', '_') in timings.name


def test_timings_of_something_else_are_told_and_begun_anew_on_the_stand_in(
        stand_in, tiny_models, tmp_path, caplog):
    timings = tmp_path / 'my timings'
    timings.write_bytes(b'timings 8.6.1+1')
    opens(f"tensorrt://{tiny_models('identity')}?timing_cache={timings}")
    assert 'my timings' in caplog.text
    assert timings.read_bytes() == b'timings 10.3.0+1'
    opens(f"tensorrt://{tiny_models('two_inputs')}?timing_cache=off")
    assert timings.read_bytes() == b'timings 10.3.0+1'


def test_a_plug_in_library_that_is_none_is_refused_by_its_name_on_the_stand_in(
        stand_in, tiny_models, tmp_path):
    uri = f"tensorrt://{tiny_models('identity')}"
    with refused(Unavailable, '/no/such/plugin.so', 'plugins'):
        open_core(f'{uri}?plugins=/no/such/plugin.so')
    broken = tmp_path / 'broken.so'
    broken.write_bytes(b'not a library')
    with refused(Unavailable, 'broken.so', 'plugins'):
        open_core(f'{uri}?plugins={broken}')


def test_a_plug_in_library_is_loaded_once_and_belongs_to_the_key_on_the_stand_in(
        stand_in, tiny_models, monkeypatch):
    import ctypes
    loaded = []

    class Library:

        def __init__(self, path, mode):
            loaded.append(path)
            self.getCreators = None

    monkeypatch.setattr(ctypes, 'CDLL', Library)
    uri = f"tensorrt://{tiny_models('identity')}"
    opens(uri)
    for _ in range(2):
        opens(f'{uri}?plugins=libmine.so')
    assert loaded == ['libmine.so']
    assert stand_in.machine.calls['build'] == 2
    stand_in.trt.stand_in.plugins = ('libtheirs.so',)
    with refused(Unavailable, 'libtheirs.so', '10.3.0', 'Build the library'):
        open_core(f'{uri}?plugins=libtheirs.so')
