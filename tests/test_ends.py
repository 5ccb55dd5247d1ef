"""Ends that close, are killed, are stopped and come back: who is told, how soon, and what is lost.

The delays are promises (100 ms), so they are measured; by how much the machine itself was late
meanwhile is measured, too, and not held against the library.
"""

from __future__ import annotations

import asyncio
import os
import random
import select
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import victims
from children import Child
from lateness import Report
from stopping import go_on, stop
from victims import Victim, Victims, number_of, numbered, open_end

import smipc
from smipc import CHAN_R, CHAN_W, Channel

ON_WINDOWS = sys.platform == "win32"
# A process takes its time to start on Windows; test_kills.py kills many with little around them.
KILLS = 3 if ON_WINDOWS else 50
has_names = pytest.mark.skipif(ON_WINDOWS, reason="what is unlinked there has no file")


@pytest.fixture
def pool() -> Iterator[Victims]:
    with Victims() as pool:
        yield pool


SHARED_MEMORY = Path(os.environ["LOCALAPPDATA"], "smipc") if ON_WINDOWS else Path("/dev/shm")


def files(name: bytes) -> list[str]:
    """On Windows only channels that outlive their processes have one."""
    return [entry.name for entry in SHARED_MEMORY.glob("*") if name.decode() in entry.name]


def await_waits(channel: Channel, role: str, before: int) -> None:
    """Until the end of that role, here or elsewhere, has begun to wait once more."""
    while getattr(channel.status(), f"{role}_waits") == before:
        time.sleep(0)


# ---- Closing


def test_a_reader_drains_and_is_then_told(name: bytes) -> None:
    writer, reader = open_end(name, CHAN_W), open_end(name, CHAN_R)
    writer.send_many([b"1", b"2", b"3"])
    writer.close()
    with reader:
        assert reader.recv() == b"1"
        assert reader.recv_many() == [b"2", b"3"]
        for _ in range(2):
            with pytest.raises(smipc.OppositeEndClosedError) as caught:
                reader.recv()
            assert not isinstance(caught.value, smipc.OppositeEndDiedError)


def test_a_writer_is_told_at_its_next_call(name: bytes) -> None:
    for call in (
        lambda writer: writer.send(b"x"),
        lambda writer: writer.send(b"x", 0),
        lambda writer: writer.send_many([b"x", b"y"]),
        lambda writer: writer.send(bytes(100_000)),
        lambda writer: writer.reserve(5).__enter__(),
    ):
        writer, reader = open_end(name, CHAN_W), open_end(name, CHAN_R)
        writer.send(b"not read")
        reader.close()
        with writer, pytest.raises(smipc.OppositeEndClosedError):
            call(writer)


def test_the_survivor_of_a_close_goes_on_with_the_next(name: bytes) -> None:
    writer, reader = open_end(name, CHAN_W), open_end(name, CHAN_R)
    for i in range(20):
        writer.send(b"%d" % i)
        writer.send(b"%d again" % i)
        if i % 2:
            reader.close()
            with pytest.raises(smipc.OppositeEndClosedError):
                writer.send(b"x")
            reader.open()
        else:
            writer.close()
            writer.open()
        assert reader.recv() == b"%d" % i
        assert reader.recv() == b"%d again" % i
    writer.close()
    reader.close()


# ---- A killed end, and how soon the survivor knows

Survivor = Callable[[bytes, Victims, Callable[[], Victim]], Victim]


def kill_when_waiting(channel: Channel, role: str, victim: Victim, call: Callable[[], Any]) -> None:
    """Calls `call`, in which `channel` has to wait, and kills the victim then."""
    before = getattr(channel.status(), f"{role}_waits")

    def kill() -> None:
        await_waits(channel, role, before)
        victim.kill()

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(smipc.OppositeEndDiedError):
        call()
    killer.join()


def fill(writer: Channel) -> None:
    with pytest.raises(smipc.TimedOutError):
        while True:
            writer.send(bytes(1000), 0)


def survive_in_recv(name: bytes, pool: Victims) -> Victim:
    with open_end(name, CHAN_R) as reader:
        victim = pool.start(victims.idle_writer, name)
        kill_when_waiting(reader, "reader", victim, reader.recv)
        return victim


def survive_in_recv_many(name: bytes, pool: Victims) -> Victim:
    with open_end(name, CHAN_R) as reader:
        victim = pool.start(victims.idle_writer, name)
        kill_when_waiting(reader, "reader", victim, lambda: reader.recv_many(10))
        return victim


