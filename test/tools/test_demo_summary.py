# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The account of a run: it adds up, and every planted fault is found."""

from faster_deploy_ros.tools.demo.record import Record
from faster_deploy_ros.tools.demo.report import table, verdict
from faster_deploy_ros.tools.demo.summary import summarise
import pytest

SECOND_NS = 10**9


def diagnostics(part, values):
    return {'event': 'diagnostics', 'name': f'/somewhere/detection: {part}', 'message': 'fine',
            'values': {key: str(value) for key, value in values.items()}}


def run(sent=10, lost=(), dropped=(), failed=(), *, inference=None, heard=None):
    """Record a run of ``sent`` frames at 10 Hz, some of which come to another end."""
    record = Record()
    record.take({'event': 'labels', 'names': {'0': 'sphere', '1': 'cube'}})
    for index in range(sent):
        record.take({'event': 'sent', 'index': index, 'stamp_ns': stamp(index)})
    arrived = [index for index in range(sent) if index not in lost]
    published = [index for index in arrived if index not in (*dropped, *failed)]
    for index in published:
        record.take(detections(index))
    record.take({'event': 'done', 'sent': sent})
    gaps = arrived[-1] - arrived[0] + 1 - len(arrived)
    record.take(diagnostics('input', {
        'received': len(arrived), 'lost_in_transport': gaps, 'first_sequence': arrived[0] + 1,
        'last_sequence': arrived[-1] + 1, **(heard or {})}))
    record.take(diagnostics('inference', {
        'published': len(published), 'failed': len(failed), 'cancelled': 0, 'in_flight': 0,
        'dropped_overflow': len(dropped), 'dropped_stale': 0, **(inference or {})}))
    return record


def stamp(index):
    return 1_700_000_000 * SECOND_NS + index * SECOND_NS // 10


def detections(index, age_ms=5.0):
    return {'event': 'detections', 'stamp_ns': stamp(index), 'frame_id': 'camera',
            'arrived_ns': stamp(index) + round(age_ms * 1e6), 'sequence': index + 1,
            'objects': [[1.0, 2.0, 3.0, 4.0, 0.9, '1']]}


def account(record):
    summary = summarise(record)
    public = summary.as_json()
    return public, public['lost_in_transport'] + public['published'] + public['failed'] + sum(
        public['dropped'].values())


@pytest.mark.parametrize('ends', [
    {}, {'lost': (0,)}, {'lost': (0, 1, 5)}, {'lost': (9,)}, {'lost': (0, 4, 8, 9)},
    {'dropped': (2, 3)}, {'failed': (0,)}, {'lost': (1, 9), 'dropped': (0,), 'failed': (5, 6)},
])
def test_every_end_of_a_frame_is_counted_where_it_belongs(ends):
    public, total = account(run(**ends))
    assert public['faults'] == []
    assert public['sent'] == total == 10
    assert public['lost_in_transport'] == len(ends.get('lost', ()))
    assert public['dropped'] == {
        'overflow': len(ends.get('dropped', ())), 'stale': 0, 'cancelled': 0}
    assert public['failed'] == len(ends.get('failed', ()))


def test_the_json_has_the_promised_keys():
    public, _ = account(run())
    assert list(public)[:9] == [
        'sent', 'lost_in_transport', 'published', 'failed', 'dropped', 'out_of_order', 'fps',
        'age_ms', 'ap50']
    assert set(public['age_ms']) == {'p50', 'p90', 'p99', 'max'}
    assert public['ap50'] is None
    assert public['fps'] == pytest.approx(10.0)
    assert public['age_ms']['p50'] == pytest.approx(5.0)
    assert public['frames_with'] == {'cube': 10}


def test_ages_are_percentiles_over_all_messages():
    record = run(sent=0 + 1)
    record.published.clear()
    for index in range(101):
        record.take(detections(index, age_ms=index))
    age_ms = summarise(record).age_ms
    assert age_ms == {'p50': 50.0, 'p90': 90.0, 'p99': 99.0, 'max': 100.0}


def test_a_recorder_that_swallowed_one_is_found():
    record = run()
    del record.published[4]
    assert summarise(record).faults == (
        'the node says it published 10 messages, the recorder got 9',)


def test_a_frame_that_nobody_counted_is_found():
    faults = summarise(run(inference={'published': 9})).faults
    assert faults[0] == ('10 frames sent, but 0 lost in transport + 9 published + 0 failed + '
                         '0 dropped = 9')


