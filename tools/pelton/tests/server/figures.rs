//! What a broker tells those who watch it, over HTTP.

use std::time::UNIX_EPOCH;

use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::{Offset, TopicPartitionList};

use crate::support::clients::{
    LATER, Producer, SOON, config, consumer, create_topic, create_topic_with, numbered, payloads,
    produce, record,
};
use crate::support::metrics::{get, metrics_address, value};
use crate::support::patience::eventually;
use crate::support::requests::{FETCH, Joined, fetch, find_coordinator, join_group};
use crate::support::wire::{API_VERSIONS, Connection, Fields};
use crate::support::{Broker, directory, has_two_cores};

#[test]
fn a_broker_says_what_it_is_and_that_it_is_ready() {
    let data = directory();
    let broker = Broker::start_with(data.path(), 0, &["--metrics", "127.0.0.1:0"]);
    let address = metrics_address(&broker);
    let ok = "HTTP/1.1 200 OK".to_owned();
    assert_eq!(get(&address, "/healthz"), (ok.clone(), "ok\n".into()));
    assert_eq!(get(&address, "/readyz"), (ok.clone(), "ready\n".into()));

    let (status, text) = get(&address, "/metrics");
    assert_eq!(status, ok);
    let info = text.lines().find(|line| line.starts_with("pelton_build_info{")).expect("a line");
    let commit = env!("PELTON_COMMIT");
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(info, format!("pelton_build_info{{version=\"{version}\",commit=\"{commit}\"}} 1"));
    assert!(!commit.is_empty(), "a build without a commit says so");
}

#[test]
fn what_is_recompressed_is_counted() {
    let data = directory();
    let broker = Broker::start_with(data.path(), 0, &["--metrics", "127.0.0.1:0"]);
    let address = metrics_address(&broker);
    let count = |codec: &str| {
        let name = format!("pelton_batches_recompressed_total{{to=\"{codec}\"}} ");
        let (_, text) = get(&address, "/metrics");
        text.lines().find_map(|line| line.strip_prefix(&*name)?.parse::<u64>().ok())
    };
    create_topic(&broker, "plain", 1);
    produce(&config(&broker), "plain", 0, &numbered("n", 0..100));
    assert_eq!(count("zstd"), None);
    create_topic_with(&broker, "packed", &[("compression.type", "zstd")]);
    produce(&config(&broker), "packed", 0, &numbered("n", 0..100));
    let batches = count("zstd").expect("a batch at least");
    assert!((1..=100).contains(&batches), "{batches}");
}

#[test]
fn errors_are_counted_whatever_was_asked_and_each_in_an_answer_of_many() {
    const CREATE_PARTITIONS: i16 = 37;
    const INVALID_SESSION_TIMEOUT: i16 = 26;
    let data = directory();
    let options = ["--metrics", "127.0.0.1:0", "--set", "auto.create.topics.enable=false"];
    let broker = Broker::start_with(data.path(), 0, &options);
    let address = metrics_address(&broker);
    create_topic(&broker, "there", 1);
    let count = |api: &str, error: &str| {
        value(&address, &format!("pelton_errors_total{{api=\"{api}\",error=\"{error}\"}}"))
    };
    let mut connection = Connection::open(&broker);

    let fetch = Fields::request(FETCH, 4).i32(-1).i32(0).i32(1).i32(1 << 20).i8(0).i32(2);
    let position = |fields: Fields, index| fields.i32(index).i64(0).i32(1 << 20);
    let fetch = position(fetch.string("there").i32(1), 0).string("missing").i32(2);
    connection.ask(&position(position(fetch, 0), 1)).expect("an answer");
    assert_eq!(count("fetch", "UNKNOWN_TOPIC_OR_PARTITION"), 2.0);
    assert_eq!(count("fetch", "NONE"), 0.0, "success is no error");

    find_coordinator(&mut connection, "g");
    // A session of a millisecond.
    let join = join_group("g", "", 1, b"");
    eventually("a coordinator answers", SOON, || {
        let answer = connection.ask(&join).expect("an answer");
        (Joined::read(&answer).error == INVALID_SESSION_TIMEOUT).then_some(())
    });
    assert_eq!(count("join_group", "INVALID_SESSION_TIMEOUT"), 1.0);

    let create = Fields::request(CREATE_PARTITIONS, 0).i32(2);
    let create = create.string("missing").i32(2).i32(-1).string("there").i32(2).i32(-1);
    connection.ask(&create.i32(1_000).i8(1)).expect("an answer");
    assert_eq!(count("create_partitions", "UNKNOWN_TOPIC_OR_PARTITION"), 1.0);

    connection.ask(&Fields::request(API_VERSIONS, 999).no_tags()).expect("an answer");
    assert_eq!(count("api_versions", "UNSUPPORTED_VERSION"), 1.0);
}

