"""Our partitions are those of Kafka's default partitioner: what any client computes for a key."""

import warnings

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from processor.engine import partitioner

with warnings.catch_warnings():  # kafka-python reads its protocol files by a deprecated call, on import
    warnings.simplefilter("ignore", DeprecationWarning)
    from kafka.partitioner.default import murmur2

KEYS = st.lists(st.binary(max_size=70), max_size=20)


@given(KEYS)
@example([b"", b"\xff", b"\xff\xff", b"\xff\xff\xff", b"\xff\xff\xff\xff", b"\x80" * 33])
def test_the_hash_is_that_of_kafka_python_for_any_keys_of_any_lengths(keys: list[bytes]) -> None:
    assert partitioner.murmur2(keys).tolist() == [murmur2(key) & 0xFFFFFFFF for key in keys]


@given(KEYS, st.integers(1, 1000))
def test_the_partition_is_the_positive_hash_modulo_the_number_of_partitions(keys: list[bytes], count: int) -> None:
    assert partitioner.partitions(keys, count).tolist() == [(murmur2(key) & 0x7FFFFFFF) % count for key in keys]


def test_the_hash_is_that_of_the_java_client() -> None:
    # org.apache.kafka.common.utils.UtilsTest.testMurmur2
    known = {
        b"21": -973932308,
        b"foobar": -790332482,
        b"a-little-bit-long-string": -985981536,
        b"a-little-bit-longer-string": -1486304829,
        b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
        b"abc": 479470107,
    }
    hashes = partitioner.murmur2(list(known))
    assert hashes.view(np.int32).tolist() == list(known.values())


def test_no_keys_have_no_partitions() -> None:
    assert partitioner.partitions([], 8).tolist() == []
