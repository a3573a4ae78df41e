//! A producer without an id: what it sends again may be there twice, and with acks 0 it never
//! knows.

use pelton_kafka::ErrorCode;
use pelton_storage::disk::sim::Random;

use super::connection::{Connection, Lost};
use super::produce::{self, Parcel, Shipment};
use super::producer::{any_compression, now};
use super::records::{self, Stamp};
use super::tireless::Tireless;
use super::{World, is_unknown_topic};
use crate::history::Sender;

/// Requests that it sends before it waits for answers.
const IN_FLIGHT_MAX: u64 = 6;

pub struct PlainProducer {
    world: World,
    random: Random,
    sender: Sender,
    /// Sent, and not answered when the connection was lost.
    unanswered: Vec<Shipment>,
}

impl PlainProducer {
    pub fn new(world: &World, number: u32) -> Self {
        Self {
            world: world.clone(),
            random: world.runtime.fork_random(),
            sender: Sender { number: number * 1000, is_idempotent: false },
            unanswered: Vec::new(),
        }
    }
}

impl Tireless for PlainProducer {
    fn world_and_random(&mut self) -> (&World, &mut Random) {
        (&self.world, &mut self.random)
    }

    async fn session(&mut self, connection: &mut Connection) -> Result<(), Lost> {
        loop {
            let again = std::mem::take(&mut self.unanswered);
            let shipments = match self.random.below(2) {
                0 if !again.is_empty() => again,
                _ => (0..1 + self.random.below(IN_FLIGHT_MAX))
                    .filter_map(|_| self.new_shipment())
                    .collect(),
            };
            let acks = [-1, -1, 1, 1, 1, 0][self.random.below(6) as usize];
            let version = produce::any_version(&mut self.random);
            self.unanswered = if acks == 0 { Vec::new() } else { shipments.clone() };
            for shipment in &shipments {
                produce::send(&self.world, connection, shipment, acks, version).await?;
            }
            if acks == 0 {
                // An error closes the connection, which the next request will show.
                self.world.think(&mut self.random, 20).await;
                continue;
            }
            for shipment in &shipments {
                let outcomes = produce::receive(&self.world, connection, shipment, version).await?;
                self.unanswered.remove(0);
                for (parcel, outcome) in shipment.iter().zip(outcomes) {
                    self.judge(parcel, outcome.error);
                }
            }
            self.world.think(&mut self.random, 30).await;
        }
    }
}

impl PlainProducer {
    fn new_shipment(&mut self) -> Option<Shipment> {
        let topic = self.world.any_topic(&mut self.random)?;
        let index = self.random.below(topic.partitions.max(1) as u64) as i32;
        let count = 1 + self.random.below(6);
        let compression = any_compression(&mut self.random);
        let mut history = self.world.history.borrow_mut();
        let batch = history.new_batch(self.sender, (topic.id, index), count);
        let bytes =
            records::encode(&history.batches[batch], Stamp::NONE, compression, now(&self.world));
        Some(vec![Parcel { topic, index, batch, bytes }])
    }

    fn judge(&mut self, parcel: &Parcel, error: ErrorCode) {
        match error {
            ErrorCode::None | ErrorCode::KafkaStorageError | ErrorCode::NotLeaderOrFollower => {}
            error if is_unknown_topic(error) && self.world.may_be_gone(parcel.partition()) => {
                self.world.forget_topic(parcel.topic.id);
            }
            error => self.world.unexpected("a Produce", parcel.partition(), error),
        }
    }
}
