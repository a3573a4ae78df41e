use std::time::Duration;

use pelton_kafka::produce::{ProducePartitionResponse, ProduceResponse, ProduceTopicResponse};
use pelton_kafka::{ApiKey, ErrorCode, TopicRef};
use pelton_model::TopicId;
use tokio::task::LocalSet;

use super::*;
use crate::drive::Live;
use crate::plan::Workload;
use crate::scripted_broker::scripted;

const VERSION: i16 = 9;

struct Nobody;

impl Watcher for Nobody {
    fn begins(&mut self) {}
    fn goes_on(&mut self, _elapsed: Duration, _live: &[Arc<Live>]) {}
    fn ends(&mut self) {}
}

/// Ten batches of 1 kB to a partition, each answered with what `error` says of it.
fn filled(acks: Acks, error: fn(usize) -> ErrorCode) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, async move {
        let address = scripted(ApiKey::PRODUCE, VERSION, move |number, correlation_id| {
            let topic = ProduceTopicResponse {
                topic: TopicRef::Name("t".into()),
                partitions: vec![ProducePartitionResponse::error(0, error(number))],
            };
            let answer = ProduceResponse { topics: vec![topic], ..ProduceResponse::default() };
            answer.encode(correlation_id, VERSION).unwrap()
        });
        let address = address.await;
        let mut plan = Plan::new(Workload::Fetch, &address);
        plan.batch.records = 10;
        plan.batch.value_bytes = 100;
        plan.pool_bytes = 1000;
        plan.backlog_bytes = 10_000;
        plan.acks = acks;
        let id = TopicId::default();
        let topic = TopicNames { name: "t".into(), id, leaders: vec![address.clone()] };
        let share = Share { address, partitions: vec![0] };
        fill(&Arc::new(plan), &Arc::new(topic), &[share], &mut Nobody).await
    })
}

#[test]
fn a_topic_of_which_a_part_was_refused_is_not_filled() {
    filled(Acks::All, |_| ErrorCode::None).unwrap();
    for acks in [Acks::All, Acks::None] {
        let refused = |number| match number % 2 {
            0 => ErrorCode::None,
            _ => ErrorCode::KafkaStorageError,
        };
        let error = filled(acks, refused).unwrap_err().to_string();
        assert!(error.contains("requests refused: 5 (Produce: KAFKA_STORAGE_ERROR)"), "{error}");
    }
}
