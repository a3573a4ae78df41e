use std::future::poll_fn;
use std::io::ErrorKind;

use futures::future::join;
use tokio::runtime::Builder;

use super::*;

async fn read(connection: &mut Connection) -> io::Result<usize> {
    let mut bytes = [0; 16];
    let mut buffer = ReadBuf::new(&mut bytes);
    poll_fn(|context| Pin::new(&mut *connection).poll_read(context, &mut buffer)).await?;
    Ok(buffer.filled().len())
}

fn with_listener(limits: Limits, test: impl AsyncFnOnce(BoundedListener, SocketAddr)) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        test(BoundedListener::new(listener, limits), address).await;
    });
}

#[test]
fn a_silent_connection_ends_at_its_deadline() {
    let limits = Limits { connection_life: Duration::from_millis(20), ..Limits::default() };
    with_listener(limits, async |mut listener, address| {
        let (client, (mut connection, _)) =
            join(TcpStream::connect(address), listener.accept()).await;
        let _open = client.unwrap();
        assert_eq!(read(&mut connection).await.unwrap_err().kind(), ErrorKind::TimedOut);
    });
}

#[test]
fn a_place_is_taken_again_only_when_its_connection_is_gone() {
    let limits = Limits { connections_max: 1, ..Limits::default() };
    with_listener(limits, async |mut listener, address| {
        let _first = TcpStream::connect(address).await.unwrap();
        let (connection, _) = listener.accept().await;
        let second = TcpStream::connect(address).await.unwrap();
        assert_eq!(listener.places.available_permits(), 0);
        drop(connection);
        let (_connection, peer) = listener.accept().await;
        assert_eq!(peer, second.local_addr().unwrap());
    });
}
