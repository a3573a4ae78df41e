use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;

use pelton_group::{GroupFigures, GroupState, State};
use pelton_model::TimestampMs;

use super::*;
use crate::metrics::ShardFigures;

fn info() -> BuildInfo {
    BuildInfo { version: "0.1.0".into(), commit: String::new(), started: TimestampMs::new(0) }
}

fn sources(figures: Vec<ShardFigures>) -> Sources {
    let partition = PartitionFigures {
        topic: "orders".into(),
        index: 0,
        bytes: 1,
        segments: 0,
        start: 0,
        high_watermark: 0,
        end: 0,
        retention_bytes: None,
    };
    Sources {
        shard_count: 1,
        shards: Source::new(move |(), _| figures.clone()),
        partitions: Source::new(move |(), _| vec![partition.clone()]),
        ages: Source::new(|positions: Vec<Position>, _| {
            positions.iter().map(|at| Some(Duration::from_secs(at.offset as u64))).collect()
        }),
    }
}

fn start(figures: Vec<ShardFigures>) -> HttpServer {
    let readiness = Readiness::default();
    readiness.accepting();
    let server = serve(SocketAddr::from(([127, 0, 0, 1], 0)), readiness, info()).unwrap();
    server.connect_to(sources(figures));
    server
}

/// The whole answer to one request, up to the end of the connection.
fn ask(server: &HttpServer, method: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_scrape_is_answered_in_prometheus_text() {
    let server = start(vec![ShardFigures { connections: 3, ..ShardFigures::default() }]);
    let answer = ask(&server, "GET", "/metrics");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    assert!(answer.contains("connection: close\r\n"));
    assert!(answer.contains("\npelton_connections{listener=\"PLAINTEXT\"} 3\n"));
    server.stop();
}

#[test]
fn where_a_group_is_behind_its_positions_are_asked_for_their_ages() {
    let mut figures = ShardFigures::default();
    let (group, state) = ("billing".into(), GroupState::Classic(State::Stable));
    let (kind, offsets) = ("classic", vec![("orders".into(), 0, 5), ("orders".into(), 1, 7)]);
    let (members, rebalances, state_bytes) = (0, 0, 0);
    let shown = GroupFigures { group, kind, state, members, rebalances, state_bytes, offsets };
    figures.groups.shown.push(shown);
    figures.high_watermarks.insert("orders".into(), BTreeMap::from([(0, 6), (1, 9)]));
    let server = start(vec![figures]);
    let series = "\npelton_group_lag_seconds{group=\"billing\",topic=\"orders\"}";
    let answer = ask(&server, "GET", "/metrics");
    // As many seconds as the offset says: see `sources`.
    assert!(answer.contains(&format!("{series} 7\n")), "{answer}");
    server.stop();
}

#[test]
fn partitions_have_a_path_of_their_own() {
    let server = start(Vec::new());
    let answer = ask(&server, "GET", "/metrics/partitions");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("\npelton_partition_size_bytes{topic=\"orders\",partition=\"0\"} 1\n"));
    server.stop();
}

#[test]
fn a_broker_whose_shards_answer_is_healthy_and_ready() {
    let server = start(vec![ShardFigures::default()]);
    assert!(ask(&server, "GET", "/healthz").starts_with("HTTP/1.1 200 OK\r\n"));
    assert!(ask(&server, "GET", "/readyz").ends_with("\r\n\r\nready\n"));
    server.stop();
}

#[test]
fn a_broker_that_recovers_is_alive_but_not_ready_and_says_how_far_it_is() {
    let readiness = Readiness::default();
    readiness.recovering(2);
    readiness.shard_recovered();
    readiness.partitions_left(pelton_model::ShardId::new(1), 5);
    let server = serve(SocketAddr::from(([127, 0, 0, 1], 0)), readiness, info()).unwrap();
    let answer = ask(&server, "GET", "/readyz");
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.ends_with("recovering, 1 left\n"));
    let metrics = ask(&server, "GET", "/metrics");
    assert!(metrics.starts_with("HTTP/1.1 200 OK\r\n"), "{metrics}");
    assert!(metrics.contains("\npelton_recovery_partitions_remaining 5\n"), "{metrics}");
    assert!(ask(&server, "GET", "/metrics/partitions").starts_with("HTTP/1.1 503 "));
    assert!(ask(&server, "GET", "/healthz").starts_with("HTTP/1.1 200 OK\r\n"));
    server.stop();
}

#[test]
fn shards_that_do_not_answer_make_scrape_and_health_fail() {
    let server = start(Vec::new());
    for path in ["/healthz", "/metrics"] {
        assert!(ask(&server, "GET", path).starts_with("HTTP/1.1 503 "), "{path}");
    }
    server.stop();
}

#[test]
fn a_shard_without_figures_makes_health_fail_but_not_the_scrape_of_the_others() {
    let server = start(vec![ShardFigures::default(), ShardFigures::default()]);
    assert!(ask(&server, "GET", "/healthz").starts_with("HTTP/1.1 503 "));
    assert!(ask(&server, "GET", "/metrics").starts_with("HTTP/1.1 200 "));
    server.stop();
}

#[test]
fn nothing_else_is_answered() {
    let server = start(Vec::new());
    assert!(ask(&server, "POST", "/metrics").starts_with("HTTP/1.1 405 "));
    assert!(ask(&server, "GET", "/").starts_with("HTTP/1.1 404 "));
    server.stop();
}

#[test]
fn an_address_in_use_is_an_error() {
    let server = start(Vec::new());
    let second = serve(server.address(), Readiness::default(), info());
    assert_eq!(second.err().map(|error| error.kind()), Some(io::ErrorKind::AddrInUse));
    server.stop();
}
