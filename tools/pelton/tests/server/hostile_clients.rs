//! Bytes that no client would send: they cost their connection, and nobody else anything.

use std::time::Duration;

use crate::support::clients::{config, create_topic, numbered, payloads, produce};
use crate::support::patience::eventually;
use crate::support::requests::{FETCH, fetch, find_coordinator};
use crate::support::wire::{API_VERSIONS, Answer, Connection, End, Fields};
use crate::support::{Broker, directory};

const PATIENCE: Duration = Duration::from_secs(10);

const PRODUCE: i16 = 0;
const LIST_OFFSETS: i16 = 2;
const METADATA: i16 = 3;
const DESCRIBE_GROUPS: i16 = 15;
const INIT_PRODUCER_ID: i16 = 22;
const INCREMENTAL_ALTER_CONFIGS: i16 = 44;

/// Bytes of a text, whatever its length is made of.
const TEXT_BYTES_MAX: usize = 32_767;

/// What a broker may hold more than before, whatever was sent to it.
const GROWTH_BYTES_MAX: u64 = 64 << 20;

/// Topics by hand only: random names are not to become topics, which would rightly cost memory.
fn strict_broker(data: &std::path::Path) -> Broker {
    let broker = Broker::start_with(data, 0, &["--set", "auto.create.topics.enable=false"]);
    create_topic(&broker, "t", 1);
    produce(&config(&broker), "t", 0, &numbered("n", 0..1000));
    broker
}

fn assert_unharmed(broker: &Broker) {
    assert_eq!(payloads(broker, "t", 0)[..1000], numbered("n", 0..1000));
    let deliveries = produce(&config(broker), "t", 0, &numbered("more", 0..10));
    assert!(deliveries.iter().all(Result::is_ok), "{deliveries:?}");
}

#[test]
fn a_length_that_is_not_allowed_closes_the_connection() {
    let data = directory();
    let broker = strict_broker(data.path());
    let mut neighbour = Connection::open(&broker);
    assert!(neighbour.is_served());
    for length in [0, -1, i32::MIN, i32::MAX, (100 << 20) + 1, i32::from_be_bytes(*b"GET ")] {
        let mut connection = Connection::open(&broker);
        connection.send(&length.to_be_bytes());
        assert_eq!(connection.end(PATIENCE), End::Closed(0), "length {length}");
        assert!(neighbour.is_served());
    }
    assert_unharmed(&broker);
}

#[test]
fn a_count_beyond_the_bytes_that_are_there_closes_the_connection() {
    let data = directory();
    let broker = strict_broker(data.path());
    let mut neighbour = Connection::open(&broker);
    let before = broker.resident_bytes();
    let counts = |count: i32| {
        let fetch =
            |version| Fields::request(FETCH, version).i32(-1).i32(0).i32(1).i32(1 << 20).i8(0);
        [
            Fields::request(METADATA, 1).i32(count),
            Fields::request(METADATA, 1).i32(1).i16(i16::MAX).bytes(b"short"),
            Fields::request(LIST_OFFSETS, 1).i32(-1).i32(count),
            Fields::request(LIST_OFFSETS, 1).i32(-1).i32(1).string("t").i32(count),
            fetch(4).i32(count),
            fetch(4).i32(1).string("t").i32(count),
            Fields::request(PRODUCE, 3).i16(-1).i16(1).i32(1000).i32(count),
            produce_request().i32(count),
            Fields::request(PRODUCE, 3).i16(-1).i16(1).i32(1000).i32(1).string("t").i32(count),
            // A compact array's count, a variable-length integer.
            Fields::request(METADATA, 9).i8(0).bytes(&[0xff, 0xff, 0xff, 0xff, 0x0f]),
            Fields::request(METADATA, 9).i8(0).bytes(&[0xff; 10]),
        ]
    };
    for count in [i32::MAX, 1 << 30, 1_000_000] {
        for (at, request) in counts(count).iter().enumerate() {
            let mut connection = Connection::open(&broker);
            connection.send(&request.frame());
            assert_eq!(connection.end(PATIENCE), End::Closed(0), "request {at}, count {count}");
            assert!(neighbour.is_served());
        }
    }
    assert_growth(&broker, before);
    assert_unharmed(&broker);
}

#[test]
fn an_unfinished_frame_closes_the_connection_when_its_sender_leaves() {
    let data = directory();
    let broker = strict_broker(data.path());
    let mut neighbour = Connection::open(&broker);
    let whole = Fields::request(API_VERSIONS, 0).frame();
    for bytes in 1..whole.len() {
        let mut connection = Connection::open(&broker);
        connection.send(&whole[..bytes]);
        connection.send_no_more();
        assert_eq!(connection.end(PATIENCE), End::Closed(0), "{bytes} bytes");
    }
    // What came before is answered nevertheless.
    let mut connection = Connection::open(&broker);
    connection.send(&[whole.as_slice(), &whole[..7]].concat());
    connection.send_no_more();
    let end = connection.end(PATIENCE);
    assert!(matches!(end, End::Closed(bytes) if bytes > 0), "{end:?}");
    assert!(neighbour.is_served());
    assert_unharmed(&broker);
}

