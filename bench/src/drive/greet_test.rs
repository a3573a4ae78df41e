use std::time::Duration;

use futures::FutureExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;

use super::*;
use crate::tally::Window;

const DAY: Duration = Duration::from_secs(24 * 3600);
const PATIENCE: Duration = Duration::from_secs(30);

/// Says, in version 0 alone, that it knows no request.
async fn introduce(mut socket: TcpStream) {
    for error in [0x23, 0] {
        let Ok(length) = socket.read_i32().await else { return };
        let mut request = vec![0; usize::try_from(length).unwrap()];
        socket.read_exact(&mut request).await.unwrap();
        // The request's correlation id stands behind its key and version.
        let answer = [&[0, 0, 0, 10][..], &request[4..8], &[0, error, 0, 0, 0, 0]].concat();
        socket.write_all(&answer).await.unwrap();
    }
}

#[test]
fn newcomers_come_until_the_phase_has_ended_which_may_have_no_length() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let come = LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: Arc<str> = listener.local_addr().unwrap().to_string().into();
        let (greeted, has_greeted) = tokio::sync::oneshot::channel();
        tokio::task::spawn_local(async move {
            let mut greeted = Some(greeted);
            for count in 1.. {
                let (socket, _) = listener.accept().await.unwrap();
                introduce(socket).await;
                if count == 3 {
                    greeted.take().map(|greeted| greeted.send(clock::now()));
                }
            }
        });
        let begin = clock::now();
        let books = Rc::new(RefCell::new(Books::new(Window::open_ended(begin), Arc::default())));
        let job = GreetJob { address, per_second: 1000.0, at_once: 1 };
        let schedule = job.schedule(begin, Until::Time(begin + DAY));
        let end = has_greeted.map(|at| at.unwrap());
        tokio::time::timeout(PATIENCE, run(job, schedule, books.clone(), end))
            .await
            .expect("it ends with the phase")
            .unwrap();
        let books = books.borrow();
        books.newcomers.counts.requests
    });
    assert!(come >= 3, "{come}");
}
