use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::*;
use crate::scripted_broker::introduce;

fn pieces(texts: &[&'static str]) -> VecDeque<Bytes> {
    texts.iter().map(|text| Bytes::from_static(text.as_bytes())).collect()
}

#[test]
fn a_write_may_end_anywhere() {
    for written in 0..=9 {
        let mut left = pieces(&["abc", "d", "efghi"]);
        advance(&mut left, written);
        let rest: Vec<u8> = left.into_iter().flatten().collect();
        assert_eq!(rest, &b"abcdefghi"[written..]);
    }
}

#[test]
fn frames_come_out_however_they_arrive() {
    let stream = b"\0\0\0\x03abc\0\0\0\0\0\0\0\x01z";
    for step in 1..=stream.len() {
        let mut incoming = BytesMut::new();
        let mut frames = Vec::new();
        for part in stream.chunks(step) {
            incoming.extend_from_slice(part);
            while let Some(frame) = split_frame(&mut incoming).unwrap() {
                frames.push(frame);
            }
        }
        assert_eq!(frames, [&b"abc"[..], b"", b"z"]);
    }
}

#[test]
fn a_length_that_lies_costs_no_memory() {
    for length in [-1, i32::MIN, i32::MAX, ANSWER_BYTES_MAX as i32 + 1] {
        let mut incoming = BytesMut::from(&length.to_be_bytes()[..]);
        assert!(split_frame(&mut incoming).is_err());
    }
    let mut incoming = BytesMut::from(&(ANSWER_BYTES_MAX as i32).to_be_bytes()[..]);
    assert_eq!(split_frame(&mut incoming), Ok(None));
    assert!(incoming.capacity() <= 2 * READ_BYTES);
}

#[test]
fn the_buffer_of_a_dropped_answer_is_used_again() {
    let body = vec![7; 1 << 20];
    let mut incoming = BytesMut::new();
    let mut places = Vec::new();
    for _ in 0..4 {
        incoming.extend_from_slice(&(1i32 << 20).to_be_bytes());
        incoming.extend_from_slice(&body);
        places.push(incoming.as_ptr());
        drop(split_frame(&mut incoming).unwrap().unwrap());
        assert_eq!(split_frame(&mut incoming), Ok(None));
    }
    places.dedup();
    assert_eq!(places.len(), 1);
}

/// A broker of before KIP-511's answer: it does not know version 4.
#[tokio::test]
async fn an_old_broker_is_asked_again_in_version_0() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: Arc<str> = listener.local_addr().unwrap().to_string().into();
    let broker = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        for (version, answer) in [
            (4, &b"\0\0\0\x0a\0\0\0\0\0\x23\0\0\0\0"[..]),
            // Produce 3 to 7.
            (0, &b"\0\0\0\x10\0\0\0\0\0\0\0\0\0\x01\0\0\0\x03\0\x07"[..]),
        ] {
            let length = socket.read_i32().await.unwrap();
            let mut request = vec![0; length as usize];
            socket.read_exact(&mut request).await.unwrap();
            assert_eq!(request[..4], [0, 18, 0, version]);
            socket.write_all(answer).await.unwrap();
        }
        socket
    };
    let (connection, _socket) = tokio::join!(Connection::connect(&address), broker);
    let connection = connection.unwrap();
    let ours = Versions::new(3, 13);
    assert_eq!(connection.version_of(ApiKey::PRODUCE, ours).unwrap(), 7);
    let error = connection.version_of(ApiKey::FETCH, ours).unwrap_err().to_string();
    assert!(error.contains("no version of Fetch"), "{error}");
}

#[tokio::test]
async fn nobody_there_is_an_error_that_names_the_address() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: Arc<str> = listener.local_addr().unwrap().to_string().into();
    drop(listener);
    let error = Connection::connect(&address).await.err().unwrap().to_string();
    assert!(error.contains(&*address), "{error}");
}

/// As one that was stopped, or whose disk hangs.
#[tokio::test]
async fn a_broker_that_does_not_answer_is_not_waited_for_without_an_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: Arc<str> = listener.local_addr().unwrap().to_string().into();
    let broker = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        introduce(&mut socket, &[(ApiKey::new(18), Versions::new(0, 0))]).await;
        socket
    };
    let (connection, _socket) = tokio::join!(Connection::connect(&address), broker);
    let mut connection = connection.unwrap();
    // From here on time passes as soon as everybody waits.
    tokio::time::pause();
    let begin = tokio::time::Instant::now();
    let request = message!(ApiVersionsRequest {});
    let asking = connection.call(&request, Versions::new(0, 0));
    let error = tokio::time::timeout(2 * ANSWER_TIMEOUT, asking).await.expect("an end");
    assert!(begin.elapsed() >= ANSWER_TIMEOUT);
    let error = error.err().unwrap().to_string();
    assert_eq!(error, format!("{address}: a request has had no answer for 60 s"));
}