#[test]
fn frames_that_are_announced_and_never_sent_take_no_memory_and_nobodys_place() {
    let data = directory();
    let broker = strict_broker(data.path());
    let mut neighbour = Connection::open(&broker);
    let before = broker.resident_bytes();
    let mut idlers: Vec<Connection> = (0..8).map(|_| Connection::open(&broker)).collect();
    for idler in &mut idlers {
        assert!(idler.send(&(100i32 << 20).to_be_bytes()));
        assert!(idler.send(&[0; 10]));
    }
    assert!(neighbour.is_served());
    assert!(neighbour.is_served());
    assert_growth(&broker, before);
    assert_unharmed(&broker);
}

/// On one core, which a look at every partition for every other would hold for minutes.
#[test]
fn requests_of_very_many_partitions_leave_the_core_to_others() {
    const PARTITIONS: i32 = 200_000;
    const CORRUPT_MESSAGE: i16 = 2;
    const INVALID_REQUEST: i16 = 42;
    let data = directory();
    let options = ["--cores", "1", "--set", "auto.create.topics.enable=false"];
    let broker = Broker::start_with(data.path(), 0, &options);
    create_topic(&broker, "t", 1);

    let produce = |records: &dyn Fn(Fields, i32) -> Fields| {
        let head = Fields::request(PRODUCE, 3).i16(-1).i16(1).i32(1000);
        let head = head.i32(1).string("t").i32(PARTITIONS);
        (0..PARTITIONS).fold(head, |fields, index| records(fields.i32(index), index))
    };
    // Ends with its magic, of a format that there is not.
    let bad = Fields::default().i64(0).i32(58).i32(0).i8(3).0;
    let nothing = produce(&|fields, _| fields.i32(-1));
    let one_is_bad = produce(&|fields, index| match index {
        7 => fields.i32(bad.len() as i32).bytes(&bad),
        _ => fields.i32(-1),
    });
    let twice = (0..PARTITIONS).map(|at| at % (PARTITIONS / 2));
    let head = Fields::request(LIST_OFFSETS, 1).i32(-1).i32(1).string("t").i32(PARTITIONS);
    let offsets = twice.fold(head, |fields, index| fields.i32(index).i64(-1));

    let (count, error) = first_of(&served_beside_others(&broker, &nothing));
    assert!(count == PARTITIONS && error != CORRUPT_MESSAGE, "{count} answers, {error}");
    let answered = first_of(&served_beside_others(&broker, &one_is_bad));
    assert_eq!(answered, (PARTITIONS, CORRUPT_MESSAGE));
    let answered = first_of(&served_beside_others(&broker, &offsets));
    assert_eq!(answered, (PARTITIONS / 2, INVALID_REQUEST));
}

/// Each list as long as a text may be, and enough of them that going through each for each of its
/// entries would hold the core for longer than the neighbour waits.
#[test]
fn very_long_lists_to_append_to_configs_leave_the_core_to_others() {
    const INVALID_CONFIG: i16 = 40;
    const TOPICS: usize = 120;
    let data = directory();
    let broker = Broker::start_with(data.path(), 0, &["--cores", "1"]);
    let topics: Vec<String> = (0..TOPICS).map(|at| format!("t{at}")).collect();
    topics.iter().for_each(|topic| create_topic(&broker, topic, 1));
    let mut members: Vec<String> = (0..8_000).map(|at| format!("{at:x}")).collect();
    while members.join(",").len() > TEXT_BYTES_MAX {
        members.pop();
    }
    let request = appending_to(&topics, &members.join(","));
    let answer = served_beside_others(&broker, &request);
    // No tags, throttle time, an answer for each.
    let [0, 0, 0, 0, 0, count, code @ ..] = &answer[..] else { panic!("{answer:?}") };
    assert_eq!((usize::from(*count), Answer(code).i16()), (TOPICS + 1, INVALID_CONFIG));
}

/// As Kafka, whose versions with longer lengths have the same bound.
#[test]
fn a_text_that_is_longer_than_16_bits_can_say_closes_the_connection() {
    let data = directory();
    let broker = strict_broker(data.path());
    let mut connection = Connection::open(&broker);
    let too_long = "x".repeat(TEXT_BYTES_MAX + 1);
    connection.send(&appending_to(&["t".to_owned()], &too_long).frame());
    assert_eq!(connection.end(PATIENCE), End::Closed(0));
    assert_unharmed(&broker);
}