def test_a_frame_counted_twice_is_found():
    assert summarise(run(inference={'dropped_stale': 1})).faults[0].endswith('1 dropped = 11')


def test_a_loss_that_the_node_did_not_see_is_found():
    faults = summarise(run(lost=(3,), heard={'lost_in_transport': 0})).faults
    assert any('0 lost in transport + 0 overwritten + 9 received = 9' in fault for fault in faults)


def test_what_a_newer_image_overwrote_is_dropped_and_not_lost():
    public, total = account(run(lost=(3,), heard={'lost_in_transport': 0},
                                inference={'dropped_overwritten': 1}))
    assert public['faults'] == []
    assert total == 10
    assert (public['dropped']['overwritten'], public['lost_in_transport']) == (1, 0)


def test_messages_in_the_wrong_order_are_found():
    record = run()
    record.published[3], record.published[4] = record.published[4], record.published[3]
    summary = summarise(record)
    assert summary.out_of_order == 1
    assert summary.faults == ('1 messages came out of order or twice',)


def test_a_message_that_came_twice_is_found():
    record = run()
    record.published[4] = record.published[3]
    assert summarise(record).out_of_order == 1


def test_a_stamp_that_the_camera_never_gave_is_found():
    record = run()
    record.published[5] = record.published[5]._replace(stamp_ns=stamp(5) + 1)
    assert summarise(record).faults == (
        '1 messages carry a stamp that the camera never gave',)


def test_a_camera_that_stamped_two_frames_alike_is_found():
    record = run()
    del record.sent[stamp(9)]
    faults = summarise(record).faults
    assert 'the camera says it sent 10 frames, with 9 stamps' in faults


def test_a_run_without_diagnostics_cannot_be_accounted_for():
    record = run()
    record.inference.clear()
    assert summarise(record).faults == (
        'the node published no diagnostics: nothing can be accounted for',)


def test_a_run_in_which_nothing_was_published_is_a_fault():
    summary = summarise(run(failed=range(10)))
    assert summary.failed == 10
    assert summary.faults == ('not one frame was published',)


def test_a_process_that_ended_badly_is_a_fault():
    record = run()
    record.exit_codes = {'detection': 1, 'camera': 0}
    assert summarise(record).faults == ('the detection process ended with code 1',)


def test_a_middleware_without_sequence_numbers_still_accounts_for_all():
    record = run(lost=(2, 3), heard={
        'lost_in_transport': 'not counted by this middleware', 'first_sequence': 0,
        'last_sequence': 0})
    summary = summarise(record)
    assert summary.lost_in_transport == 2
    assert not summary.faults
    assert 'numbers no messages' in summary.notes[0]


def test_a_node_that_received_nothing_lost_everything():
    record = run()
    record.published.clear()
    record.input = {'received': '0', 'lost_in_transport': '0', 'first_sequence': '0',
                    'last_sequence': '0'}
    record.inference['published'] = '0'
    summary = summarise(record)
    assert summary.lost_in_transport == summary.sent == 10
    assert summary.faults == ('not one frame was published',)


def test_cancelled_frames_are_among_the_dropped_ones():
    public, total = account(run(dropped=(9,), inference={'dropped_overflow': 0, 'cancelled': 1}))
    assert public['dropped'] == {'overflow': 0, 'stale': 0, 'cancelled': 1}
    assert total == 10
    assert public['faults'] == []


def test_a_reason_unknown_to_us_is_still_counted():
    public, total = account(run(dropped=(9,), inference={
        'dropped_overflow': 0, 'dropped_rain': 1}))
    assert public['dropped']['rain'] == 1
    assert total == 10


def test_timing_becomes_the_median_of_each_stage():
    record = run()
    for begin, end in ((0, 1000), (0, 3000), (0, 9000)):
        record.take({'event': 'timing', 'stamp_ns': stamp(0), 'lane': '0', 'worker': 'worker 1',
                     'values': {'received_ns': '7', 'infer': f'{begin} {end}'}})
    assert summarise(record).stages_ms == {'infer': 3.0}


def test_the_table_says_what_adds_up_and_what_does_not():
    good, bad = summarise(run(dropped=(1,))), summarise(run(inference={'published': 9}))
    assert ('10 sent = 9 published + 0 failed + 1 dropped (1 overflow) + 0 lost in transport'
            in table(good))
    assert 'FAULT' not in table(good)
    assert verdict(good) == '  Every frame is accounted for, all in order.'
    assert 'FAULT       10 frames sent, but' in table(bad)
    assert '9 published' in verdict(bad)
