"""Ports for the programs of the tests: nobody's else, and each given once."""

import socket

from cluster.ports import FIRST, OF_A_WORKER, WORKERS, free_port


def test_a_port_is_not_given_twice_and_lies_below_those_that_the_kernel_hands_out() -> None:
    ports = [free_port() for _ in range(50)]
    assert len(set(ports)) == 50
    assert all(FIRST <= port < FIRST + OF_A_WORKER * WORKERS for port in ports)
    assert FIRST + OF_A_WORKER * WORKERS <= 30_000, "node ports begin there"


def test_a_port_that_somebody_listens_on_is_passed_over() -> None:
    with socket.socket() as other:
        taken = free_port()
        other.bind(("127.0.0.1", taken))
        other.listen()
        given = {free_port() for _ in range(OF_A_WORKER - 1)}
    assert taken not in given