#[test]
fn records_that_are_fetched_are_counted_and_so_is_who_waits_for_them() {
    let data = directory();
    let broker = Broker::start_with(data.path(), 0, &["--metrics", "127.0.0.1:0"]);
    let address = metrics_address(&broker);
    create_topic(&broker, "read", 1);
    produce(&config(&broker), "read", 0, &numbered("n", 0..100));
    let fetched = "pelton_records_fetched_total{topic=\"read\"}";
    assert_eq!(value(&address, fetched), 0.0);

    let fetch = |offset| fetch("read", [(0, offset)].into_iter(), 60_000, 1 << 20);
    let mut connection = Connection::open(&broker);
    let body = connection.ask(&fetch(0)).expect("an answer");
    assert!(body.len() > 100, "records");
    assert_eq!(value(&address, fetched), 100.0);

    let phase = |api: &str, phase: &str| {
        value(
            &address,
            &format!("pelton_request_phase_seconds_count{{api=\"{api}\",phase=\"{phase}\"}}"),
        )
    };
    assert_eq!(phase("fetch", "queue"), 1.0);
    assert!(phase("produce", "queue") > 0.0);
    // A client has its answer perhaps before the broker has noted that.
    for api in ["fetch", "produce"] {
        let are_sent = || phase(api, "send") == phase(api, "queue");
        eventually("all answers are sent", SOON, || are_sent().then_some(()));
    }

    let parked = "pelton_requests_parked{api=\"fetch\"}";
    assert_eq!(value(&address, parked), 0.0);
    assert!(connection.send(&fetch(100).frame()));
    eventually("a fetch waits", SOON, || (value(&address, parked) == 1.0).then_some(()));
    produce(&config(&broker), "read", 0, &numbered("n", 100..101));
    connection.answer(SOON).expect("what it waited for");
    assert_eq!(value(&address, parked), 0.0);
    assert_eq!(value(&address, fetched), 101.0);
    assert!(value(&address, "pelton_shard_busy_seconds_total{shard=\"0\"}") > 0.0);
    assert_eq!(value(&address, "pelton_partitions_at_min_isr"), 1.0);
}

#[test]
fn a_group_that_is_behind_says_for_how_long() {
    const HOUR_MS: i64 = 3_600_000;
    const SERIES: &str = "pelton_group_lag_seconds{group=\"billing\",topic=\"orders\"}";
    let data = directory();
    let broker = Broker::start_with(data.path(), 0, &["--metrics", "127.0.0.1:0"]);
    create_topic(&broker, "orders", 4);
    let producer = Producer::new(&config(&broker));
    let start_ms = i64::try_from(UNIX_EPOCH.elapsed().expect("after 1970").as_millis());
    let start_ms = start_ms.expect("a time");
    // Batches of their own: the second record of each partition is an hour younger.
    for (age_hours, numbers) in [(3, 0..4), (2, 4..8)] {
        for number in numbers {
            let record = record(number, "orders", (number % 4) as i32, b"order");
            producer.send(record.timestamp(start_ms - age_hours * HOUR_MS));
        }
        producer.finish();
    }
    let commit = |broker: &Broker, offsets: [i64; 4]| {
        let consumer = consumer(broker, &[("group.id", "billing")]);
        let mut list = TopicPartitionList::new();
        for (partition, offset) in (0..).zip(offsets) {
            list.add_partition_offset("orders", partition, Offset::Offset(offset)).expect("added");
        }
        consumer.commit(&list, CommitMode::Sync).expect("committed");
    };
    // What is written takes the test some time, which counts.
    let is_behind = |broker: &Broker, hours: i64| {
        let seconds = value(&metrics_address(broker), SERIES);
        let so_far_ms = UNIX_EPOCH.elapsed().expect("after 1970").as_millis() as i64 - start_ms;
        let least = (hours * HOUR_MS) as f64 / 1000.0;
        let most = (hours * HOUR_MS + so_far_ms) as f64 / 1000.0;
        assert!((least..=most).contains(&seconds), "{seconds} s, not {hours} h to {most} s");
    };
    commit(&broker, [1, 1, 1, 0]);
    is_behind(&broker, 3);
    commit(&broker, [1, 2, 2, 2]);
    is_behind(&broker, 2);
    // Then it is on the disk only, in one chunk with what is younger.
    assert_eq!(broker.stop().0, Some(0));
    let broker = Broker::start_with(data.path(), 0, &["--metrics", "127.0.0.1:0"]);
    let address = metrics_address(&broker);
    let is_known = || (value(&address, SERIES) > 0.0).then_some(());
    eventually("the group is loaded", SOON, is_known);
    is_behind(&broker, 2);
    commit(&broker, [2, 2, 2, 2]);
    assert_eq!(value(&address, SERIES), 0.0);
    let (_, text) = get(&address, "/metrics");
    assert!(text.lines().any(|line| line == format!("{SERIES} 0")), "{text}");
}

