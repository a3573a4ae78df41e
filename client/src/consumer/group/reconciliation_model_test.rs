//! Members against a model of their coordinator, in any order, over connections that lose requests
//! and answers: no partition ever has two readers, and in the end everybody has its share.

use std::collections::VecDeque;

use fastrand::Rng;
use pelton_model::PartitionIndex;

use super::*;

const T: TopicId = TopicId::from_bytes([7; 16]);
const PARTITIONS: i32 = 6;
const MEMBERS: usize = 3;
const ACTIONS: usize = 2_000;
const RUNS: u64 = 400;

/// What the coordinator keeps of a member, by KIP-848.
#[derive(Clone, Debug, Default)]
struct Seat {
    epoch: i32,
    previous_epoch: i32,
    assigned: BTreeSet<PartitionId>,
    /// Nobody else gets these before the member has said that it does not own them.
    revoking: BTreeSet<PartitionId>,
    target: BTreeSet<PartitionId>,
}

#[derive(Default)]
struct Coordinator {
    epoch: i32,
    seats: BTreeMap<usize, Seat>,
}

impl Coordinator {
    /// Divides all partitions anew, anyhow.
    fn divide(&mut self, rng: &mut Rng) {
        self.epoch += 1;
        let members: Vec<usize> = self.seats.keys().copied().collect();
        self.seats.values_mut().for_each(|seat| seat.target.clear());
        for index in 0..PARTITIONS {
            let Some(member) = rng.choice(&members) else { return };
            let of = PartitionId::new(T, PartitionIndex::new(index));
            self.seats.get_mut(member).unwrap().target.insert(of);
        }
    }

    fn put_out(&mut self, member: usize, rng: &mut Rng) {
        self.seats.remove(&member);
        self.divide(rng);
    }

    fn hear(&mut self, member: usize, beat: &Beat, rng: &mut Rng) -> Result<Beaten> {
        let refuse = |code| Err(Error::broker("heartbeat", code));
        if beat.epoch == JOINING && !self.seats.contains_key(&member) {
            self.seats.insert(member, Seat::default());
            self.divide(rng);
        }
        let Some(seat) = self.seats.get(&member) else {
            return refuse(ErrorCode::UnknownMemberId);
        };
        let missed_an_answer = beat.epoch == seat.previous_epoch
            && beat.owned.as_ref().is_some_and(|owned| owned.is_subset(&seat.assigned));
        if beat.epoch != JOINING && beat.epoch != seat.epoch && !missed_an_answer {
            return refuse(ErrorCode::FencedMemberEpoch);
        }
        let before = seat.assigned.clone();
        self.reconcile(member, beat.owned.as_ref());
        let seat = &self.seats[&member];
        let is_told = beat.is_full || seat.assigned != before;
        Ok(Beaten {
            epoch: seat.epoch,
            heartbeat_interval: INTERVAL_MIN,
            target: is_told.then(|| seat.assigned.clone()),
        })
    }

    fn reconcile(&mut self, member: usize, owned: Option<&BTreeSet<PartitionId>>) {
        let taken: BTreeSet<_> = self
            .seats
            .iter()
            .filter(|(other, _)| **other != member)
            .flat_map(|(_, seat)| seat.assigned.union(&seat.revoking).copied())
            .collect();
        let epoch = self.epoch;
        let seat = self.seats.get_mut(&member).unwrap();
        let going: BTreeSet<_> = seat.assigned.difference(&seat.target).copied().collect();
        seat.assigned.retain(|of| seat.target.contains(of));
        seat.revoking.extend(going);
        if let Some(owned) = owned {
            seat.revoking.retain(|of| owned.contains(of));
        }
        // Only who has given up what it is to give up moves on. Epochs begin at 1.
        if seat.revoking.is_empty() || seat.epoch == 0 {
            seat.assigned.extend(seat.target.difference(&taken));
            if seat.epoch != epoch {
                (seat.previous_epoch, seat.epoch) = (seat.epoch, epoch);
            }
        }
    }
}

/// A member with its connection, and what its driver is at.
struct Peer {
    member: Reconciliation,
    /// On its way to the coordinator.
    request: Option<Beat>,
    /// And back.
    answer: Option<Result<Beaten>>,
    doing: VecDeque<Step>,
}

struct World {
    coordinator: Coordinator,
    peers: Vec<Peer>,
    /// Most of what happens, happens to this one for a while: the others are slow.
    busy: usize,
    now: Instant,
    rng: Rng,
}