/// A request that appends to one config of each of some topics.
fn appending_to(topics: &[String], list: &str) -> Fields {
    const TOPIC: i8 = 2;
    const APPEND: i8 = 2;
    let head = Fields::request(INCREMENTAL_ALTER_CONFIGS, 1).no_tags();
    let request = topics.iter().fold(head.compact_count(topics.len()), |fields, topic| {
        let resource = fields.i8(TOPIC).compact_string(topic).compact_count(1);
        let config = resource.compact_string("cleanup.policy").i8(APPEND);
        config.compact_string(list).no_tags().no_tags()
    });
    request.i8(0).no_tags()
}

/// F5: what one request may change is bounded, and asking for more harms nobody.
#[test]
fn a_change_of_more_than_the_cluster_log_takes_at_once_is_refused_alone() {
    const POLICY_VIOLATION: i16 = 44;
    const BROKER: i8 = 4;
    const SET: i8 = 0;
    let data = directory();
    let broker = Broker::start_with(data.path(), 0, &["--cores", "1"]);
    let value = "x".repeat(i16::MAX as usize);
    let ask = |count: usize| {
        let head = Fields::request(INCREMENTAL_ALTER_CONFIGS, 1).no_tags();
        let resource = head.compact_count(1).i8(BROKER).compact_string("1").compact_count(count);
        let configs = (0..count).fold(resource, |fields, at| {
            let name = format!("nobody.knows.{at}");
            fields.compact_string(&name).i8(SET).compact_string(&value).no_tags()
        });
        let answer = served_beside_others(&broker, &configs.no_tags().i8(0).no_tags());
        let [0, 0, 0, 0, 0, 2, code @ ..] = &answer[..] else { panic!("{answer:?}") };
        Answer(code).i16()
    };
    assert_eq!(ask(600), POLICY_VIOLATION);
    assert_eq!(ask(1), 0, "metadata can still be changed");
    create_topic(&broker, "t", 1);
}

/// R3: what a partition remembers is told once, however often it is named.
#[test]
fn producers_of_a_partition_that_is_named_twice_are_told_once() {
    const DESCRIBE_PRODUCERS: i16 = 61;
    const INVALID_REQUEST: i16 = 42;
    let data = directory();
    let broker = Broker::start(data.path());
    create_topic(&broker, "t", 1);
    let head = Fields::request(DESCRIBE_PRODUCERS, 0).no_tags();
    let topic = head.compact_count(1).compact_string("t").compact_count(2).i32(0).i32(0);
    let answer = Connection::open(&broker).ask(&topic.no_tags().no_tags()).expect("an answer");
    // No tags, throttle time, one topic, its name, two partitions.
    let [0, 0, 0, 0, 0, 2, 2, b't', 3, rest @ ..] = &answer[..] else { panic!("{answer:?}") };
    let mut first = Answer(rest);
    assert_eq!((first.i32(), first.i16()), (0, 0));
    // No message, no producers, no tags.
    let [0, 1, 0, rest @ ..] = first.0 else { panic!("{answer:?}") };
    let mut second = Answer(rest);
    assert_eq!((second.i32(), second.i16()), (0, INVALID_REQUEST));
}

/// In two bytes each, as long as nothing but the answer is made of every one.
#[test]
fn requests_of_very_many_groups_take_little_memory_and_leave_the_core_to_others() {
    const GROUPS: usize = 200_000;
    /// An answer's structure and the bytes that become of it; a question of a kilobyte is more.
    const BYTES_A_GROUP_MAX: u64 = 640;
    let data = directory();
    let broker = Broker::start_with(data.path(), 0, &["--cores", "1"]);
    let mut connection = Connection::open(&broker);
    find_coordinator(&mut connection, "g");
    let head = Fields::request(DESCRIBE_GROUPS, 5).no_tags().compact_count(GROUPS);
    let request = (0..GROUPS).fold(head, |fields, _| fields.compact_string("g"));

    broker.forget_peak();
    let before = broker.peak_bytes();
    let answer = served_beside_others(&broker, &request.i8(0).no_tags());
    let grown = broker.peak_bytes().saturating_sub(before);
    // No tags, throttle time, and as many answers.
    let head = Fields::default().no_tags().i32(0).compact_count(GROUPS);
    assert!(answer.starts_with(&head.0), "{:?}", &answer[..8]);
    assert!(grown < GROUPS as u64 * BYTES_A_GROUP_MAX, "{} MiB for the groups", grown >> 20);
}

/// The answer to a request, during whose service another connection is served all the time.
fn served_beside_others(broker: &Broker, request: &Fields) -> Vec<u8> {
    let mut neighbour = Connection::open(broker);
    let mut connection = Connection::open(broker);
    assert!(connection.send(&request.frame()));
    eventually("a large request is answered", Duration::from_secs(60), || {
        assert!(neighbour.is_served());
        connection.is_answered().then_some(())
    });
    connection.answer(PATIENCE).expect("an answer")
}

