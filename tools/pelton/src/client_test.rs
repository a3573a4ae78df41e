use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::Parser;
use tokio::net::TcpListener;

use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: ClientArgs,
}

/// How often somebody who hangs up is tried.
async fn attempts(arguments: &[&str]) -> usize {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bootstrap = listener.local_addr().unwrap().to_string();
    let accepted = Arc::new(AtomicUsize::new(0));
    let accepting = tokio::spawn({
        let accepted = accepted.clone();
        async move {
            while listener.accept().await.is_ok() {
                accepted.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let line = [&["pelton", "--bootstrap", &bootstrap], arguments].concat();
    assert!(Line::try_parse_from(line).unwrap().args.connect().await.is_err());
    accepting.abort();
    accepted.load(Ordering::Relaxed)
}

#[tokio::test]
async fn a_broker_that_does_not_answer_is_waited_for_only_if_that_was_said() {
    assert_eq!(attempts(&[]).await, 1);
    assert_eq!(attempts(&["--retry-for", "0"]).await, 1);
    assert!(attempts(&["--retry-for", "2"]).await > 1);
}