def survive_in_send(name: bytes, pool: Victims) -> Victim:
    with open_end(name, CHAN_W) as writer:
        victim = pool.start(victims.idle_reader, name)
        fill(writer)
        kill_when_waiting(writer, "writer", victim, lambda: writer.send(bytes(1000)))
        return victim


def survive_in_send_large(name: bytes, pool: Victims) -> Victim:
    with open_end(name, CHAN_W) as writer:
        victim = pool.start(victims.idle_reader, name)
        kill_when_waiting(writer, "writer", victim, lambda: writer.send(bytes(100_000)))
        return victim


def survive_in_flush(name: bytes, pool: Victims) -> Victim:
    with open_end(name, CHAN_W) as writer:
        victim = pool.start(victims.idle_reader, name)
        writer.send(b"x")
        kill_when_waiting(writer, "writer", victim, writer.flush)
        return victim


def survive_in_read(name: bytes, pool: Victims) -> Victim:
    with open_end(name, CHAN_R, "stream") as reader:
        victim = pool.start(victims.idle_writer, name, "stream")
        call = lambda: reader.read(bytearray(9), 9, blocking=True)  # noqa: E731
        kill_when_waiting(reader, "reader", victim, call)
        return victim


def survive_in_write(name: bytes, pool: Victims) -> Victim:
    with open_end(name, CHAN_W, "stream") as writer:
        victim = pool.start(victims.idle_reader, name, "stream")
        call = lambda: writer.write(bytes(victims.CAPACITY + 1))  # noqa: E731
        kill_when_waiting(writer, "writer", victim, call)
        return victim


def survive_in_wait(name: bytes, pool: Victims) -> Victim:
    with open_end(name, CHAN_R) as reader, open_end(name + b"-2", CHAN_R) as other:
        victim = pool.start(victims.idle_writer, name)
        killer = threading.Timer(0.02, victim.kill)
        killer.start()
        assert smipc.wait([other, reader]) == [reader]
        killer.join()
        return victim


def survive_in_select(name: bytes, pool: Victims) -> Victim:
    with open_end(name, CHAN_R) as reader:
        victim = pool.start(victims.idle_writer, name)
        descriptor = reader.fileno()
        killer = threading.Timer(0.02, victim.kill)
        killer.start()
        select.select([descriptor], [], [])
        killer.join()
        return victim


def survive_in_aio(name: bytes, pool: Victims) -> Victim:
    from smipc import aio

    async def main() -> Victim:
        async with aio.open_channel(name, CHAN_R, framing="message") as reader:
            victim = pool.start(victims.idle_writer, name)
            asyncio.get_running_loop().call_later(0.02, victim.kill)
            with pytest.raises(smipc.OppositeEndDiedError):
                await reader.recv()
            return victim

    return asyncio.run(main())


def survive_by_polling(name: bytes, pool: Victims) -> Victim:
    with open_end(name, CHAN_R) as reader:
        victim = pool.start(victims.idle_writer, name)
        victim.kill()
        with pytest.raises(smipc.OppositeEndDiedError):
            while True:
                try:
                    reader.recv(0)
                except smipc.TimedOutError:
                    time.sleep(0.001)
        return victim


def survive_a_reader_in_recv(name: bytes, pool: Victims) -> Victim:
    with open_end(name, CHAN_W) as writer:
        victim = pool.start(victims.in_recv, name)
        await_waits(writer, "reader", 0)
        victim.kill()
        with pytest.raises(smipc.OppositeEndDiedError):
            while True:  # there is room for a while
                writer.send(b"x")
                time.sleep(0.001)
        return victim


def survive_a_reader_in_read(name: bytes, pool: Victims) -> Victim:
    with open_end(name, CHAN_W, "stream") as writer:
        victim = pool.start(victims.in_read, name)
        await_waits(writer, "reader", 0)
        victim.kill()
        with pytest.raises(smipc.OppositeEndDiedError):
            while True:
                writer.write(b"x")
                time.sleep(0.001)
        return victim


def drain(reader: Channel) -> None:
    with pytest.raises(smipc.OppositeEndDiedError):
        while True:
            reader.recv()


def survive_a_writer_in_send(name: bytes, pool: Victims) -> Victim:
    with open_end(name, CHAN_R) as reader:
        victim = pool.start(victims.in_send, name)
        await_waits(reader, "writer", 0)
        victim.kill()
        drain(reader)
        return victim


