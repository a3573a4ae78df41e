use std::time::Duration;

use pelton_kafka::produce::{ProducePartitionResponse, ProduceTopicResponse};
use pelton_model::TimestampMs;

use super::*;
use crate::batches::BatchShape;
use crate::tally::Window;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const VERSION: i16 = 9;

/// Of two partitions, both in each request, in batches of ten records of 100 bytes.
fn producer(begin: Instant, sightings: Option<Arc<Sightings>>) -> Producer {
    let shape = BatchShape { records: 10, value_bytes: 100, ..BatchShape::default() };
    let books = Books::new(Window::new(begin, SECOND), Arc::default());
    Producer {
        version: VERSION,
        topic: TopicRef::Name("t".into()),
        acks: -1,
        partitions: vec![0, 1],
        cursor: 0,
        batches_per_request: 2,
        per_batch: Counts { requests: 0, records: 10, bytes: 1000 },
        pool: Rc::new(RefCell::new(BatchPool::encode(&shape, 1, TimestampMs::new(0), 0))),
        books: Rc::new(RefCell::new(books)),
        sightings,
        end: None,
    }
}

/// To a request with a batch for each partition, the second of which is answered with `error`.
fn answer(error: ErrorCode) -> Bytes {
    let accepted = ProducePartitionResponse {
        base_offset: 7,
        ..ProducePartitionResponse::error(0, ErrorCode::None)
    };
    let answer = ProduceResponse {
        topics: vec![ProduceTopicResponse {
            topic: TopicRef::Name("t".into()),
            partitions: vec![accepted, ProducePartitionResponse::error(1, error)],
        }],
        ..ProduceResponse::default()
    };
    // As a connection hands it on, without its length.
    answer.encode(1, VERSION).unwrap().slice(4..)
}

#[test]
fn a_request_that_is_refused_in_part_is_told_of_and_not_timed() {
    let begin = crate::clock::now();
    let mut producer = producer(begin, None);
    producer.answer(answer(ErrorCode::None), begin, begin + 5 * MS).unwrap();
    producer.answer(answer(ErrorCode::NotEnoughReplicas), begin, begin + MS).unwrap();
    let books = producer.books.borrow();
    let tally = &books.produce;
    // An error is quickly said: 1 ms would have been the median.
    assert_eq!(tally.latencies.len(), 1);
    assert!(tally.latencies.min() > 4_000_000, "{}", tally.latencies.min());
    assert_eq!(tally.counts, Counts { requests: 1, records: 30, bytes: 3000 });
    assert_eq!((tally.failures.refused, tally.retriable_errors), (1, 1));
    assert_eq!(tally.first_error.as_deref(), Some("Produce: NOT_ENOUGH_REPLICAS"));
}

#[test]
fn a_batch_that_no_consumer_has_in_the_end_counts_with_its_age() {
    let begin = crate::clock::now();
    let sightings = Arc::new(Sightings::new(2, 1));
    let mut producer = producer(begin, Some(sightings.clone()));
    // One batch is seen, the other is acknowledged only, and two requests come to nothing.
    sightings.seen(0, 7, begin + 2 * MS);
    producer.answer(answer(ErrorCode::None), begin, begin + MS).unwrap();
    producer.give_up(begin, begin + 400 * MS, GivenUp::Unanswered);
    producer.give_up(begin + 100 * MS, begin + 400 * MS, GivenUp::Unsent);
    let mut books = producer.books.borrow_mut();
    books.unseen(&sightings, begin + 500 * MS);
    let tally = &books.end_to_end;
    let mut waited: Vec<u64> = Vec::new();
    for step in tally.latencies.iter_recorded() {
        waited.extend(vec![
            (step.value_iterated_to() + 500_000) / 1_000_000;
            step.count_at_value() as usize
        ]);
    }
    assert_eq!(waited, [2, 300, 300, 400, 400, 500], "two batches a request");
    assert_eq!(tally.counts.requests, 1, "what has arrived");
    assert_eq!((sightings.unseen(), books.produce.failures.given_up), (1, 1));
}

#[test]
fn without_consumers_nothing_has_to_arrive() {
    let begin = crate::clock::now();
    let mut producer = producer(begin, None);
    producer.give_up(begin, begin + 400 * MS, GivenUp::Unanswered);
    let books = producer.books.borrow();
    assert_eq!((books.produce.latencies.len(), books.end_to_end.latencies.len()), (1, 0));
}

#[test]
fn what_no_client_tries_again_ends_the_run() {
    let begin = crate::clock::now();
    let mut producer = producer(begin, None);
    let refused = producer.answer(answer(ErrorCode::MessageTooLarge), begin, begin + MS);
    assert!(refused.unwrap_err().to_string().contains("produce to partition 1"));
}