/// Of an answer about one topic, to Produce or ListOffsets: how many partitions there are, and the
/// first one's error.
fn first_of(answer: &[u8]) -> (i32, i16) {
    let mut answer = Answer(answer);
    assert_eq!((answer.i32(), &*answer.string()), (1, "t"));
    let count = answer.i32();
    assert_eq!(answer.i32(), 0, "the first index");
    (count, answer.i16())
}

#[test]
fn thousands_of_random_frames_harm_nobody() {
    const FRAMES: usize = 4_000;
    /// A frame may happen to be a fetch that waits for longer than we do.
    const WAITING_MAX: usize = 20;
    let seed: u64 = match std::env::var("PELTON_TEST_SEED") {
        Ok(seed) => seed.parse().expect("PELTON_TEST_SEED is a number"),
        Err(_) => std::process::id().into(),
    };
    println!("PELTON_TEST_SEED={seed}");
    let mut random = Random(seed);
    let data = directory();
    let broker = strict_broker(data.path());
    let mut neighbour = Connection::open(&broker);
    let before = broker.resident_bytes();

    let mut waiting = 0;
    for at in 0..FRAMES {
        let frame = match random.below(3) {
            0 => random.bytes(200),
            1 => random_body(&mut random),
            _ => nearly_valid(&mut random),
        };
        let mut connection = Connection::open(&broker);
        connection.send(&Fields(frame).frame());
        connection.send_no_more();
        if connection.end(Duration::from_millis(500)) == End::Silent {
            waiting += 1;
            assert!(waiting <= WAITING_MAX, "seed {seed}: frame {at} is one too many without end");
        }
        if at % 500 == 0 {
            assert!(neighbour.is_served(), "seed {seed}: after frame {at}");
            assert_growth(&broker, before);
        }
    }

    assert!(neighbour.is_served());
    assert_growth(&broker, before);
    // Some frames may have been good ones, so there may be more than before.
    assert_unharmed(&broker);
}

fn assert_growth(broker: &Broker, before: u64) {
    let grown = broker.resident_bytes().saturating_sub(before);
    assert!(grown < GROWTH_BYTES_MAX, "{} MiB more than before", grown >> 20);
}

/// A known API and version, and then noise.
fn random_body(random: &mut Random) -> Vec<u8> {
    const APIS: [i16; 20] =
        [0, 1, 2, 3, 10, 18, 19, 20, 21, 22, 23, 32, 33, 35, 37, 44, 60, 61, 74, 75];
    let api = APIS[random.below(APIS.len())];
    let version = random.below(14) as i16;
    Fields::request(api, version).bytes(&random.bytes(120)).0
}

/// A good request of which some bytes are others.
fn nearly_valid(random: &mut Random) -> Vec<u8> {
    let batch = batch();
    let good = [
        Fields::request(API_VERSIONS, 0),
        Fields::request(METADATA, 1).i32(1).string("t"),
        Fields::request(LIST_OFFSETS, 1).i32(-1).i32(1).string("t").i32(1).i32(0).i64(-1),
        Fields::request(INIT_PRODUCER_ID, 0).i16(-1).i32(1000),
        fetch("t", [(0, 0)].into_iter(), 0, 1 << 20),
        produce_request().i32(batch.len() as i32).bytes(&batch),
    ];
    let mut bytes = good[random.below(good.len())].0.clone();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len());
        bytes[at] = random.next() as u8;
    }
    if random.below(8) == 0 {
        bytes.truncate(random.below(bytes.len()));
    }
    bytes
}

/// Produce for partition 0 of topic `t`, as far as the length of its records.
fn produce_request() -> Fields {
    let head = Fields::request(PRODUCE, 3).i16(-1).i16(1).i32(1000);
    head.i32(1).string("t").i32(1).i32(0)
}

/// A batch of one empty record. Its CRC is wrong, which is found after all else in its header.
fn batch() -> Vec<u8> {
    let record = [12, 0, 0, 0, 1, 1, 0];
    Fields::default()
        .i64(0)
        .i32(49 + record.len() as i32)
        .i32(-1)
        .i8(2)
        .i32(0)
        .i16(0)
        .i32(0)
        .i64(1_700_000_000_000)
        .i64(1_700_000_000_000)
        .i64(-1)
        .i16(-1)
        .i32(-1)
        .i32(1)
        .bytes(&record)
        .0
}

/// SplitMix64: from a seed to as many numbers as are wanted.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// Up to so many, at least one.
    fn bytes(&mut self, count_max: usize) -> Vec<u8> {
        (0..=self.below(count_max)).map(|_| self.next() as u8).collect()
    }
}
