use std::cell::Cell;
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use glommio::LocalExecutorBuilder;

use super::*;
use crate::bench::framed;
use crate::{
    Answer, Budget, CloseReason, ConnectionLimits, Frame, Scratch, Service, ShardResources, Step,
    StopSignal, serve,
};

/// Answers a frame with its length and its bytes, in many slices.
struct Echo {
    slice_bytes: usize,
}

impl Service for Echo {
    fn start(&self, frame: Frame) -> LocalBoxFuture<'static, Step> {
        let mut pieces = vec![Bytes::from(framed(&frame.bytes)[..4].to_vec())];
        let mut rest = frame.bytes.clone();
        while !rest.is_empty() {
            pieces.push(rest.split_to(self.slice_bytes.min(rest.len())));
        }
        let reply = crate::Reply::new(pieces).holding(frame.charge);
        let answer: LocalBoxFuture<'static, Answer> = Box::pin(async { Answer::Reply(reply) });
        Box::pin(async { Step::Answer(answer) })
    }

    fn runs_ahead(&self, _: &Bytes) -> bool {
        true
    }
}

fn on_executor(test: impl AsyncFnOnce() + Send + 'static) {
    LocalExecutorBuilder::default()
        .spawn(move || async move { test().await })
        .unwrap()
        .join()
        .unwrap();
}

/// A server that echoes, and the client's end.
fn echo(slice_bytes: usize) -> (Link, glommio::Task<CloseReason>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let server = from_socket(listener.accept().unwrap().0).unwrap();
    let client = from_socket(client).unwrap();
    assert_eq!((server.peer(), server.local()), (client.local(), client.peer()));
    let limits = ConnectionLimits {
        frame_bytes_max: 8 << 20,
        in_flight_requests_max: 16,
        in_flight_bytes_max: 32 << 20,
        idle: Some(Duration::from_secs(60)),
    };
    let shard = ShardResources {
        budget: Budget::new(64 << 20),
        scratch: Scratch::new(),
        sleep: Rc::new(|duration| {
            Box::pin(async move {
                glommio::timer::sleep(duration).await;
            })
        }),
    };
    let service = Rc::new(Echo { slice_bytes });
    (client, glommio::spawn_local(serve(server, service, limits, shard, StopSignal::new())))
}

async fn read_exactly(link: &Link, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    let mut filled = 0;
    while filled < count {
        let read = link.read(&mut bytes[filled..]).await.unwrap();
        assert!(read > 0, "closed after {filled} of {count} bytes");
        filled += read;
    }
    bytes
}

#[test]
fn frames_of_all_sizes_come_back_whole_in_slices_of_all_sizes() {
    on_executor(async || {
        for slice_bytes in [100, 4_097, 300_000, usize::MAX] {
            let (client, serving) = echo(slice_bytes);
            let bodies: Vec<Vec<u8>> = [1, 100, 65_536, 65_537, 5_000_000, 3, 200_000]
                .iter()
                .enumerate()
                .map(|(index, len)| (0..*len).map(|at| (at / 7 + index) as u8).collect())
                .collect();
            let stream: Vec<u8> = bodies.iter().flat_map(|body| framed(body)).collect();
            // The client reads only after it has sent all that it can: the server's socket fills,
            // and it has to wait for readiness.
            let sending = glommio::spawn_local({
                let (client, stream) = (client.clone(), Bytes::from(stream.clone()));
                async move { client.write_all(vec![stream]).await }
            });
            glommio::timer::sleep(Duration::from_millis(20)).await;
            assert!(read_exactly(&client, stream.len()).await == stream);
            sending.await.unwrap();
            client.shutdown(Shutdown::Write).unwrap();
            assert_eq!(client.read(&mut [0; 1]).await.unwrap(), 0);
            assert!(matches!(serving.await, CloseReason::PeerClosed));
        }
    });
}

#[test]
fn a_client_that_goes_away_ends_the_connection() {
    on_executor(async || {
        let (client, serving) = echo(usize::MAX);
        client.write_all(vec![framed(&[1; 4 << 20]).into()]).await.unwrap();
        // Unread answers make the close a reset.
        drop(client);
        assert!(matches!(serving.await, CloseReason::Io(_) | CloseReason::PeerClosed));
    });
}

#[test]
fn a_bad_frame_does_not_destroy_the_answers_before_it() {
    on_executor(async || {
        let (client, serving) = echo(usize::MAX);
        let good = framed(&[7; 1000]);
        let stream = [good.clone(), vec![0xff; 200_000]].concat();
        client.write_all(vec![stream.into()]).await.unwrap();
        glommio::timer::sleep(Duration::from_millis(20)).await;
        assert_eq!(read_exactly(&client, good.len()).await, good);
        assert_eq!(client.read(&mut [0; 1]).await.unwrap(), 0);
        drop(client);
        assert!(matches!(serving.await, CloseReason::BadFrame(_)));
    });
}

#[test]
fn a_socket_that_is_always_ready_does_not_keep_the_core() {
    on_executor(async || {
        let (client, serving) = echo(usize::MAX);
        let done = Rc::new(Cell::new(false));
        let ticks = glommio::spawn_local({
            let done = done.clone();
            async move {
                let mut ticks = 0;
                while !done.get() {
                    glommio::timer::sleep(Duration::from_millis(1)).await;
                    ticks += 1;
                }
                ticks
            }
        });
        let burst = Bytes::from(framed(&[1; 100]).repeat(2000));
        for _ in 0..20 {
            let sending = glommio::spawn_local({
                let (client, burst) = (client.clone(), burst.clone());
                async move { client.write_all(vec![burst]).await }
            });
            read_exactly(&client, burst.len()).await;
            sending.await.unwrap();
        }
        done.set(true);
        assert!(ticks.await > 3);
        drop(client);
        serving.await;
    });
}
