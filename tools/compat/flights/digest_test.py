"""python3 tools/compat/flights/digest_test.py"""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from digest import Digest, Sums  # noqa: E402


def sums(*records):
    digest = Digest()
    for key, value in records:
        digest.add(key.encode(), value.encode())
    return digest.finish()


class Digests(unittest.TestCase):
    def test_the_order_between_keys_does_not_matter(self):
        one, other = sums(("a", "1"), ("b", "2"), ("a", "3")), sums(("b", "2"), ("a", "1"), ("a", "3"))
        self.assertEqual(one.combined, other.combined)

    def test_the_order_within_a_key_does(self):
        one, other = sums(("a", "1"), ("a", "2"), ("b", "1")), sums(("a", "2"), ("a", "1"), ("b", "1"))
        self.assertNotEqual(one.combined, other.combined)
        self.assertEqual(other.keys_that_differ(one), ["a"])

    def test_a_lost_a_doubled_and_a_regrouped_value_show(self):
        whole = sums(("a", "12"), ("a", "3"))
        for other in (sums(("a", "12")), sums(("a", "12"), ("a", "3"), ("a", "3")), sums(("a", "1"), ("a", "23"))):
            self.assertNotEqual(whole.combined, other.combined)

    def test_the_java_clients_lines_give_the_same_sums(self):
        one = sums(("a", "1"), ("b", "2"))
        text = "".join(f"{key}\t{count}\t{sha}\n" for key, (count, sha) in one.keys.items())
        self.assertEqual(Sums.parse(text).combined, one.combined)


if __name__ == "__main__":
    unittest.main()
