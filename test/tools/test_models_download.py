# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Fetching a model over connections that go wrong; the server is on the loopback interface."""

from dataclasses import replace
import socket
import threading
from urllib.request import Request

from command_line import names
from faster_deploy_ros.errors import LoadFailed, Unavailable
from faster_deploy_ros.tools.models import download, link
from model_server import (
    cut,
    no_length,
    ranged,
    redirect,
    sends,
    stalls,
    status,
    web_page,
    whole,
)
from planted_models import CONTENT, QUICK
import pytest

HALF = len(CONTENT) // 2
NAME, PART = 'shapes.onnx', '.shapes.onnx.part'


def sizeless(model):
    """Return the row as if nobody had written down how long its file is."""
    return replace(model, asset=replace(model.asset, size=None))


def test_a_cut_connection_is_gone_on_from_in_the_same_run(zoo):
    zoo.server.plan = [cut(HALF), cut(1000)]
    assert zoo.get(zoo.row).path.read_bytes() == CONTENT
    assert zoo.server.ranges == [None, f'bytes={HALF}-', f'bytes={HALF + 1000}-']


def test_a_later_run_goes_on_from_what_an_earlier_one_left(zoo, folder):
    zoo.server.plan = [cut(HALF)] + [status(503)] * 3
    with pytest.raises(Unavailable, match=f'503.*{HALF} bytes are kept'):
        zoo.get(zoo.row)
    assert names(folder) == [PART]
    assert (folder / PART).read_bytes() == CONTENT[:HALF]
    assert zoo.get(zoo.row).path.read_bytes() == CONTENT
    assert zoo.server.ranges[-1] == f'bytes={HALF}-'
    assert names(folder) == [NAME, 'shapes.yaml']


def test_a_part_that_is_whole_already_needs_no_server(zoo, folder):
    (folder / PART).write_bytes(CONTENT)
    assert zoo.get(zoo.row).path.read_bytes() == CONTENT
    assert zoo.server.requests == []


@pytest.mark.parametrize('known', [True, False], ids=['size known', 'size not known'])
def test_a_part_that_is_too_long_is_begun_anew(zoo, folder, known):
    (folder / PART).write_bytes(CONTENT + b'more')
    assert zoo.get(zoo.row if known else sizeless(zoo.row)).path.read_bytes() == CONTENT
    assert zoo.server.ranges[-1] is None


def test_a_server_that_knows_no_parts_begins_anew(zoo, folder):
    (folder / PART).write_bytes(CONTENT[:HALF])
    zoo.server.plan = [whole]
    assert zoo.get(zoo.row).path.read_bytes() == CONTENT
    assert zoo.server.ranges == [f'bytes={HALF}-']


def part(first, said):
    """Send the file from a byte on, and say of it what is given."""
    return lambda request, content: request.answer(
        206, content[first:], {'Content-Range': said.format(first, len(CONTENT) - 1)})


def test_another_part_than_was_asked_for_is_not_taken(zoo):
    zoo.server.plan = [cut(HALF), part(10, f'bytes {{}}-{{}}/{len(CONTENT)}')]
    assert zoo.get(zoo.row).path.read_bytes() == CONTENT
    assert zoo.server.ranges[1:] == [f'bytes={HALF}-'] * 2
    assert 'another part than was asked for' in ' '.join(str(told) for told in zoo.told)


def test_a_part_of_a_file_whose_length_nobody_says_will_do(zoo):
    zoo.server.plan = [cut(HALF), part(HALF, 'bytes {}-{}/*')]
    assert zoo.get(sizeless(zoo.row)).path.read_bytes() == CONTENT
    assert len(zoo.server.requests) == 2


def test_a_file_without_end_is_not_begun(zoo, folder, monkeypatch):
    monkeypatch.setattr(download, 'MOST', len(CONTENT) - 1)
    with pytest.raises(LoadFailed, match=f'has {len(CONTENT)} bytes, expected .* at most'):
        zoo.get(sizeless(zoo.row))
    assert names(folder) == []


def test_the_waits_grow_and_end():
    patience = download.Patience(wait_s=1.0, longest_s=15.0)
    assert [patience.wait(failures) for failures in (1, 2, 3, 9)] == [1, 2, 4, 15]


def test_a_server_far_away_does_not_lead_to_this_machine():
    """A redirect from outside could read what listens on the loopback interface only."""
    far, near = Request('https://example.org/m.onnx'), 'http://127.0.0.1:8080/admin'
    with pytest.raises(Unavailable, match=r"leads to 'http://127\.0\.0\.1:8080/admin'"):
        link._Redirects().redirect_request(far, None, 302, 'Found', {}, near)


