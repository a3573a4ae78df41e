"""Record batches of format 2: built by hand, so that they can also be built wrong, and taken apart.

    0 base offset i64 | 8 length i32 | 12 leader epoch i32 | 16 magic i8 | 17 crc u32 | 21 attributes i16
    23 last offset delta i32 | 27 base timestamp i64 | 35 max timestamp i64 | 43 producer id i64
    51 producer epoch i16 | 53 base sequence i32 | 57 record count i32 | 61 records
"""

import gzip
import struct

HEADER = struct.Struct(">qiibIhiqqqhii")
PREFIX_BYTES = 12  # offset and length, which the length does not count
CRC_FROM = 21

GZIP, SNAPPY, LZ4, ZSTD = 1, 2, 3, 4
LOG_APPEND_TIME, TRANSACTIONAL, CONTROL = 8, 16, 32


def _crc32c_table():
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
        yield byte


_CRC32C = list(_crc32c_table())


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ _CRC32C[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def varint(number):
    """Zigzag, then seven bits a byte, the lowest first."""
    number = (number << 1) ^ (number >> 63)
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out + bytes([number]))


def _bytes_field(data):
    return varint(-1) if data is None else varint(len(data)) + data


def record(value, key=None, timestamp_delta=0, offset_delta=0, headers=()):
    body = b"\0" + varint(timestamp_delta) + varint(offset_delta) + _bytes_field(key) + _bytes_field(value)
    body += varint(len(headers)) + b"".join(_bytes_field(k) + _bytes_field(v) for k, v in headers)
    return varint(len(body)) + body


def batch(values, *, timestamp, key=None, codec=0, attributes=0, records=None, base_offset=0, epoch=-1, magic=2,
          producer=(-1, -1, -1), last_delta=None, count=None, max_timestamp=None, bad_crc=False, length=None):  # fmt: skip
    """One batch of `values`, one record a millisecond. Named arguments override what would be right.

    `producer` is (id, epoch, base sequence); `records` replaces the encoded records, `key` is every record's key.
    """
    size = len(values)
    if records is None:
        records = b"".join(record(v, key, i, i) for i, v in enumerate(values))
    if codec == GZIP:
        records = gzip.compress(records, mtime=0)
    last = max(0, size - 1)
    head = HEADER.pack(
        *(base_offset, HEADER.size - PREFIX_BYTES + len(records) if length is None else length, epoch, magic, 0),
        *(codec | attributes, last if last_delta is None else last_delta),
        *(timestamp, timestamp + last if max_timestamp is None else max_timestamp),
        *(*producer, size if count is None else count),
    )
    whole = bytearray(head + records)
    crc = crc32c(whole[CRC_FROM:]) ^ (1 if bad_crc else 0)
    whole[CRC_FROM - 4 : CRC_FROM] = struct.pack(">I", crc)
    return bytes(whole)


def take_apart(data):
    """What a Fetch answered: a field tree per whole batch, then the length of a batch that was cut."""
    trees, at = [], 0
    while at + HEADER.size <= len(data):
        fields = HEADER.unpack_from(data, at)
        end = at + PREFIX_BYTES + fields[1]
        if end > len(data):
            break
        trees.append({
            "baseOffset": fields[0],
            "length": fields[1],
            "leaderEpoch": fields[2],
            "magic": fields[3],
            # The value depends on timestamps that the broker may set; that it fits is what matters.
            "crc": "fits" if fields[4] == crc32c(data[at + CRC_FROM : end]) else "BAD",
            "attributes": fields[5],
            "lastOffsetDelta": fields[6],
            "baseTimestamp": fields[7],
            "maxTimestamp": fields[8],
            "producerId": fields[9],
            "producerEpoch": fields[10],
            "baseSequence": fields[11],
            "recordCount": fields[12],
            "recordBytes": data[at + HEADER.size : end].hex(),
        })  # fmt: skip
        at = end
    if at < len(data):
        trees.append({"cutAfterBytes": len(data) - at})
    return trees
