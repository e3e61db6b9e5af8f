# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a server says that is no answer ends in one line, and never commands the terminal."""

from command_line import names
from faster_deploy_ros.errors import Unavailable
from model_server import redirect
from planted_models import CONTENT
import pytest

NINES = '9' * 5000   # Python reads no number of so many digits


def says(code, headers, body=CONTENT):
    """Answer with headers of our own, Content-Length among them or not."""
    return lambda request, content: request.answer(code, body, headers, length=None)


def test_a_length_that_is_no_number_is_as_good_as_none(zoo):
    zoo.server.plan = [says(200, {'Content-Length': NINES})]
    assert zoo.get(zoo.row).path.read_bytes() == CONTENT


def test_a_part_that_is_no_number_is_asked_for_again(zoo):
    zoo.server.plan = [says(206, {'Content-Range': f'bytes {NINES}-{NINES}/{NINES}'})]
    assert zoo.get(zoo.row).path.read_bytes() == CONTENT
    assert 'does not say which part' in next(told[3] for told in zoo.told if told[3])


@pytest.mark.parametrize('to', [
    'http://[::1', 'https://[zz]/', f'https://{"a" * 70}.example/', 'https://a..example/'])
def test_a_redirect_to_what_is_no_address_is_refused(zoo, folder, monkeypatch, to):
    for name in ('https_proxy', 'HTTPS_PROXY'):
        monkeypatch.delenv(name, raising=False)
    zoo.server.plan = [redirect(to)]
    with pytest.raises(Unavailable, match='leads to what is no address') as caught:
        zoo.get(zoo.row)
    assert '\n' not in str(caught.value)
    assert len(zoo.server.requests) == 1
    assert names(folder) == []


@pytest.mark.parametrize('code', [404, 500])
def test_the_words_of_a_server_do_not_command_the_terminal(zoo, code):
    def behave(request, content):
        request.send_response(code, 'no\x1b]0;owned\x07\x1b[2J')
        request.end_headers()

    zoo.server.plan = [behave] * 9
    with pytest.raises(Unavailable, match=rf'{code} no\?\]0;owned') as caught:
        zoo.get(zoo.row)
    assert str(caught.value).isprintable()