def test_a_file_that_changed_upstream_is_not_glued_to_its_beginning(zoo, folder):
    """The part is of an older file of the same length: the whole is fetched once more."""
    (folder / PART).write_bytes(b'\x08' + bytes(HALF - 1))
    assert zoo.get(zoo.row).path.read_bytes() == CONTENT
    assert zoo.server.ranges == [f'bytes={HALF}-', None]


def test_a_wrong_checksum_is_refused_and_nothing_is_kept(zoo, folder):
    zoo.server.content = CONTENT[:-1] + b'!'
    with pytest.raises(LoadFailed, match=r'127\.0\.0\.1.*sha256 is \w{64}, expected \w{64};'):
        zoo.get(zoo.row)
    assert names(folder) == []


def test_a_wrong_beginning_and_a_wrong_file_end_too(zoo, folder):
    (folder / PART).write_bytes(CONTENT[:HALF])
    zoo.server.content = CONTENT[:-1] + b'!'
    with pytest.raises(LoadFailed, match='somebody changed it'):
        zoo.get(zoo.row)
    assert len(zoo.server.requests) == 2
    assert names(folder) == []


def test_another_length_is_refused_before_anything_comes(zoo, folder):
    zoo.server.plan = [sends(CONTENT + b'more')]
    with pytest.raises(LoadFailed, match=f'{len(CONTENT) + 4} bytes, expected {len(CONTENT)}'):
        zoo.get(zoo.row)
    assert names(folder) == []
    assert not zoo.told


def test_a_file_that_ends_early_is_tried_again_and_then_given_up(zoo):
    zoo.server.plan = [cut(100)] * 4
    with pytest.raises(Unavailable, match=r'failed 4 times in a row.*ended after 400 of'):
        zoo.get(zoo.row)
    assert len(zoo.server.requests) == 4


def test_failures_with_progress_between_them_are_not_in_a_row(zoo):
    step = len(CONTENT) // 8
    zoo.server.plan = [cut(step)] * 7
    assert zoo.get(zoo.row, replace(QUICK, step=step)).path.read_bytes() == CONTENT


@pytest.mark.parametrize('known', [True, False], ids=['size known', 'size not known'])
def test_a_server_that_does_not_say_the_length_will_do(zoo, known):
    zoo.server.plan = [no_length]
    assert zoo.get(zoo.row if known else sizeless(zoo.row)).path.read_bytes() == CONTENT


def test_without_a_known_size_the_server_tells_it(zoo):
    zoo.server.plan = [cut(HALF)]
    assert zoo.get(sizeless(zoo.row)).path.read_bytes() == CONTENT
    assert zoo.server.ranges == [None, f'bytes={HALF}-']


def test_more_than_the_file_is_not_read(zoo):
    zoo.server.plan = [lambda request, content: no_length(request, content + bytes(1 << 20))]
    assert zoo.get(zoo.row).path.read_bytes() == CONTENT


@pytest.mark.parametrize('length', [True, False], ids=['with length', 'without'])
def test_the_page_of_a_network_that_wants_a_sign_in_is_not_a_model(
        zoo, folder, length):
    zoo.server.plan = [web_page(length)]
    with pytest.raises(LoadFailed, match='a web page: does this network want you to sign in'):
        zoo.get(zoo.row)
    assert names(folder) == []


def test_what_is_no_onnx_file_is_refused_at_its_first_bytes(zoo, folder):
    zoo.server.content = b'PK\x03\x04' + CONTENT[4:]
    with pytest.raises(LoadFailed, match=r"begins with b'PK.*expected an ONNX model"):
        zoo.get(zoo.row)
    assert names(folder) == []


def test_a_server_that_fails_once_is_asked_again(zoo):
    zoo.server.plan = [status(500), status(429)]
    assert zoo.get(zoo.row).path.read_bytes() == CONTENT
    remarks = [told[3] for told in zoo.told if told[3]]
    assert 'answers 500' in remarks[0]
    assert 'try 2 of 4' in remarks[0]


@pytest.mark.parametrize('code', [403, 404, 410])
def test_a_refusal_is_final(zoo, folder, code):
    zoo.server.plan = [status(code)] * 4
    with pytest.raises(Unavailable, match=f'answers {code} .*moved or withdrawn') as caught:
        zoo.get(zoo.row)
    assert 'By hand' not in str(caught.value), 'it is not there for anybody'
    assert len(zoo.server.requests) == 1
    assert names(folder) == []


