use std::time::Duration;

use pelton_kafka::fetch::{FetchPartitionResponse, FetchTopicResponse};

use super::*;
use crate::tally::Window;

const MS: Duration = Duration::from_millis(1);
const VERSION: i16 = 11;

/// Of partition 0, which has been asked for in a session.
fn asked(begin: Instant, mode: ReadMode) -> Fetcher {
    let books = Books::new(Window::new(begin, 1000 * MS), Arc::default());
    let position = Position { partition: 0, start: 0, next: 0, end: 10 };
    let mut fetcher = Fetcher {
        version: VERSION,
        topic: TopicRef::Name("t".into()),
        plan: FetchPlan::default(),
        mode,
        lanes: vec![Lane {
            positions: BTreeMap::from([(0, position)]),
            first: 0,
            session: FetchSession::new(true),
        }],
        free: VecDeque::from([0]),
        asked: VecDeque::new(),
        books: Rc::new(RefCell::new(books)),
        sightings: None,
    };
    fetcher.lanes[0].session.answered(1);
    assert!(fetcher.request(1).unwrap().is_some());
    fetcher
}

fn answer(session: ErrorCode, partition: ErrorCode) -> Bytes {
    let topic = FetchTopicResponse {
        topic: TopicRef::Name("t".into()),
        partitions: vec![FetchPartitionResponse::error(0, partition)],
    };
    let answer = FetchResponse { error: session, topics: vec![topic], ..FetchResponse::default() };
    // As a connection hands it on, without its length.
    answer.encode(1, VERSION).unwrap().into_contiguous().slice(4..)
}

#[test]
fn a_fetch_that_tells_an_error_is_told_of_and_not_timed() {
    let begin = crate::clock::now();
    let none = ErrorCode::None;
    for (session, partition) in
        [(none, ErrorCode::NotLeaderOrFollower), (ErrorCode::FetchSessionIdNotFound, none)]
    {
        let mut fetcher = asked(begin, ReadMode::Over);
        fetcher.answer(answer(session, partition), begin, begin + MS).unwrap();
        {
            let books = fetcher.books.borrow();
            assert!(books.fetch.latencies.is_empty(), "{session} {partition}");
            assert_eq!((books.fetch.counts.requests, books.fetch.failures.refused), (0, 1));
            assert_eq!(books.fetch.retriable_errors, 1);
        }
        // It is asked for again, and what is answered then is timed.
        assert!(fetcher.request(2).unwrap().is_some());
        fetcher.answer(answer(none, none), begin, begin + 3 * MS).unwrap();
        let books = fetcher.books.borrow();
        assert_eq!((books.fetch.counts.requests, books.fetch.latencies.len()), (1, 1));
    }
}

#[test]
fn a_drain_ends_with_a_partition_that_is_refused() {
    let begin = crate::clock::now();
    let none = ErrorCode::None;
    let mut fetcher = asked(begin, ReadMode::Once);
    let refused = answer(none, ErrorCode::UnknownTopicId);
    let error = fetcher.answer(refused, begin, begin + MS).unwrap_err().to_string();
    assert_eq!(error, "fetch from partition 0: UNKNOWN_TOPIC_ID");

    // A session may be lost, and not every time that one is begun.
    let mut fetcher = asked(begin, ReadMode::Once);
    let lost = || answer(ErrorCode::FetchSessionIdNotFound, none);
    fetcher.answer(lost(), begin, begin + MS).unwrap();
    fetcher.request(2).unwrap().unwrap();
    assert!(fetcher.answer(lost(), begin, begin + MS).is_err());
}
