//! An idempotent producer: up to five requests in flight, several partitions in each, and whatever
//! was not acknowledged is sent again, in order and with the same sequence numbers (KIP-98).

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use pelton_kafka::wire::InitProducerIdRequest;
use pelton_kafka::{ErrorCode, message};
use pelton_model::compression::Compression;
use pelton_model::{ProducerEpoch, ProducerId, TimestampMs};
use pelton_storage::disk::sim::Random;

use super::connection::{Connection, Lost};
use super::produce::{self, Outcome, Parcel, Shipment};
use super::records::{self, Stamp};
use super::tireless::Tireless;
use super::{CataloguedTopic, World, is_unknown_topic};
use crate::history::{Partition, Sender};
use crate::machine::EPOCH;

/// What a broker remembers of each producer's batches, and so the most that may be unresolved.
const IN_FLIGHT_MAX: u64 = 5;

/// Even with the longest values such a batch fits into the smallest segment.
const BATCH_RECORDS_MAX: u64 = 12;

/// After an error that may pass.
const BACKOFF: Duration = Duration::from_millis(100);

/// A producer begins anew, with another id, after about so many bursts.
const BURSTS_PER_IDENTITY: u64 = 60;

pub struct Producer {
    world: World,
    random: Random,
    /// Its first identity; later ones add to it.
    number: u32,
    identity: Option<Identity>,
    lanes: BTreeMap<Partition, Lane>,
}

#[derive(Clone, Copy)]
struct Identity {
    sender: Sender,
    id: ProducerId,
    epoch: ProducerEpoch,
}

/// What is under way to one partition.
struct Lane {
    next_sequence: i32,
    /// Not yet acknowledged, oldest first.
    unresolved: VecDeque<Parcel>,
    /// The life of the broker in which a batch was acknowledged last. A broker that does not know
    /// a producer takes its first batch under any number: were a second batch in flight and the
    /// first refused, they would change places.
    known_in: Option<u64>,
}

impl Producer {
    pub fn new(world: &World, number: u32) -> Self {
        Self {
            world: world.clone(),
            random: world.runtime.fork_random(),
            number: number * 1000,
            identity: None,
            lanes: BTreeMap::new(),
        }
    }
}

impl Tireless for Producer {
    fn world_and_random(&mut self) -> (&World, &mut Random) {
        (&self.world, &mut self.random)
    }

    async fn session(&mut self, connection: &mut Connection) -> Result<(), Lost> {
        loop {
            let identity = match self.identity {
                Some(identity) => identity,
                None => self.identify(connection).await?,
            };
            let unresolved = self.unresolved();
            let shipments = match unresolved.is_empty() {
                false => unresolved,
                true if self.random.below(BURSTS_PER_IDENTITY) == 0 => {
                    self.identity = None;
                    self.lanes.clear();
                    continue;
                }
                true => self.burst(identity),
            };
            if !self.exchange(connection, shipments).await? {
                self.world.runtime.sleep(BACKOFF).await;
            }
            self.world.think(&mut self.random, 15).await;
        }
    }
}

impl Producer {
    async fn identify(&mut self, connection: &mut Connection) -> Result<Identity, Lost> {
        loop {
            let request = message!(InitProducerIdRequest {
                transactional_id: None,
                transaction_timeout_ms: 60_000,
            });
            let answer = connection.call(&request, 4).await?;
            match ErrorCode::from_code(answer.error_code) {
                ErrorCode::None => {
                    self.world.history.borrow_mut().producer_ids.push(answer.producer_id);
                    self.number += 1;
                    let identity = Identity {
                        sender: Sender { number: self.number, is_idempotent: true },
                        id: ProducerId::new(answer.producer_id),
                        epoch: ProducerEpoch::new(answer.producer_epoch),
                    };
                    self.identity = Some(identity);
                    return Ok(identity);
                }
                // The disk; it passes.
                _ => self.world.runtime.sleep(BACKOFF).await,
            }
        }
    }

    /// Requests with all that was not acknowledged: the first of each partition, then the second.
    fn unresolved(&self) -> Vec<Shipment> {
        let mut shipments: Vec<Shipment> = Vec::new();
        let life = self.world.machine.life();
        for lane in self.lanes.values() {
            let most = if lane.known_in == Some(life) { usize::MAX } else { 1 };
            for (at, parcel) in lane.unresolved.iter().take(most).enumerate() {
                if shipments.len() == at {
                    shipments.push(Vec::new());
                }
                shipments[at].push(parcel.clone());
            }
        }
        shipments
    }