def survive_a_writer_in_a_large_send(name: bytes, pool: Victims) -> Victim:
    with open_end(name, CHAN_R) as reader:
        victim = pool.start(victims.in_send_large, name)
        await_waits(reader, "writer", 0)
        victim.kill()
        drain(reader)
        return victim


def survive_a_writer_in_flush(name: bytes, pool: Victims) -> Victim:
    with open_end(name, CHAN_R) as reader:
        victim = pool.start(victims.in_flush, name)
        await_waits(reader, "writer", 0)
        victim.kill()
        drain(reader)
        return victim


def survive_a_writer_in_write(name: bytes, pool: Victims) -> Victim:
    with open_end(name, CHAN_R, "stream") as reader:
        victim = pool.start(victims.in_write, name)
        await_waits(reader, "writer", 0)
        victim.kill()
        with pytest.raises(smipc.OppositeEndDiedError):
            while True:
                reader.read(bytearray(100), 100, blocking=True)
        return victim


def survive_when_both_are_blocked(name: bytes, pool: Victims) -> Victim:
    """Each in recv, on a channel of which the other has the writer."""
    with open_end(name, CHAN_W) as writer, open_end(name + b"-back", CHAN_R) as reader:
        victim = pool.start(victims.in_recv_with_a_writer, name)
        await_waits(writer, "reader", 0)
        kill_when_waiting(reader, "reader", victim, reader.recv)
        return victim


SURVIVALS = [value for key, value in list(globals().items()) if key.startswith("survive_")]
if ON_WINDOWS:
    SURVIVALS.remove(survive_in_select)  # there are no descriptors


@pytest.mark.parametrize("survive", SURVIVALS, ids=lambda survive: survive.__name__)
def test_a_killed_end_is_told_within_100_ms(
    make_name: Callable[[], bytes], pool: Victims, survive: Any, report: Report
) -> None:
    kills = []
    for _ in range(KILLS):
        victim = survive(make_name(), pool)
        kills.append((victim.killed_at, time.perf_counter()))
        pool.end(victim)
    report(kills)


def test_a_listener_is_told_within_100_ms(name: bytes, pool: Victims, report: Report) -> None:
    told: list[tuple[float, Exception]] = []
    changed = threading.Condition()

    def on_error(problem: Exception) -> None:
        with changed:
            told.append((time.perf_counter(), problem))
            changed.notify()

    kills = []
    with open_end(name, CHAN_R) as reader:
        listener = reader.read_async(lambda data: None, on_error)
        for i in range(KILLS):
            victim = pool.start(victims.idle_writer, name)  # the listener goes on with it
            victim.kill()
            with changed:
                assert changed.wait_for(lambda i=i: len(told) > i, timeout=60)
            assert isinstance(told[-1][1], smipc.OppositeEndDiedError)
            kills.append((victim.killed_at, told[-1][0]))
            pool.end(victim)
        listener.stop()
    report(kills)


# ---- What is lost: nothing; what comes twice: at most what the dead one had in hand


def let_it_run(chance: random.Random) -> None:
    """A moment of traffic, before a kill."""
    time.sleep(chance.uniform(0, 0.003))


def test_writers_killed_at_any_moment_lose_nothing(name: bytes, pool: Victims) -> None:
    chance = random.Random(1)
    number = 0
    with open_end(name, CHAN_R) as reader:
        for _ in range(KILLS):
            victim = pool.start(victims.send_from, name, number)
            enough = number + chance.randrange(200)
            with pytest.raises(smipc.OppositeEndDiedError):
                while True:
                    if number >= enough and not victim.killed_at:
                        let_it_run(chance)
                        victim.kill()
                    assert number_of(reader.recv()) == number
                    number += 1
            pool.end(victim)