def test_a_redirect_is_followed_and_asks_for_the_same_part(zoo, folder):
    (folder / PART).write_bytes(CONTENT[:HALF])
    zoo.server.plan = [redirect(f'{zoo.server.url}/elsewhere'), ranged]
    assert zoo.get(zoo.row).path.read_bytes() == CONTENT
    assert zoo.server.requests == [
        ('/a/shapes.onnx', f'bytes={HALF}-'), ('/elsewhere', f'bytes={HALF}-')]


@pytest.mark.parametrize('to', [
    'http://example.org/m.onnx', 'file:///etc/passwd', 'ftp://example.org/m.onnx'])
def test_a_redirect_to_where_anybody_may_answer_is_refused(zoo, to):
    zoo.server.plan = [redirect(to)]
    with pytest.raises(Unavailable, match='expected an https address'):
        zoo.get(zoo.row)
    assert len(zoo.server.requests) == 1


def test_redirects_in_a_ring_end(zoo):
    zoo.server.plan = [redirect(f'{zoo.server.url}/ring')] * 50
    with pytest.raises(Unavailable, match='leads nowhere'):
        zoo.get(zoo.row)
    assert len(zoo.server.requests) <= 11


@pytest.mark.parametrize('url', ['http://example.org/m.onnx', 'ftp://h/m.onnx', 'file:///m.onnx'])
def test_only_https_is_fetched_from(zoo, url):
    with pytest.raises(Unavailable, match='expected one with https'):
        zoo.get(replace(zoo.row, asset=replace(zoo.row.asset, url=url)))


def test_without_a_network_it_is_said_at_once_and_how_to_do_without(zoo, folder):
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))   # and does not listen
        url = f'http://127.0.0.1:{taken.getsockname()[1]}/m.onnx'
        with pytest.raises(Unavailable) as caught:
            zoo.get(replace(zoo.row, asset=replace(zoo.row.asset, url=url)))
    text = str(caught.value)
    assert 'no network: 127.0.0.1 cannot be reached (Connection refused)' in text
    assert f"bring {url} here as '{folder / NAME}'" in text
    assert '\n' not in text
    assert names(folder) == []


def test_an_address_that_never_answers_is_no_network_and_not_tried_six_times(zoo):
    """A firewall that drops packets: a full queue of connections does the same."""
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(('127.0.0.1', 0))
        full.listen(0)
        for each in (first, second):
            each.setblocking(False)
            each.connect_ex(full.getsockname())
        url = f'http://127.0.0.1:{full.getsockname()[1]}/m.onnx'
        with pytest.raises(Unavailable, match=r'no network.*cannot be reached \(the server says'):
            zoo.get(replace(zoo.row, asset=replace(zoo.row.asset, url=url)),
                    replace(QUICK, timeout_s=0.3))
    assert len(zoo.told) == 0


def test_a_name_that_nobody_resolves_is_no_network(zoo, monkeypatch):
    def resolve(*_, **__):
        raise socket.gaierror(-3, 'Temporary failure in name resolution')

    monkeypatch.setattr(socket, 'getaddrinfo', resolve)
    with pytest.raises(Unavailable, match=r'no network: example.org cannot be reached \(Temp'):
        zoo.get(replace(zoo.row, asset=replace(zoo.row.asset, url='https://example.org/m.onnx')))


def test_a_network_that_goes_away_in_between_is_waited_for(zoo, monkeypatch):
    """It was there a moment ago: no reason to give up at the first failure."""
    real, calls = download._pull, []

    def pull(*arguments):
        calls.append(1)
        if len(calls) == 2:
            raise download.Offline('it is gone')
        real(*arguments)

    monkeypatch.setattr(download, '_pull', pull)
    zoo.server.plan = [cut(HALF)]
    assert zoo.get(zoo.row).path.read_bytes() == CONTENT
    assert len(calls) == 3


def test_a_server_that_falls_silent_is_left_and_asked_again(zoo):
    go_on = threading.Event()
    zoo.server.plan = [stalls(HALF, go_on)]
    try:
        assert zoo.get(zoo.row, replace(QUICK, timeout_s=0.3)).path.read_bytes() == CONTENT
    finally:
        go_on.set()
    assert 'the server says nothing' in next(told[3] for told in zoo.told if told[3])
    assert zoo.server.ranges[1] == f'bytes={HALF}-'