impl World {
    fn new(seed: u64) -> Self {
        let peer = || {
            let second = Duration::from_secs(1);
            let mut member = Reconciliation::new(Rules {
                group: "g".into(),
                member_id: "me".into(),
                heartbeat_interval: second,
                backoff: Backoff { first: Duration::from_millis(10), max: second },
            });
            member.subscribe(Subscription::Topics([Arc::from("t")].into()));
            Peer { member, request: None, answer: None, doing: VecDeque::new() }
        };
        Self {
            coordinator: Coordinator::default(),
            peers: (0..MEMBERS).map(|_| peer()).collect(),
            busy: 0,
            now: Instant::now(),
            rng: Rng::with_seed(seed),
        }
    }

    /// One thing happens to one member. Nothing is lost, and nobody put out, when `is_calm`.
    fn act(&mut self, is_calm: bool) {
        self.now += Duration::from_millis(self.rng.u64(0..20));
        if self.rng.u32(0..60) == 0 {
            self.busy = self.rng.usize(..self.peers.len());
        }
        let at = match self.rng.u32(0..10) {
            0 => self.rng.usize(..self.peers.len()),
            _ => self.busy,
        };
        let peer = &mut self.peers[at];
        match self.rng.u32(0..if is_calm { 4 } else { 7 }) {
            0 => {
                if let Some(beat) = peer.request.take() {
                    peer.answer = Some(self.coordinator.hear(at, &beat, &mut self.rng));
                }
            }
            1 => {
                if let Some(answer) = peer.answer.take() {
                    let _ = peer.member.heard(answer, self.now, 0.5);
                }
            }
            2 => self.drive(at),
            3 => {
                // Beside whatever else is going on.
                if peer.member.heartbeat_due().is_some_and(|due| due <= self.now)
                    && let Some(beat) = peer.member.beat()
                {
                    peer.request = Some(beat);
                }
            }
            4 if peer.request.take().is_some() || peer.answer.take().is_some() => {
                let lost = Error::TimedOut { context: "heartbeat".into() };
                peer.member.heard(Err(lost), self.now, 0.5).unwrap();
            }
            5 if self.rng.u32(0..10) == 0 => self.coordinator.divide(&mut self.rng),
            6 if self.rng.u32(0..50) == 0 => self.coordinator.put_out(at, &mut self.rng),
            _ => {}
        }
    }

    /// A step begins, or ends.
    fn drive(&mut self, at: usize) {
        let (now, rng, peer) = (self.now, &mut self.rng, &mut self.peers[at]);
        let Some(step) = peer.doing.pop_front() else {
            match peer.member.poll(now) {
                Step::Wait(_) => {}
                Step::Heartbeat => peer.request = peer.member.beat(),
                step => peer.doing.push_back(step),
            }
            return;
        };
        match step {
            Step::Prepare { revoked, lost } => {
                peer.member.prepared(&revoked.union(&lost).cloned().collect());
            }
            Step::Adopt { .. } if rng.u32(0..5) == 0 => peer.member.adoption_failed(now, 0.5),
            Step::Adopt { added, .. } => drop(peer.member.adopted(&added)),
            Step::Name { .. } => peer.member.learn_names([(T, "t".into())].into(), now, 0.5),
            step => panic!("{step:?}"),
        }
    }

    /// Of members that the coordinator has put out and that do not know it yet, nothing is promised.
    fn check(&self) {
        let mut readers: BTreeMap<PartitionId, usize> = BTreeMap::new();
        for (at, peer) in self.peers.iter().enumerate() {
            let seat = self.coordinator.seats.get(&at);
            let is_in = seat.is_some_and(|seat| {
                let epoch = peer.member.epoch;
                epoch != JOINING && (epoch == seat.epoch || epoch == seat.previous_epoch)
            });
            for of in peer.member.owned.iter().filter(|_| is_in) {
                let other = readers.insert(*of, at);
                assert_eq!(other, None, "{of:?} has a second reader, {at}");
            }
        }
    }
}

#[test]
fn no_partition_has_two_readers_and_all_have_one_in_the_end() {
    for seed in 0..RUNS {
        println!("seed {seed}");
        let mut world = World::new(seed);
        for _ in 0..ACTIONS {
            world.act(false);
            world.check();
        }
        let is_settled = |world: &World| {
            world.peers.iter().enumerate().all(|(at, peer)| {
                let seat = world.coordinator.seats.get(&at);
                seat.is_some_and(|seat| seat.target == peer.member.owned)
            })
        };
        let settled = (0..20 * ACTIONS).any(|_| {
            world.act(true);
            world.check();
            is_settled(&world)
        });
        assert!(settled, "seed {seed}");
    }
}