#[test]
fn a_broker_that_is_told_to_sends_itself_records_through_each_core() {
    const COUNT: &str = "pelton_canary_roundtrip_seconds_count";
    const TOPIC: &str = "__pelton_canary";
    let data = directory();
    let broker = Broker::start_with(data.path(), 0, &["--metrics", "127.0.0.1:0", "--canary"]);
    let address = metrics_address(&broker);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let twice = || (value(&address, COUNT) >= 2.0 * cores as f64).then_some(());
    eventually("each core has had two", LATER, twice);
    assert_eq!(value(&address, "pelton_canaries_lost_total"), 0.0);
    for partition in 0..cores as i32 {
        assert!(payloads(&broker, TOPIC, partition).len() >= 2, "partition {partition}");
    }
    assert_eq!(broker.stop().0, Some(0));
    // Off by default: nothing is added to what is there.
    let broker = Broker::start_with(data.path(), 0, &["--metrics", "127.0.0.1:0"]);
    let (_, text) = get(&metrics_address(&broker), "/metrics");
    assert!(!text.lines().any(|line| line.starts_with("pelton_canar")), "{text}");
}

/// R5: a wait that another shard has parked for a connection goes with the connection.
#[test]
fn who_waits_at_another_shard_leaves_nothing_there() {
    if !has_two_cores("who_waits_at_another_shard_leaves_nothing_there") {
        return;
    }
    const PARTITIONS: i32 = 8;
    const WAIT_MS: i32 = 600_000;
    let data = directory();
    let broker = Broker::start_with(data.path(), 0, &["--metrics", "127.0.0.1:0", "--cores", "2"]);
    let address = metrics_address(&broker);
    let parked = || value(&address, "pelton_requests_parked_for_shards");
    create_topic(&broker, "t", PARTITIONS);
    let fetch = fetch("t", (0..PARTITIONS).map(|partition| (partition, 0)), WAIT_MS, 1 << 20);
    for _ in 0..3 {
        let mut connection = Connection::open(&broker);
        assert!(connection.send(&fetch.frame()));
        eventually("it waits", LATER, || (parked() > 0.0).then_some(()));
        connection.reset();
        eventually("nothing waits for it", LATER, || (parked() == 0.0).then_some(()));
    }
    broker.kill();
}

/// R5: a fetch reads of the device what its answer holds, however many partitions have more.
#[test]
fn what_is_read_for_a_fetch_is_not_thrown_away() {
    const PARTITIONS: i32 = 16;
    const MAX_BYTES: i32 = 1 << 20;
    let options = ["--metrics", "127.0.0.1:0", "--cores", "1"];
    let data = directory();
    let broker = Broker::start_with(data.path(), 0, &options);
    create_topic(&broker, "t", PARTITIONS);
    let payloads = vec![vec![b'x'; 1000]; 300];
    for partition in 0..PARTITIONS {
        produce(&config(&broker), "t", partition, &payloads);
    }
    // Nothing is in memory of what an earlier life has written.
    broker.stop();
    let broker = Broker::start_with(data.path(), 0, &options);
    let fetch = fetch("t", (0..PARTITIONS).map(|partition| (partition, 0)), 100, MAX_BYTES);
    let answer = Connection::open(&broker).ask(&fetch).expect("an answer");
    let read = value(&metrics_address(&broker), "pelton_read_bytes_total{from=\"disk\"}");
    let (most, least) = (f64::from(MAX_BYTES), f64::from(MAX_BYTES) * 0.8);
    assert!(read <= most && read >= least, "{read} bytes were read");
    assert!(answer.len() as f64 >= read, "an answer of {} for {read}", answer.len());
    broker.kill();
}

