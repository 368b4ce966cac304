"""Is there a Kafka at an address? Asked with one request by hand: a client that fails to connect leaks and logs."""

from __future__ import annotations

import socket
import struct

API_VERSIONS = struct.pack(">ihhih", 10, 18, 0, 1, -1)
"""ApiVersions version 0 as every broker understands it: size, API key, version, correlation id, no client id."""


def answers(bootstrap: str, seconds: float = 2.0) -> bool:
    """Whether a broker at one of the addresses (``host:port``, comma-separated) answers an ApiVersions request.

    A KRaft broker answers only once it is registered and may lead partitions. ``seconds`` bounds each address.
    """
    return any(_answers(address.strip(), seconds) for address in bootstrap.split(","))


def _answers(address: str, seconds: float) -> bool:
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=seconds) as connection:
            connection.sendall(API_VERSIONS)
            with connection.makefile("rb") as reply:
                head = reply.read(10)  # size, correlation id, error code
    except (OSError, ValueError):
        return False
    return len(head) == 10 and struct.unpack(">ih", head[4:]) == (1, 0)