    /// Requests with new batches.
    fn burst(&mut self, identity: Identity) -> Vec<Shipment> {
        let mut shipments = Vec::new();
        for _ in 0..1 + self.random.below(IN_FLIGHT_MAX) {
            let mut shipment: Shipment = Vec::new();
            for _ in 0..1 + self.random.below(3) {
                let Some(topic) = self.world.any_topic(&mut self.random) else { break };
                let index = self.random.below(topic.partitions.max(1) as u64) as i32;
                if self.may_send(&shipment, (topic.id, index)) {
                    shipment.push(self.new_parcel(identity, topic, index));
                }
            }
            if !shipment.is_empty() {
                shipments.push(shipment);
            }
        }
        shipments
    }

    fn may_send(&self, shipment: &Shipment, partition: Partition) -> bool {
        let life = self.world.machine.life();
        shipment.iter().all(|other| other.partition() != partition)
            && self
                .lanes
                .get(&partition)
                .is_none_or(|lane| lane.known_in == Some(life) || lane.unresolved.is_empty())
    }

    fn new_parcel(&mut self, identity: Identity, topic: CataloguedTopic, index: i32) -> Parcel {
        let partition = (topic.id, index);
        let count = 1 + self.random.below(BATCH_RECORDS_MAX);
        let batch = {
            let mut history = self.world.history.borrow_mut();
            history.new_batch(identity.sender, partition, count)
        };
        let lane = self.lanes.entry(partition).or_insert(Lane {
            next_sequence: 0,
            unresolved: VecDeque::new(),
            known_in: None,
        });
        let stamp = Stamp {
            producer_id: identity.id,
            epoch: identity.epoch,
            base_sequence: lane.next_sequence,
        };
        lane.next_sequence += count as i32;
        let compression = any_compression(&mut self.random);
        let bytes = {
            let history = self.world.history.borrow();
            records::encode(&history.batches[batch], stamp, compression, now(&self.world))
        };
        let parcel = Parcel { topic, index, batch, bytes };
        lane.unresolved.push_back(parcel.clone());
        parcel
    }

    /// Sends all, then waits for all. `false`: the broker has trouble.
    async fn exchange(
        &mut self,
        connection: &mut Connection,
        shipments: Vec<Shipment>,
    ) -> Result<bool, Lost> {
        let version = produce::any_version(&mut self.random);
        for shipment in &shipments {
            produce::send(&self.world, connection, shipment, -1, version).await?;
            if self.random.below(4) == 0 {
                self.world.think(&mut self.random, 2).await;
            }
        }
        let mut is_well = true;
        for shipment in &shipments {
            let outcomes = produce::receive(&self.world, connection, shipment, version).await?;
            for (parcel, outcome) in shipment.iter().zip(outcomes) {
                is_well &= self.resolve(parcel, &outcome);
            }
        }
        Ok(is_well)
    }

    fn resolve(&mut self, parcel: &Parcel, outcome: &Outcome) -> bool {
        let partition = parcel.partition();
        let life = self.world.machine.life();
        // Given up already.
        let Some(lane) = self.lanes.get_mut(&partition) else { return true };
        let place = lane.unresolved.iter().position(|other| other.batch == parcel.batch);
        match outcome.error {
            ErrorCode::None => {
                lane.known_in = Some(life);
                if let Some(place) = place {
                    lane.unresolved.remove(place);
                }
                return true;
            }
            // What comes after a batch that failed is out of order, and will be in order when
            // both are sent again.
            ErrorCode::OutOfOrderSequenceNumber if place != Some(0) => {}
            ErrorCode::KafkaStorageError | ErrorCode::NotLeaderOrFollower => {}
            error if is_unknown_topic(error) && self.world.may_be_gone(partition) => {
                self.lanes.remove(&partition);
                self.world.forget_topic(partition.0);
            }
            error => {
                // As one that has lost its place would do.
                self.lanes.clear();
                self.identity = None;
                self.world.unexpected("an idempotent Produce", partition, error);
            }
        }
        false
    }
}

pub fn any_compression(random: &mut Random) -> Compression {
    match random.below(16) {
        0 => Compression::Gzip,
        1 => Compression::Snappy,
        2 => Compression::Lz4,
        3 => Compression::Zstd,
        _ => Compression::None,
    }
}

/// A client's clock.
pub fn now(world: &World) -> TimestampMs {
    TimestampMs::new(EPOCH.get() + world.runtime.now().as_millis() as i64)
}
