"""Which process of a run one is, how they find each other, and what they say when they cannot."""

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from together import free_port

from tpo_runs import _rendezvous
from tpo_runs._arguments import Arguments, parse_arguments
from tpo_runs._config_error import ConfigError
from tpo_runs._link import Link
from tpo_runs._lost_process import LostProcessError
from tpo_runs._peer import Peer
from tpo_runs._place import Place, detected_place, place_by_flags
from tpo_runs._rendezvous import meet

SAME = {"jax": "1.0", "config": "abc"}
CLUSTERS = ("SLURM_JOB_ID", "OMPI_MCA_orte_hnp_uri", "KUBERNETES_SERVICE_HOST")


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        ("--coordinator a:1", "--processes and --process is missing"),
        ("--coordinator a:1 --process 0", "--processes is missing"),
        ("--coordinator a:1 --processes 2 --process 2", "--process 2: expected 0 to 1"),
        ("--coordinator a:1 --processes 2 --process -1", "--process -1: expected 0 to 1"),
        ("--coordinator a:1 --processes 0 --process 0", "--processes 0: expected how many there are"),
        ("--coordinator a --processes 2 --process 0", "--coordinator 'a': expected HOST:PORT"),
        ("--coordinator a:0 --processes 2 --process 0", "--coordinator 'a:0': expected HOST:PORT"),
        ("--coordinator a:65536 --processes 2 --process 0", "with a port from 1 to 65535"),
        ("--coordinator a:² --processes 2 --process 0", "expected HOST:PORT"),
        (
            "--distributed --processes 2",
            "--distributed detects what --processes says; leave out one of the two",
        ),
        ("--distributed --connect-seconds 0", "--connect-seconds 0: expected a number above 0"),
        ("--processes two", "argument --processes: invalid int value: 'two'"),
    ],
)
def test_flags_that_do_not_fit_are_refused_with_one_line(flags, line):
    with pytest.raises(ConfigError) as caught:
        place_by_flags(parse_arguments(["a.toml", *flags.split()]))
    (told,) = caught.value.lines
    assert line in told


def test_flags_say_which_process_this_is():
    flags = "--coordinator [::1]:4000 --processes 4 --process 3"
    assert place_by_flags(parse_arguments(["a.toml", *flags.split()])) == Place("::1", 4000, 4, 3)
    assert place_by_flags(Arguments(Path("a.toml"))) is None


@pytest.mark.parametrize(
    ("variables", "place"),
    [
        (
            {
                "SLURM_JOB_ID": "4097",
                "SLURM_STEP_NODELIST": "node[007-009],other",
                "SLURM_NTASKS": "6",
                "SLURM_PROCID": "5",
                "SLURM_LOCALID": "1",
            },
            Place("node007", 61441, 6, 5, [1]),
        ),
        (
            {
                "OMPI_MCA_orte_hnp_uri": "8192.0;tcp://10.0.0.1,10.1.0.1:34911",
                "OMPI_COMM_WORLD_SIZE": "2",
                "OMPI_COMM_WORLD_RANK": "1",
                "OMPI_COMM_WORLD_LOCAL_RANK": "0",
            },
            Place("10.0.0.1", 61442, 2, 1, [0]),
        ),
    ],
)
def test_a_cluster_says_which_process_this_is(variables, place, monkeypatch):
    for name in CLUSTERS:
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert detected_place(60.0) == place


def test_no_cluster_is_told_with_the_ways_out(monkeypatch):
    for name in CLUSTERS:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(
        ConfigError, match=r"no cluster here; start the processes with srun or mpirun, or give"
    ):
        detected_place(60.0)


def all_meet(places, same, seconds=20.0):
    """What `meet` gives in each process, or its line."""

    def one(place, same):
        try:
            return meet(place, same, seconds)
        except ConfigError as error:
            return "\n".join(error.lines)

    with ThreadPoolExecutor(len(places)) as pool:
        return list(pool.map(one, places, same))


def places(*indices, count):
    port = free_port()
    return [Place("127.0.0.1", port, count, index) for index in indices]


def connected(port):
    """A connection to whoever listens there, as soon as somebody does."""
    until = time.monotonic() + 20
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=20)
        except OSError:
            assert time.monotonic() < until
            time.sleep(0.01)


