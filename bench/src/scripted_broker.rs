//! A broker for tests, which says what it is told to.

use std::sync::Arc;

use bytes::Bytes;
use pelton_kafka::versions::Versions;
use pelton_kafka::{ApiKey, RequestHeader};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The next request; none when the other side is gone.
pub(crate) async fn read_request(socket: &mut TcpStream) -> Option<RequestHeader> {
    let length = socket.read_i32().await.ok()?;
    let mut frame = vec![0; usize::try_from(length).unwrap()];
    socket.read_exact(&mut frame).await.ok()?;
    Some(RequestHeader::decode(frame.into()).unwrap().0)
}

/// Says, in version 0 alone, which requests it knows.
pub(crate) async fn introduce(socket: &mut TcpStream, known: &[(ApiKey, Versions)]) {
    for error in [0x23u8, 0] {
        read_request(socket).await.unwrap();
        let known = if error == 0 { known } else { &[] };
        let mut answer = vec![0, 0, 0, 0, 0, error];
        answer.extend((known.len() as i32).to_be_bytes());
        for (api_key, versions) in known {
            for number in [api_key.get(), versions.min, versions.max] {
                answer.extend(number.to_be_bytes());
            }
        }
        socket.write_i32(answer.len() as i32).await.unwrap();
        socket.write_all(&answer).await.unwrap();
    }
}

/// Where a broker listens that takes one connection, and answers the n-th request of one kind with what
/// `answer` makes of n and the request's correlation id: a frame with its length. It lives in the
/// caller's `LocalSet`.
pub(crate) async fn scripted(
    api_key: ApiKey,
    version: i16,
    answer: impl Fn(usize, i32) -> Bytes + 'static,
) -> Arc<str> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string().into();
    tokio::task::spawn_local(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        introduce(&mut socket, &[(api_key, Versions::new(version, version))]).await;
        for number in 0.. {
            let Some(header) = read_request(&mut socket).await else { return };
            let frame = answer(number, header.correlation_id);
            if socket.write_all(&frame).await.is_err() {
                return;
            }
        }
    });
    address
}
