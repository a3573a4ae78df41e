"""The parts of the comparison that need no broker. python3 tools/compat/compare/compare_test.py"""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import batch  # noqa: E402
import differences  # noqa: E402
import normalise  # noqa: E402
import sequences  # noqa: E402


class Batches(unittest.TestCase):
    def test_crc32c_is_the_castagnoli_one(self):
        self.assertEqual(batch.crc32c(b"123456789"), 0xE3069283)

    def test_a_batch_is_taken_apart_as_it_was_built_and_a_cut_one_is_counted(self):
        data = batch.batch([b"a", b"b"], timestamp=5, producer=(7, 1, 3))
        whole, cut = batch.take_apart(data + data[:70])
        self.assertEqual((whole["crc"], whole["recordCount"], whole["maxTimestamp"]), ("fits", 2, 6))
        self.assertEqual((whole["producerId"], whole["producerEpoch"], whole["baseSequence"]), (7, 1, 3))
        self.assertEqual(cut, {"cutAfterBytes": 70})

    def test_a_flipped_bit_shows_in_the_checksum(self):
        data = bytearray(batch.batch([b"a"], timestamp=5))
        data[-1] ^= 1
        self.assertEqual(batch.take_apart(bytes(data))[0]["crc"], "BAD")


class Differences(unittest.TestCase):
    def found(self, a, b):
        return [(d.path, d.a, d.b) for d in differences.compare("case", "Api v1", a, b)]

    def test_equal_trees_have_none(self):
        self.assertEqual(self.found({"x": [1, {"y": None}]}, {"x": [1, {"y": None}]}), [])

    def test_each_leaf_that_differs_is_named(self):
        self.assertEqual(self.found({"x": [1, {"y": 2}]}, {"x": [1, {"y": 3}]}), [("x[1].y", 2, 3)])

    def test_missing_and_surplus_branches_are_found(self):
        absent = differences.ABSENT
        self.assertEqual(self.found({"x": 1}, {"y": 2}), [("x", 1, absent), ("y", absent, 2)])
        self.assertEqual(self.found([1], [1, 2]), [("[1]", absent, 2)])

    def test_null_empty_zero_and_false_are_four_things(self):
        self.assertEqual(len(self.found([None, 0, []], ["", False, None])), 3)

    def test_a_known_difference_covers_its_field_and_value_only(self):
        known = differences.Known(request="Api v*", field="x[*].y", reason="", b=3)
        difference = differences.Difference("case", "Api v1", "x[1].y", 2, 3)
        self.assertTrue(known.covers(difference))
        self.assertFalse(known.covers(differences.Difference("case", "Api v1", "x[1].y", 2, 4)))
        self.assertFalse(known.covers(differences.Difference("case", "Api v1", "x[1].z", 2, 3)))
        self.assertFalse(known.covers(differences.Difference("case", "Other v1", "x[1].y", 2, 3)))
        known.a = 1
        self.assertFalse(known.covers(difference))


class Normalising(unittest.TestCase):
    def test_drawn_ids_get_the_same_names_when_they_stand_in_the_same_places(self):
        def seen(first, second):
            normaliser = normalise.Normaliser(node_id=1)
            return [normaliser.answer("InitProducerId", {"producerId": n}) for n in (first, second, first)]

        self.assertEqual(seen(1000, 2000), seen(7, 8))
        self.assertNotEqual(seen(1000, 2000), seen(7, 7))

    def test_topic_ids_are_named_by_topic_and_generation(self):
        normaliser = normalise.Normaliser(node_id=1)
        ids = ["AAAAAAAAAAAAAAAAAAAAAQ", "AAAAAAAAAAAAAAAAAAAAAg"]
        trees = [normaliser.answer("Other", {"name": "t", "topicId": one}) for one in ids]
        self.assertEqual([t["topicId"] for t in trees], ["<id 1 of t>", "<id 2 of t>"])

    def test_the_order_of_a_keyed_list_does_not_matter_but_doubles_do(self):
        def tree(*names):
            return normalise.Normaliser(node_id=1).answer("CreateTopics", {"topics": [{"name": n} for n in names]})

        self.assertEqual(tree("a", "b"), tree("b", "a"))
        self.assertNotEqual(tree("a", "b"), tree("a", "b", "b"))


class Silence:
    """A probe whose broker answers nothing of use; keeps what it was asked."""

    clock_ms = 1_000_000_000_000

    def __init__(self):
        self.asked, self.topic_ids = [], {}

    def __getattr__(self, name):
        return lambda *_, **__: None  # waiting, and what is asked without comparing

    def versions(self, api):
        return range(4, 9)

    def topic(self, name):
        return name

    def ask(self, api, version, body):
        self.asked.append((api, version, body))
        return {}

    ask_without_answer = ask


class Sequences(unittest.TestCase):
    def asked(self, seed, steps):
        probe = Silence()
        sequences.Sequence(seed, steps)(probe)
        return probe.asked[:-1]  # the last one looks at the state

    def test_a_seed_always_asks_the_same_and_a_shorter_sequence_is_the_beginning_of_a_longer_one(self):
        self.assertEqual(self.asked(7, 100), self.asked(7, 100))
        short = self.asked(7, 40)
        self.assertEqual(short, self.asked(7, 100)[: len(short)])
        self.assertNotEqual(short, self.asked(8, 40))

    def test_every_kind_of_request_comes_up(self):
        apis = {api for api, _, _ in self.asked(1, 1000)}
        self.assertLessEqual({"CreateTopics", "DeleteTopics", "CreatePartitions", "Produce", "Fetch", "ListOffsets",
                              "IncrementalAlterConfigs", "AlterConfigs", "DescribeConfigs", "Metadata", "DeleteRecords",
                              "OffsetForLeaderEpoch", "InitProducerId", "DescribeProducers"}, apis)  # fmt: skip


if __name__ == "__main__":
    unittest.main()
