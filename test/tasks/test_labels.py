# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Every class has a name, and a name that no class has is said."""

import json

from faster_deploy_ros.errors import BlobMismatch, LoadFailed, UnknownName
from faster_deploy_ros.tasks.labels import COCO, find_classes, labels_from_metadata, resolve_labels
import pytest


@pytest.mark.parametrize('text', [
    "{0: 'cat', 1: 'dog'}",
    "{1: 'dog', 0: 'cat'}",
    "['cat', 'dog']",
    json.dumps({'0': 'cat', '1': 'dog'}),
    json.dumps(['cat', 'dog']),
])
def test_names_are_read_from_the_metadata_in_any_usual_notation(text):
    assert labels_from_metadata({'names': text}) == ('cat', 'dog')


@pytest.mark.parametrize('text', [
    "{0: 'cat', 2: 'dog'}",            # a hole
    "{0: 'cat', 1: 7}",                # not a text
    "{0: 'cat', 1: ''}",
    "{'a': 'cat'}",
    '3',
    'null',
    '{0: open("/etc/passwd")}',        # code is not run
    '__import__("os").abort()',
    '{' * 5000,
    "{0: 'cat'",
    "{0: 'cat', 0.5: 'dog'}",          # one of them would be lost
    "{1e999: 'cat'}",
])
def test_names_that_cannot_be_read_are_an_error_with_a_remedy(text):
    with pytest.raises(LoadFailed, match=r"metadata 'names'.*cannot be read.*parameter labels"):
        labels_from_metadata({'names': text})


def test_metadata_without_names_has_no_labels():
    assert labels_from_metadata({}) == ()
    assert labels_from_metadata({'names': '  '}) == ()


def test_the_first_source_with_names_wins():
    assert resolve_labels(2, {'a': (), 'b': ('x', 'y'), 'c': ('u', 'v')}) == ('x', 'y')


def test_eighty_unnamed_classes_are_those_of_coco():
    assert resolve_labels(80, {}) == COCO
    assert len(COCO) == len(set(COCO)) == 80


def test_other_unnamed_classes_are_numbered():
    assert resolve_labels(3, {'a': ()}) == ('class_0', 'class_1', 'class_2')


def test_a_wrong_number_of_labels_names_the_source_and_both_numbers():
    with pytest.raises(BlobMismatch, match='labels: the model card has 2, expected 3'):
        resolve_labels(3, {'the parameter labels': (), 'the model card': ('a', 'b')})


def test_two_classes_of_one_name_are_refused_with_the_source_and_both_numbers():
    with pytest.raises(BlobMismatch, match=(
            "labels: the model card has 'sign' for the classes 0 and 2, expected a name of its")):
        resolve_labels(3, {'the model card': ('sign', 'car', 'sign')})


def test_a_word_for_classes_that_are_not_used_may_come_again():
    names = ('N/A', 'car', 'N/A')
    assert resolve_labels(3, {'the model card': names}) == names


def test_classes_are_found_by_label_number_and_number_as_text():
    assert find_classes(['dog', 2, '0'], COCO) == {16, 2, 0}
    assert find_classes([], COCO) == frozenset()


def test_a_label_that_is_a_number_wins_over_the_number():
    assert find_classes(['1'], ('1', '0')) == {0}


def test_all_classes_of_one_label_are_found():
    assert find_classes(['sign'], ('sign', 'car', 'sign')) == {0, 2}


@pytest.mark.parametrize(('wanted', 'message'), [
    ('persn', "no class 'persn'.*Did you mean 'person'"),
    ('Person', "no class 'Person'.*Did you mean 'person'"),
    ('zzzzzz', r"no class 'zzzzzz', expected one of person, bicycle.*80 in all"),
    (80, 'no class number 80, expected 0 to 79'),
    (-1, 'no class number -1'),
    ('80', 'no class number 80'),
])
def test_an_unknown_class_is_named_with_what_there_is(wanted, message):
    with pytest.raises(UnknownName, match=message):
        find_classes([wanted], COCO)