/// R3, R5: however many catch up at once, the device brings what their answers may hold.
#[test]
fn what_is_read_for_many_who_catch_up_is_what_their_answers_hold() {
    const BUDGET_BYTES: f64 = (128 << 20) as f64;
    const PARTITIONS: i32 = 16;
    const READERS: usize = 24;
    const BATCH_BYTES: usize = 100_000;
    let options = ["--metrics", "127.0.0.1:0", "--cores", "1"];
    let data = directory();
    let broker = Broker::start_with(data.path(), 0, &options);
    create_topic(&broker, "t", PARTITIONS);
    let batches = vec![vec![b'x'; BATCH_BYTES]; 11];
    for partition in 0..PARTITIONS {
        produce(&config(&broker), "t", partition, &batches);
    }
    // Nothing is in memory of what an earlier life has written.
    broker.stop();
    let broker = Broker::start_with(data.path(), 0, &options);
    let fetch = fetch("t", (0..PARTITIONS).map(|partition| (partition, 0)), 100, 16 << 20);
    let mut readers: Vec<Connection> = (0..READERS).map(|_| Connection::open(&broker)).collect();
    for reader in &mut readers {
        assert!(reader.send(&fetch.frame()));
    }
    let address = metrics_address(&broker);
    let read = || value(&address, "pelton_read_bytes_total{from=\"disk\"}");
    for reader in &readers {
        eventually("an answer comes", LATER, || reader.is_answered().then_some(()));
    }
    // Together they ask for thrice as much; the first batch of each comes in any case.
    let most = BUDGET_BYTES + (READERS * 2 * BATCH_BYTES) as f64;
    assert!((BUDGET_BYTES / 2.0..most).contains(&read()), "{} bytes were read", read());
    for reader in &mut readers {
        assert!(reader.answer(LATER).expect("an answer").len() > BATCH_BYTES);
    }
    broker.kill();
}

/// R3, R5: what clients have fetched and do not take is bounded, and keeps nobody from reading.
#[test]
fn answers_that_nobody_takes_hold_no_more_than_their_budget() {
    const BUDGET_BYTES: f64 = (128 << 20) as f64;
    const MAX_BYTES: i32 = 16 << 20;
    let data = directory();
    let broker = Broker::start_with(data.path(), 0, &["--metrics", "127.0.0.1:0", "--cores", "1"]);
    let address = metrics_address(&broker);
    let held = || value(&address, "pelton_memory_used_bytes{shard=\"0\",for=\"answers\"}");
    create_topic(&broker, "t", 1);
    let sent = vec![vec![b'x'; 100_000]; 170];
    produce(&config(&broker), "t", 0, &sent);
    let fetch = fetch("t", [(0, 0)].into_iter(), 100, MAX_BYTES);
    let mut idlers = Vec::new();
    for count in 1..=24 {
        let mut idler = Connection::open(&broker);
        assert!(idler.send(&fetch.frame()));
        // A part is with the sockets of both sides.
        eventually("the answer is made", LATER, || idler.is_read().then_some(()));
        idlers.push(idler);
        assert!(held() <= BUDGET_BYTES, "{} bytes for {count}", held());
    }
    eventually("answers are held", LATER, || (held() > BUDGET_BYTES / 4.0).then_some(()));
    let answer = Connection::open(&broker).ask(&fetch).expect("an answer").len();
    assert!((100_000..MAX_BYTES as usize / 4).contains(&answer), "{answer} bytes beside them");
    assert_eq!(payloads(&broker, "t", 0), sent, "others read on");
    assert!(held() <= BUDGET_BYTES);
    drop(idlers);
    eventually("nothing is held", LATER, || (held() == 0.0).then_some(()));
    broker.kill();
}
