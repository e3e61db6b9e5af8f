# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""One request for a file at an address, from a byte on; and what its failure means."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
import errno
from http.client import HTTPException
import re
import socket
import ssl
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import build_opener, HTTPRedirectHandler, Request

from faster_deploy_ros import __version__
from faster_deploy_ros.errors import Unavailable

LOOPBACK = ('127.0.0.1', 'localhost', '::1')
# Answers that another try may change: timeout, too early, too many requests.
_PASSING = (408, 425, 429)
_NOWHERE = (errno.ECONNREFUSED, errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN)
_DIGITS = r'\d{1,18}'   # of no more is a file long; Python refuses to read thousands
_REACH = re.compile(rf'bytes (?:({_DIGITS})-{_DIGITS}|\*)/({_DIGITS}|\*)')


class Passing(Exception):
    """A failure that another try may undo: a cut connection, a timeout, a server at work."""


class PastEnd(Passing):
    """The file is shorter than what we have of it."""


class Offline(Exception):
    """The machine cannot be reached at all."""


@dataclass(frozen=True, slots=True)
class Answer:
    """
    What a server sends.

    :param stream: to read from; ends early when the connection does.
    :param start: of the first byte that it sends.
    :param total: how long the file is; None if it does not say.
    :param kind: the media type.
    """

    stream: Any
    start: int
    total: int | None
    kind: str

    def read(self, count: int) -> bytes:
        """
        Return what is there of the next bytes, b'' at the end.

        :raises Passing: the connection broke or says nothing.
        """
        try:
            found: bytes = self.stream.read1(count)
        except (OSError, HTTPException) as error:
            raise Passing(brief(error)) from error
        return found


class _Redirects(HTTPRedirectHandler):
    """Follow to safe addresses only; a release lies on another host than its page."""

    def http_error_302(self, req: Request, fp: Any, code: int, msg: str, headers: Any) -> Any:
        """Follow, and close the answer where there is nothing to follow."""
        try:
            return super().http_error_302(req, fp, code, msg, headers)
        except BaseException:
            fp.close()
            raise

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302

    def redirect_request(
            self, req: Request, fp: Any, code: int, msg: str, headers: Any,
            newurl: str) -> Request | None:
        """Check where the server sends us."""
        if not (is_safe(newurl) and (is_loopback(req.full_url) or not is_loopback(newurl))):
            raise Unavailable(
                f"models: '{req.full_url}' leads to '{newurl}', expected an https address; "
                'nothing was fetched')
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def is_loopback(url: str) -> bool:
    """Whether an address is this machine itself."""
    return urlsplit(url).hostname in LOOPBACK


def is_safe(url: str) -> bool:
    """Whether nobody on the way can change what comes: https, or no way at all."""
    scheme = urlsplit(url).scheme
    return scheme == 'https' or (scheme == 'http' and is_loopback(url))


@contextmanager
def ask(url: str, start: int, timeout_s: float) -> Iterator[Answer]:
    """
    Ask for a file from a byte on; close the connection after the block.

    :param timeout_s: for the connection, and for each silence after that.
    :raises Unavailable: the server refuses, or it cannot be trusted; another try does not help.
    :raises Offline: it cannot be reached.
    :raises Passing: another try may help.
    """
    if not is_safe(url):
        raise Unavailable(f"models: got the address '{url}', expected one with https")
    headers = {'User-Agent': f'faster_deploy_ros/{__version__}', 'Accept-Encoding': 'identity'}
    if start:
        headers['Range'] = f'bytes={start}-'
    try:
        response = build_opener(_Redirects()).open(Request(url, headers=headers), None, timeout_s)
    except HTTPError as error:
        error.close()
        if error.code == 416:
            raise PastEnd('the file is shorter than what was there of it') from error
        if error.code in _PASSING or error.code >= 500:
            raise Passing(f'the server answers {error.code} {brief(error.reason)}') from error
        if error.code < 400:
            raise Unavailable(
                f"models: '{url}' leads nowhere: {brief(error.reason)}, expected an https "
                'address; nothing was fetched') from error
        raise Unavailable(
            f"models: '{url}' answers {error.code} {brief(error.reason)}: the file was moved or "
            'withdrawn; a newer faster_deploy_ros may know where it is') from error
    except (OSError, HTTPException) as error:
        raise _failure(url, error) from error
    except ValueError as error:   # what urllib makes of a redirect to http://[::1 or https://a..b
        raise Unavailable(
            f"models: '{url}' leads to what is no address ({brief(error)}); nothing was fetched"
            ) from error
    with response:
        yield _answer(response)


def _answer(response: Any) -> Answer:
    kind = response.headers.get_content_type()
    if response.status == 206:
        reach = _REACH.fullmatch(response.headers.get('Content-Range', ''))
        if reach is None or reach[1] is None:
            raise Passing('the server does not say which part it sends')
        total = None if reach[2] == '*' else int(reach[2])
        return Answer(response, int(reach[1]), total, kind)
    length = response.headers.get('Content-Length', '')
    return Answer(response, 0, int(length) if re.fullmatch(_DIGITS, length) else None, kind)


def _failure(url: str, error: Exception) -> Exception:
    """Say what it means that no answer came."""
    cause = error.reason if isinstance(error, URLError) else error
    host = urlsplit(url).hostname
    if isinstance(cause, ssl.SSLCertVerificationError):
        return Unavailable(
            f'models: {host} cannot be trusted ({cause.verify_message}); is the clock of this '
            'machine right, are its certificates (ca-certificates) current?')
    # Of the time-outs, urllib wraps only that of the connection.
    is_silent = isinstance(error, URLError) and isinstance(cause, TimeoutError)
    if (is_silent or isinstance(cause, socket.gaierror)
            or getattr(cause, 'errno', None) in _NOWHERE):
        return Offline(f'{host} cannot be reached ({brief(cause)})')
    return Passing(brief(cause))


def brief(error: object) -> str:
    """Return an error's words in one line; what a server says does not command the terminal."""
    if isinstance(error, TimeoutError):
        return 'the server says nothing'
    text = getattr(error, 'strerror', None) or str(error) or type(error).__name__
    words = ' '.join(str(text).split())[:160]
    return ''.join(letter if letter.isprintable() else '?' for letter in words)
