"""What a topic holds, as far as the checks care: per key the count and the order-sensitive hash of its values.

Two readers saw the same records in the same order per key exactly when their digests are equal. The order between
keys is not compared: records of different keys may stand in different partitions.
"""

import hashlib
import struct


class Digest:
    def __init__(self):
        self._keys = {}  # key -> [count, sha256]

    def add(self, key: bytes, value: bytes):
        entry = self._keys.get(key)
        if entry is None:
            entry = self._keys[key] = [0, hashlib.sha256()]
        entry[0] += 1
        entry[1].update(struct.pack(">I", len(value)) + value)

    def finish(self) -> "Sums":
        return Sums({key.decode(): (count, sha.hexdigest()) for key, (count, sha) in self._keys.items()})


class Sums:
    """key -> (count, SHA-256 in hex)."""

    def __init__(self, keys):
        self.keys = keys

    @classmethod
    def parse(cls, text):
        """Reads the lines `key TAB count TAB sha256` that java/FlightsConsumer prints."""
        fields = (line.split("\t") for line in text.splitlines())
        return cls({key: (int(count), sha) for key, count, sha in fields})

    @property
    def count(self):
        return sum(count for count, _ in self.keys.values())

    @property
    def combined(self):
        """One hash over all keys, counts and hashes, in the order of the keys."""
        whole = hashlib.sha256()
        for key, (count, sha) in sorted(self.keys.items()):
            whole.update(f"{key}\t{count}\t{sha}\n".encode())
        return whole.hexdigest()

    def keys_that_differ(self, expected):
        """Keys with other values or another order than expected, missing and surplus ones among them."""
        return sorted(k for k in self.keys.keys() | expected.keys.keys() if self.keys.get(k) != expected.keys.get(k))
