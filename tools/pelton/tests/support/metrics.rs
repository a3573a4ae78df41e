//! What a broker says of itself over HTTP.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::Broker;

/// Where `--metrics` with port 0 ended up, from the broker's own words.
pub fn metrics_address(broker: &Broker) -> String {
    let said = broker.said();
    let (_, rest) = said.split_once("metrics are served address=").expect("where metrics are");
    rest.split_whitespace().next().expect("an address").to_owned()
}

/// Status line and body.
pub fn get(address: &str, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).expect("somebody listens");
    write!(stream, "GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    (head.lines().next().unwrap_or_default().to_owned(), body.to_owned())
}

/// The value of a series, 0 if there is none yet.
pub fn value(address: &str, series: &str) -> f64 {
    let (_, text) = get(address, "/metrics");
    let value = |line: &str| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok();
    text.lines().find_map(value).unwrap_or(0.0)
}
