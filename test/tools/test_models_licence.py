# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Who is asked about a copyleft licence, and what counts as a yes."""

import io

from faster_deploy_ros.errors import BadValue, Unsupported
from faster_deploy_ros.tools.models.licence import ask_licence, check_accepted
from planted_models import row
import pytest

MODEL = row('https://example.org/m.onnx', '0' * 64, 10, 'AGPL-3.0')


class Terminal(io.StringIO):

    def isatty(self):
        return True


@pytest.mark.parametrize('word', ['y', 'Y', 'yes', ' Yes '])
def test_a_yes_at_a_terminal_accepts(word):
    questions = io.StringIO()
    ask_licence(MODEL, [], questions, Terminal(f'{word}\n'))
    assert 'under AGPL-3.0 (https://example.org/shapes)' in questions.getvalue()


@pytest.mark.parametrize('word', ['', 'n\n', 'yesterday\n', '\n'])
def test_anything_else_does_not(word):
    with pytest.raises(Unsupported, match=r'was not accepted.*--accept-licence AGPL-3\.0'):
        ask_licence(MODEL, [], io.StringIO(), Terminal(word))


def test_where_nobody_can_answer_nothing_is_asked():
    questions = io.StringIO()
    with pytest.raises(Unsupported, match='there is no terminal to ask at'):
        ask_licence(MODEL, [], questions, io.StringIO('y\n'))
    assert questions.getvalue() == ''


def test_a_licence_that_was_accepted_by_name_is_not_asked_about():
    ask_licence(MODEL, ['AGPL-3.0'], io.StringIO(), io.StringIO())
    check_accepted(['AGPL-3.0'])
    with pytest.raises(BadValue, match='MIT'):
        check_accepted(['MIT'])