def test_readers_killed_at_any_moment_lose_nothing(name: bytes, pool: Victims) -> None:
    chance = random.Random(2)
    sent = expected = 0
    with open_end(name, CHAN_W) as writer:
        for _ in range(KILLS):
            numbers, out = pool.pipe()
            victim = pool.start(victims.receive_and_tell, name, out)
            out.close()
            received: list[int] = []

            def collect(numbers: Any = numbers, received: list[int] = received) -> None:
                try:
                    while True:
                        received.append(numbers.recv())
                except (EOFError, OSError):  # it may be killed half-way through telling
                    pass

            collector = threading.Thread(target=collect)
            collector.start()
            enough = sent + 10 + chance.randrange(200)
            with pytest.raises(smipc.OppositeEndDiedError):
                while True:
                    if sent >= enough and not victim.killed_at:
                        let_it_run(chance)
                        victim.kill()
                    # A large message that its reader took half of is not delivered, and told so.
                    writer.send(numbered(sent))
                    sent += 1
            collector.join()
            pool.end(victim)
            if not received:
                continue
            # The first may be one that the reader before had in hand: taken, or come twice.
            assert expected - 1 <= received[0] <= expected + 1
            assert received == list(range(received[0], received[-1] + 1))
            expected = received[-1] + 1


def test_a_restarted_end_goes_on_where_the_last_left_off(name: bytes, start_child: Any) -> None:
    with open_end(name, CHAN_W) as writer:
        sent = 0
        for first in (0, 3, 6):
            child: Child = start_child(
                """
                with open_channel(arguments[0], CHAN_R, framing="message") as reader:
                    say("open")
                    for _ in range(3):
                        say(reader.recv().decode())
                    say("done")
                    hear()
                """,
                name,
            )
            child.expect("open")
            while sent < first + 5:  # two more than it takes
                writer.send(b"%d" % sent)
                sent += 1
            for number in range(first, first + 3):
                child.expect(str(number))
            child.expect("done")
            child.process.kill()
            child.process.wait()


def test_second_ends_are_refused_with_the_holders_pid(name: bytes, pool: Victims) -> None:
    for start, mode in ((victims.idle_writer, CHAN_W), (victims.idle_reader, CHAN_R)):
        victim = pool.start(start, name)
        with pytest.raises(smipc.EndTakenError) as caught:
            open_end(name, mode)
        assert str(victim.pid) in str(caught.value)
        assert name.decode() in str(caught.value)
        pool.end(victim)
        open_end(name, mode).close()


# ---- Stopped is not dead


@pytest.mark.parametrize("mode", [CHAN_R, CHAN_W])
def test_status_tells_of_a_death_that_no_other_call_has_noticed(
    name: bytes, mode: int, start_child: Any
) -> None:
    opposite = CHAN_W if mode == CHAN_R else CHAN_R
    child: Child = start_child(
        "end = open_channel(arguments[0], int(arguments[1])).open(); say('open'); hear()",
        name.decode(),
        opposite,
    )
    child.expect("open")
    state = "writer_state" if opposite == CHAN_W else "reader_state"
    with smipc.open_channel(name, mode) as channel:
        assert getattr(channel.status(), state) == "open"
        child.end()
        assert getattr(channel.status(), state) == "died"
        closed = "WC=1" if opposite == CHAN_W else "RC=1"
        assert closed in str(channel.status())


def stop_for(seconds: float, name: bytes, start_child: Any) -> None:
    child: Child = start_child(
        """
        reader = open_channel(arguments[0], CHAN_R, framing="message").open()
        writer = open_channel(arguments[0] + b"-back", CHAN_W, framing="message").open()
        say("open")
        for message in reader:
            writer.send(message)
        """,
        name,
    )
    child.expect("open")
    with open_end(name, CHAN_W) as writer, open_end(name + b"-back", CHAN_R) as reader:
        writer.send(b"before")
        assert reader.recv() == b"before"
        stop(child.process)
        writer.send(b"meanwhile")
        with pytest.raises(smipc.TimedOutError):
            reader.recv(seconds)
        with pytest.raises(smipc.TimedOutError):
            writer.flush(0)
        assert writer.status().reader_state == reader.status().writer_state == "open"
        with pytest.raises(smipc.EndTakenError, match=str(child.pid)):
            open_end(name, CHAN_R)
        smipc.clean_stale()
        assert ON_WINDOWS or files(name)
        go_on(child.process)
        assert reader.recv() == b"meanwhile"
        writer.close()
        assert list(reader) == []
        child.finish()


def test_a_process_stopped_for_seconds_is_not_dead(name: bytes, start_child: Any) -> None:
    stop_for(3, name, start_child)


@pytest.mark.skipif("SMIPC_TEST_LONG" not in os.environ, reason="a minute: set SMIPC_TEST_LONG")
def test_a_process_stopped_for_a_minute_is_not_dead(name: bytes, start_child: Any) -> None:
    stop_for(60, name, start_child)