def test_processes_meet_and_speak_though_a_stranger_comes_first():
    here = places(0, 1, 2, count=3)
    with ThreadPoolExecutor(3) as pool:
        leading = pool.submit(meet, here[0], SAME, 20.0)
        with connected(here[0].port) as stranger:
            stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
            following = [pool.submit(meet, place, SAME, 20.0) for place in here[1:]]
            first, one, two = (future.result() for future in (leading, *following))
    assert first.port == one.port == two.port
    assert first.others[2].name.startswith("process 2 of 3 (")
    first.others[2].link.send({"hello": 2})
    assert two.others[0].link.receive() == ({"hello": 2}, [])
    for meeting in (first, one, two):
        for other in meeting.others.values():
            other.link.close()


def test_processes_that_differ_are_refused_with_what_differs(monkeypatch):
    greeted, greet = threading.Event(), _rendezvous._greeted

    def noticed(connection):
        hello = greet(connection)
        greeted.set()
        return hello

    def meet_after(place, same, started):
        assert started.wait(20)
        return all_meet([place], [same])[0]

    # The one that differs comes when another one is there: who comes after a refusal finds nobody.
    monkeypatch.setattr(_rendezvous, "_greeted", noticed)
    here = places(0, 1, 2, count=3)
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(meet_after, here[2], SAME | {"jax": "2.0"}, greeted)
        lines = [*all_meet(here[:2], [SAME] * 2), late.result()]
    assert "process 2 of 3 (" in lines[0]
    assert "differs: jax 2.0, 1.0 in the first process: start all processes with the same" in lines[0]
    assert lines[2] == lines[0]
    assert lines[1] == lines[0] or "has not answered" in lines[1]


def test_two_processes_of_the_same_index_are_refused():
    lines = all_meet(places(0, 1, 1, count=3), [SAME] * 3)
    assert lines[0] == "two processes were started as process 1; give each an index of its own"


def test_processes_that_do_not_come_are_named():
    lines = all_meet(places(0, 2, count=4), [SAME] * 2, seconds=1.0)
    fix = "start all of them, or wait longer by --connect-seconds"
    assert lines == [f"process 1, 3 of 4 did not come within 1 s; {fix}"] * 2


def test_a_first_process_that_is_not_there_is_told_with_its_address():
    (here,) = places(1, count=2)
    (line,) = all_meet([here], [SAME], seconds=0.5)
    assert line.startswith(f"127.0.0.1:{here.port}: no first process within 0.5 s: ")


def test_a_port_in_use_is_told():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        (line,) = all_meet([Place("127.0.0.1", port, 2, 0)], [SAME])
    assert line.startswith(f"port {port}: the first process cannot listen there: ")


@pytest.fixture
def ends():
    """Two ends of a connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        here = socket.create_connection(server.getsockname())
        there = server.accept()[0]
    with here, there:
        yield Link(here), Link(there)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.int32).reshape(2, 3).T,
        np.asarray(jnp.array([1.5, -2.0], jnp.bfloat16)),
        np.zeros((0, 3)),
        np.array(3.0, np.float32),
        np.array([True, False]),
    ],
    ids=["transposed", "bfloat16", "empty", "scalar", "boolean"],
)
def test_arrays_arrive_as_they_were_sent(array, ends):
    here, there = ends
    here.send({"name": "x"}, [array, array])
    message, (first, second) = there.receive()
    assert message == {"name": "x"}
    for arrived in (first, second):
        assert (arrived.dtype, arrived.shape) == (array.dtype, array.shape)
        assert arrived.tobytes() == array.tobytes()


def test_a_process_that_is_gone_is_named_and_others_are_told(ends):
    here, there = ends
    told = []
    peer = Peer(here, "process 1 of 2", gone=told.append)
    peer._end_by_force_after = lambda *_: None
    there.send({"places": []})
    there.close()
    assert peer.take() == ({"places": []}, [])
    for _ in range(2):
        with pytest.raises(LostProcessError, match=r"process 1 of 2 has ended before the run did; what is"):
            peer.take(seconds=20.0)
    assert told == ["process 1 of 2 has ended before the run did"]


def test_a_process_may_go_when_the_run_has_ended(ends):
    here, there = ends
    peer = Peer(here, "process 1 of 2", gone=lambda what: pytest.fail(what))
    peer.leave()
    there.close()
    peer.wait_for_its_end(20.0)
    with pytest.raises(LostProcessError, match="does not answer"):
        peer.take(seconds=0.0)


def test_signals_that_arrive_at_another_process_are_heard_while_it_is_not_asked(ends):
    here, there = ends
    heard = threading.Event()
    Peer(here, "process 1 of 2", heard=lambda number: heard.set() if number == 15 else None).leave()
    there.send({"signal": 15})
    assert heard.wait(20.0)
