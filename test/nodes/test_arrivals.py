# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the middleware lost is counted from its own sequence numbers."""

from faster_deploy_ros.nodes.arrivals import Arrivals, GID_LIMIT


def arrive(*sequences, gid=b'a'):
    arrivals = Arrivals()
    for sequence in sequences:
        arrivals.count({'publication_sequence_number': sequence, 'publisher_gid': gid})
    return arrivals


def test_an_unbroken_sequence_loses_nothing():
    arrivals = arrive(1, 2, 3)
    assert (arrivals.received, arrivals.lost_in_transport) == (3, 0)


def test_a_gap_counts_what_is_missing_in_it():
    arrivals = arrive(1, 2, 6, 7, 9)
    assert (arrivals.received, arrivals.lost_in_transport) == (5, 4)
    assert (arrivals.first_sequence, arrivals.last_sequence) == (1, 9)


def test_joining_late_is_no_loss():
    assert arrive(100, 101).lost_in_transport == 0


def test_a_late_frame_is_no_longer_lost():
    assert arrive(1, 3, 2).lost_in_transport == 0


def test_what_a_newer_image_replaced_while_there_was_no_room_is_not_lost_in_transport():
    arrivals = arrive(1, 2)
    arrivals.passed_over = True
    arrivals.count({'publication_sequence_number': 6, 'publisher_gid': b'a'})
    arrivals.count({'publication_sequence_number': 8, 'publisher_gid': b'a'})
    assert (arrivals.overwritten, arrivals.lost_in_transport) == (3, 1)


def test_each_publisher_has_its_own_sequence():
    arrivals = Arrivals()
    for sequence, gid in ((1, b'a'), (50, b'b'), (2, b'a'), (52, b'b')):
        arrivals.count({'publication_sequence_number': sequence, 'publisher_gid': gid})
    assert arrivals.lost_in_transport == 1


def test_a_middleware_without_sequence_numbers_counts_no_losses_and_says_so():
    arrivals = Arrivals()
    arrivals.count({'source_timestamp': 1})
    assert (arrivals.received, arrivals.lost_in_transport, arrivals.counts_losses) == (1, 0, False)


def test_publishers_without_end_do_not_grow_us_without_end():
    arrivals = Arrivals()
    for number in range(10 * GID_LIMIT):
        arrivals.count({'publication_sequence_number': 1,
                        'publisher_gid': number.to_bytes(4, 'big')})
    assert len(arrivals._last) <= GID_LIMIT
