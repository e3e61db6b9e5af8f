# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A repeated message is logged once and then counted."""

from faster_deploy_ros.nodes.throttle import KINDS_LIMIT, Throttle


def test_a_flood_of_one_message_is_one_line():
    lines = []
    throttle = Throttle(lines.append, period_s=60.0)
    for _ in range(1000):
        throttle('bad frame')
    assert lines == ['bad frame']


def test_the_next_line_tells_how_many_were_held_back():
    lines = []
    throttle = Throttle(lines.append, period_s=60.0)
    for number in range(4):
        throttle(f'bad frame {number}', kind='bad')
    throttle._period_s = 0.0
    throttle('bad frame 4', kind='bad')
    assert lines == ['bad frame 0', 'bad frame 4 (and 3 more like it)']


def test_another_message_is_not_held_back_by_the_first():
    lines = []
    throttle = Throttle(lines.append, period_s=60.0)
    throttle('one')
    throttle('two')
    assert lines == ['one', 'two']


def test_endlessly_different_messages_do_not_grow_it():
    throttle = Throttle(lambda text: None)
    for number in range(10 * KINDS_LIMIT):
        throttle(f'message {chr(1000 + number)}')
    assert len(throttle._kinds) <= KINDS_LIMIT + 1


def test_messages_that_differ_in_numbers_only_are_one_kind():
    lines = []
    throttle = Throttle(lines.append, period_s=60.0)
    for size in range(100):
        throttle(f'frame {size}.{size} failed: cut off after {size} bytes')
    assert lines == ['frame 0.0 failed: cut off after 0 bytes']


def test_a_flood_of_ever_new_words_does_not_fill_the_log():
    lines = []
    throttle = Throttle(lines.append, period_s=60.0)
    for number in range(5000):
        throttle('noise ' + ''.join(chr(ord('a') + int(digit)) for digit in str(number)))
    assert len(lines) <= KINDS_LIMIT + 1
    assert len(throttle._kinds) <= KINDS_LIMIT + 1
    throttle._period_s = 0.0
    throttle('something else')
    assert lines[-1] == 'something else'
    assert len(throttle._kinds) <= 1