# ---- What stays behind


def test_what_two_killed_ends_left_is_gone_at_the_next_open(name: bytes, pool: Victims) -> None:
    for start, mode in ((victims.idle_writer, CHAN_R), (victims.idle_reader, CHAN_W)):
        pair = [pool.start(victims.idle_writer, name), pool.start(victims.idle_reader, name)]
        for victim in pair:
            pool.end(victim)
        with smipc.open_channel(name, mode, 77, framing="message") as channel:
            assert channel.status().capacity_bytes == 77
            victim = pool.start(start, name)
            pool.end(victim)
        assert files(name) == []


def test_what_killed_ends_left_is_gone_after_clean_stale(
    make_name: Callable[[], bytes], pool: Victims
) -> None:
    names = [make_name() for _ in range(5)]
    for name in names:
        pair = [pool.start(victims.idle_writer, name), pool.start(victims.idle_reader, name)]
        for victim in pair:
            pool.end(victim)
    smipc.clean_stale()
    assert [files(name) for name in names] == [[]] * 5


def test_kernel_lifetime_survives_its_ends(name: bytes, start_child: Any) -> None:
    child: Child = start_child(
        """
        writer = open_channel(arguments[0], CHAN_W, 1000, framing="message", lifetime="kernel")
        writer.open()
        writer.send_many([b"1", b"2"])
        say("sent")
        hear()
        """,
        name,
    )
    child.expect("sent")
    child.process.kill()
    child.process.wait()
    smipc.clean_stale()
    assert files(name)
    with open_end(name, CHAN_R) as reader:
        assert reader.recv() == b"1"
    with open_end(name, CHAN_R) as reader, open_end(name, CHAN_W) as writer:
        writer.send(b"3")
        assert [reader.recv(), reader.recv()] == [b"2", b"3"]
    assert files(name)
    smipc.unlink(name)
    assert not files(name)


def removed() -> set[str]:
    return {entry for entry in os.listdir("/dev/shm") if entry.startswith("smipc.removed.")}


@has_names
def test_unlinked_ends_go_on_and_know_of_a_death(
    name: bytes, pool: Victims, report: Report
) -> None:
    kills = []
    for _ in range(10):
        with open_end(name, CHAN_R) as reader:
            victim = pool.start(victims.send_from, name, 0)
            before = removed()
            smipc.unlink(name)
            mine = removed() - before
            assert not files(name)
            for number in range(100):
                assert number_of(reader.recv()) == number
            victim.kill()
            drain(reader)
            kills.append((victim.killed_at, time.perf_counter()))
            pool.end(victim)
            assert mine
        assert not mine & removed()
    report(kills)


@has_names
def test_of_unlinked_ends_that_are_both_killed_clean_stale_leaves_nothing(
    name: bytes, pool: Victims
) -> None:
    pair = [pool.start(victims.idle_writer, name), pool.start(victims.idle_reader, name)]
    before = removed()
    smipc.unlink(name)
    mine = removed() - before
    assert mine
    for victim in pair:
        pool.end(victim)
    smipc.clean_stale()
    assert not mine & removed()


def test_many_processes_that_open_and_close_one_name(
    name: bytes, start_child: Any, tmp_path: Any
) -> None:
    children: list[Child] = [
        start_child(
            """
            import random
            name, folder, seed = arguments
            chance = random.Random(int(seed))
            count = 0
            for i in range(60):
                mode = chance.choice([CHAN_R, CHAN_W])
                channel = open_channel(name, mode, chance.choice([1, 100, 5000]), framing="message")
                try:
                    channel.open()
                except EndTakenError:
                    continue
                with channel:
                    role = os.path.join(folder, b"role%d" % mode)
                    os.mkdir(role)  # nobody else has this end
                    count += 1
                    try:
                        if mode == CHAN_W:
                            for _ in range(chance.randrange(5)):
                                channel.send(b"x" * chance.randrange(10), 0)
                        else:
                            for _ in range(chance.randrange(5)):
                                assert set(channel.recv(0.001)) <= set(b"x")
                    except (TimedOutError, OppositeEndClosedError):
                        pass
                    os.rmdir(role)
            say(count)
            """,
            name,
            str(tmp_path),
            seed,
        )
        for seed in range(6 if ON_WINDOWS else 20)
    ]
    counts = [int(child.finish()) for child in children]
    assert sum(counts) > 0
    assert not files(name)
