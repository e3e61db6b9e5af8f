# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Every decision of the line against a plain model of it, in any order of events."""

from collections import Counter

from faster_deploy_ros.pipeline.ledger import Ledger
from faster_deploy_ros.pipeline.outcome import Overflow, Status
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    RuleBasedStateMachine,
)

MAX_AGE_NS = 10
LANES = st.sampled_from('abc')


class Entry:
    """What the model knows of one frame."""

    def __init__(self, ticket, lane, stamp_ns):
        self.ticket = ticket
        self.lane = lane
        self.stamp_ns = stamp_ns
        self.state = 'waiting'       # blocked, waiting, running, settled
        self.end = None              # (status, reason)


class LedgerMachine(RuleBasedStateMachine):
    """Accept, take, finish, cancel, break and release in any order."""

    running = Bundle('running')

    @initialize(limit=st.integers(1, 6), overflow=st.sampled_from(Overflow), ages=st.booleans())
    def begin(self, limit, overflow, ages):
        self.limit, self.overflow = limit, overflow
        self.max_age_ns = MAX_AGE_NS if ages else None
        self.ledger = Ledger(limit, overflow, self.max_age_ns)
        self.now_ns = 0
        self.entries = []            # in the order of acceptance, not yet released
        self.released = Counter()    # by lane
        self.ends = Counter()
        self.passed_over = Counter()
        self.accepted = 0

    def entry_of(self, ticket):
        return next(entry for entry in self.entries if entry.ticket is ticket)

    def in_state(self, *states, lane=None):
        return [entry for entry in self.entries
                if entry.state in states and lane in (None, entry.lane)]

    def live(self):
        return [e for e in self.entries if not (e.end and e.end[0] is Status.DROPPED)]

    def end(self, entry, status, reason=''):
        entry.state, entry.end = 'settled', (status, reason)

    def admit(self):
        while (blocked := self.in_state('blocked')) and self.has_room():
            blocked[0].state = 'waiting'

    def has_room(self):
        return len(self.in_state('waiting', 'running')) < self.limit

    def stale(self, entry):
        return (self.max_age_ns is not None and entry.stamp_ns is not None
                and self.now_ns - entry.stamp_ns > self.max_age_ns)

    @rule(lane=LANES, stamped=st.booleans())
    def accept(self, lane, stamped):
        waiting = {key: len(self.in_state('waiting', lane=key)) for key in 'abc'}
        was_full = len(self.live()) >= self.limit
        had_room = self.has_room()
        stamp_ns = self.now_ns if stamped else None
        ticket = self.ledger.accept(lambda laps: None, lane, stamp_ns)
        self.entries.append(Entry(ticket, lane, stamp_ns))
        self.accepted += 1
        newcomer = self.entries[-1]
        if self.ledger.broken:
            self.end(newcomer, Status.CANCELLED, 'broken')
        elif self.overflow is Overflow.BLOCK:
            newcomer.state = 'waiting' if had_room else 'blocked'
            assert (ticket.gate is not None and ticket.gate.locked()) == (not had_room)
        elif was_full:
            victim = newcomer
            longest = max(waiting.values())
            if self.overflow is Overflow.DROP_OLDEST and longest:
                candidates = [key for key in 'abc' if waiting[key] == longest]
                dropped = [e for e in self.in_state('waiting') if e.ticket.status is not None]
                assert len(dropped) == 1
                assert dropped[0].lane in candidates
                if lane in candidates:
                    assert dropped[0].lane == lane
                victim = self.in_state('waiting', lane=dropped[0].lane)[0]
            self.end(victim, Status.DROPPED, 'overflow')

    @rule(target=running)
    def take(self):
        lanes_waiting = {e.lane for e in self.in_state('waiting')}
        ticket = self.ledger.take(0, self.now_ns)
        while True:    # the model drops what is stale, in the order that the ledger shows
            stale = [e for e in self.in_state('waiting')
                     if e.ticket.status is Status.DROPPED and self.stale(e)]
            if not stale:
                break
            self.end(stale[0], Status.DROPPED, 'stale')
            self.admit()
        if ticket is None:
            assert not self.in_state('waiting')
            assert not (self.in_state('blocked') and self.has_room())
            return multiple()
        entry = self.entry_of(ticket)
        assert entry is self.in_state('waiting', lane=entry.lane)[0]
        assert not self.stale(entry)
        entry.state = 'running'
        self.check_turn(entry.lane, lanes_waiting)
        return ticket

    def check_turn(self, lane, lanes_waiting):
        """No lane is served twice while another one waits."""
        for other in lanes_waiting - {lane}:
            self.passed_over[other, lane] += 1
            assert self.passed_over[other, lane] <= 1 or not self.in_state('waiting', lane=other)
        for key in list(self.passed_over):
            if key[0] == lane:
                del self.passed_over[key]

    @rule(ticket=consumes(running), fails=st.booleans())
    def finish(self, ticket, fails):
        status = Status.FAILED if fails else Status.DONE
        entry = self.entry_of(ticket)
        self.ledger.finish(ticket, status, value=object())
        self.end(entry, status)
        self.admit()

    @rule()
    def release(self):
        released = self.ledger.release(self.now_ns)
        heads = {}
        for entry in self.entries:
            heads.setdefault(entry.lane, entry)
        ready = [entry for entry in heads.values() if entry.state == 'settled']
        if released is None:
            assert not ready
            return
        ticket, status, reason = released
        entry = self.entry_of(ticket)
        assert entry in ready
        assert ticket.seq == self.released[entry.lane]
        if entry.end[0] is Status.DONE and self.stale(entry):
            entry.end = (Status.DROPPED, 'stale')
        assert (status, reason) == entry.end
        assert (ticket.outcome(status, reason).value is None) == (
            status is not Status.DONE)
        self.released[entry.lane] += 1
        self.ends[entry.end] += 1
        self.entries.remove(entry)

    @rule(ticks=st.integers(1, MAX_AGE_NS))
    def wait(self, ticks):
        self.now_ns += ticks

    @rule(waiting=st.booleans())
    @precondition(lambda self: self.accepted > 4)
    def cancel(self, waiting):
        doomed = self.in_state('blocked', *(['waiting'] if waiting else []))
        self.ledger.cancel('closed', waiting=waiting)
        for entry in doomed:
            self.end(entry, Status.CANCELLED, 'closed')

    @rule()
    @precondition(lambda self: self.accepted > 12)
    def break_it(self):
        doomed = self.in_state('blocked', 'waiting')
        self.ledger.give_up('too many')
        for entry in doomed:
            self.end(entry, Status.CANCELLED, 'broken')

    @invariant()
    def who_does_not_wait_has_no_turn_to_lose(self):
        if hasattr(self, 'ledger'):
            for key in list(self.passed_over):
                if not self.in_state('waiting', lane=key[0]):
                    del self.passed_over[key]

    @invariant()
    def the_ledger_agrees(self):
        if not hasattr(self, 'ledger'):
            return
        for entry in self.entries:
            assert (entry.ticket.status is not None) == (entry.state == 'settled')
            assert (entry.ticket.job is None) == (entry.state == 'settled')
            if entry.ticket.gate is not None:
                assert entry.ticket.gate.locked() == (entry.state == 'blocked')
        stats = self.ledger.account.snapshot(
            waiting=self.ledger.waiting, running=self.ledger.running, workers=1)
        assert stats.accepted == self.accepted
        assert stats.waiting == len(self.in_state('waiting', 'blocked'))
        assert stats.running == len(self.in_state('running'))
        assert stats.in_flight == len(self.entries)
        assert stats.live == len(self.live())
        assert stats.done == self.ends[Status.DONE, '']
        assert stats.failed == self.ends[Status.FAILED, '']
        for reason in ('overflow', 'stale'):
            assert stats.dropped[reason] == self.ends[Status.DROPPED, reason]
        assert stats.cancelled == (
            self.ends[Status.CANCELLED, 'closed'] + self.ends[Status.CANCELLED, 'broken'])
        if self.overflow is not Overflow.BLOCK and not self.ledger.broken:
            assert stats.live <= self.limit
        if self.overflow is Overflow.BLOCK:
            assert len(self.in_state('waiting', 'running')) <= self.limit

    @invariant()
    def jobs_let_go_of_are_handed_over_once(self):
        if hasattr(self, 'ledger'):
            assert all(job is not None for job in self.ledger.sweep())
            assert self.ledger.sweep() == []


LedgerMachine.TestCase.settings = settings(
    max_examples=300, stateful_step_count=60, deadline=None)
TestLedgerAgreesWithItsModel = LedgerMachine.TestCase
