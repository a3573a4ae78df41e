"""Who comes and goes: a script for each group, and one for the broker.

Nothing happens at a time of its own: each step waits for what the one before must bring about, so that a slow machine
makes the play longer and changes nothing else.
"""

import signal
import threading

from confluent_kafka import ConsumerGroupState, ConsumerGroupType
from confluent_kafka.admin import AdminClient
from watch import DidNotHappen

# The members of each group: the first comes alone and is killed, the second is paused and ends, the last comes late.
GROUPS = {
    "kcat": ("kcat", "kcat", "kcat"),
    "kafka-python": ("kafka-python", "kafka-python", "kafka-python"),
    "aiokafka": ("aiokafka", "aiokafka", "aiokafka"),
    "confluent": ("confluent", "confluent", "confluent"),
    "java": ("java-static", "java", "java"),
    "mixed": ("java-range", "kcat", "aiokafka", "confluent", "kafka-python"),
    "next-java": ("java-next-static", "java-next", "java-next-regex"),
    "next-confluent": ("confluent-next", "confluent-next", "confluent-next"),
    # Some member of the consumer protocol is always there: this group never turns.
    "next-mixed": ("confluent-next", "java-next", "java-next", "kafka-python"),
}
# A classic group that a member of the consumer protocol joins and leaves again, so that it turns each time.
TURNING, TURNS = "turning", 2
ALL = (*GROUPS, TURNING)
NEXT = {group for group in GROUPS if group.startswith("next-")}


class Play:
    """Plays all scripts at once. `failures` names what did not happen, by group."""

    def __init__(self, server, members, watch, broker_is_killed):
        self.server, self.members, self.watch, self.broker_is_killed = server, members, watch, broker_is_killed
        self.admin = AdminClient({"bootstrap.servers": server.bootstrap})
        self.failures, self.kills = {}, 0
        self.pausing, self.leaving = set(), threading.Event()
        # Held by the broker's script while it kills, and by who cannot do without a broker just now.
        self.broker_stays = threading.Lock()

    def run(self):
        scripts = [(group, self._come_and_go, group) for group in GROUPS]
        scripts.append((TURNING, self._turn))
        if self.broker_is_killed:
            scripts.append(("broker", self._kill_broker))
        threads = [threading.Thread(target=self._played, args=script) for script in scripts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def listed(self):
        """The state and the protocol of every group, by name; empty while the broker does not tell."""
        try:
            found = self.admin.list_consumer_groups(request_timeout=10).result(timeout=30)
        except Exception:  # whatever it is that the client makes of a broker that is away
            return {}
        return {group.group_id: (group.state, group.type) for group in found.valid}

    def _played(self, name, script, *arguments):
        try:
            script(*arguments)
        except DidNotHappen as error:
            self.failures[name] = str(error)
        except Exception as error:  # a thread would end without a word
            self.failures[name] = repr(error)

    def _come_and_go(self, group):
        watch, members = self.watch, self.members
        kinds = GROUPS[group]
        first = members.start(kinds[0], group)
        watch.carries_on(group, "the first member's join")
        others = [self._join(kind, group) for kind in kinds[1:-1]]
        self._pause(others[0])
        members.end(first, signal.SIGKILL)
        watch.carries_on(group, "a kill")
        self._join(kinds[-1], group)
        self.leaving.set()
        members.end(others[0])
        watch.carries_on(group, "a leave")
        self._join(kinds[0], group)

    def _join(self, kind, group):
        member = self.members.start(kind, group)
        self._reads(member, 0)
        return member

    def _reads(self, member, lines_before):
        self.watch.until(f"{member.file.name} reads", lambda: member.lines() > lines_before)

    def _pause(self, member):
        """Long enough to be taken for dead: the others get its partitions. Then it comes back, and its share to it."""
        self.pausing.add(member.group)
        self.members.pause(member)
        self.watch.carries_on(member.group, "a pause")
        lines = member.lines()
        self.members.resume(member)
        self._reads(member, lines)

    def _turn(self):
        watch, members = self.watch, self.members
        member = members.start("kcat", TURNING)
        for _ in range(TURNS):
            watch.carries_on(TURNING, "it is classic")
            # A kcat that waits to join is turned away when the group turns, and ends. As on Kafka.
            with self.broker_stays:
                lines = member.lines()
                self._is(ConsumerGroupState.STABLE, ConsumerGroupType.CLASSIC)
                self._reads(member, lines)
                guest = self._join("confluent-next", TURNING)
                self._is(ConsumerGroupState.STABLE, ConsumerGroupType.CONSUMER)
            watch.carries_on(TURNING, "it has turned")
            members.end(guest)
            self._is(ConsumerGroupState.STABLE, ConsumerGroupType.CLASSIC)
        watch.carries_on(TURNING, "it has turned back")

    def _is(self, state, protocol):
        what = f"{TURNING} is {state.name} by the {protocol.name} protocol"
        self.watch.until(what, lambda: self.listed().get(TURNING) == (state, protocol))

    def _kill_broker(self):
        """Once while most groups have missed a member or will, and once in the rebalance that a leave sets off."""
        self.watch.until("half of the groups pause a member", lambda: len(self.pausing) * 2 >= len(GROUPS))
        self._kill()
        self.watch.until("a member leaves", self.leaving.is_set)
        self._kill()

    def _kill(self):
        with self.broker_stays:
            self.server.kill()
            self.server.start()
        self.kills += 1
