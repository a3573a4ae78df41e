use tokio::net::TcpListener;

use super::*;

const METRICS: &str = "HTTP/1.1 200 OK\r\n\r\n# HELP pelton_compaction_bytes_total 7\n\
    pelton_compaction_bytes_total 1500\npelton_compaction_written_bytes_total 400\n";

#[test]
fn what_was_read_is_what_was_moved_and_not_written() {
    assert_eq!(parse(METRICS), Some(CompactedBytes { read: 1100, written: 400 }));
    assert_eq!(parse("kafka_log_size 1\n"), None);
    let (before, now) = (parse(METRICS).unwrap(), CompactedBytes { read: 1600, written: 500 });
    assert_eq!(now.since(before), CompactedBytes { read: 500, written: 100 });
}

#[tokio::test]
async fn metrics_are_asked_for_over_http() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await.unwrap());
        }
        assert!(request.starts_with(b"GET /metrics HTTP/1.1\r\n"));
        // Chunks of a longer answer come one after the other.
        for part in METRICS.as_bytes().chunks(50) {
            stream.write_all(part).await.unwrap();
        }
    };
    let (found, ()) = tokio::join!(compacted_bytes(&address), serve);
    assert_eq!(found.unwrap().read, 1100);
}
