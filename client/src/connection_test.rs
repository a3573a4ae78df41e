use std::time::Duration;

use pelton_kafka::messages::encode_response;
use pelton_kafka::wire::api_versions_response::ApiVersion as ServedVersion;
use pelton_kafka::wire::{ApiVersionsResponse, MetadataRequest, MetadataResponse};
use tokio::net::{TcpListener, TcpStream};

use super::*;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// A broker that says what a test has it say.
struct Broker {
    socket: TcpStream,
}

impl Broker {
    async fn read_request(&mut self) -> (i16, i16, i32) {
        let length = self.socket.read_u32().await.unwrap();
        let mut frame = vec![0; length as usize];
        self.socket.read_exact(&mut frame).await.unwrap();
        let api_key = i16::from_be_bytes([frame[0], frame[1]]);
        let version = i16::from_be_bytes([frame[2], frame[3]]);
        (api_key, version, i32::from_be_bytes([frame[4], frame[5], frame[6], frame[7]]))
    }

    async fn send(&mut self, frame: &[u8]) {
        self.socket.write_all(frame).await.unwrap();
    }

    async fn answer_versions(&mut self) {
        let (api_key, version, correlation_id) = self.read_request().await;
        assert_eq!(api_key, 18);
        let answer = versions_answer(0);
        self.send(&encode_response(correlation_id, version, &answer).unwrap()).await;
    }
}

fn versions_answer(error_code: i16) -> ApiVersionsResponse {
    message!(ApiVersionsResponse {
        error_code: error_code,
        api_keys: vec![
            message!(ServedVersion { api_key: 3, min_version: 0, max_version: 12 }),
            message!(ServedVersion { api_key: 18, min_version: 0, max_version: 4 }),
        ],
    })
}

async fn pair(request_timeout: Duration) -> (tokio::task::JoinHandle<Result<Connection>>, Broker) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut options = ClientOptions::new(&address);
    options.request_timeout = request_timeout;
    let connection = tokio::spawn(async move { Connection::connect(&address, &options).await });
    let (socket, _) = listener.accept().await.unwrap();
    (connection, Broker { socket })
}

async fn connected() -> (Arc<Connection>, Broker) {
    connected_with(REQUEST_TIMEOUT).await
}

async fn connected_with(request_timeout: Duration) -> (Arc<Connection>, Broker) {
    let (connection, mut broker) = pair(request_timeout).await;
    broker.answer_versions().await;
    (Arc::new(connection.await.unwrap().unwrap()), broker)
}

#[tokio::test(flavor = "current_thread")]
async fn the_highest_version_that_both_know_is_used() {
    let (connection, mut broker) = connected().await;
    assert_eq!(connection.version_of::<MetadataRequest>(), Ok(12));
    let call = tokio::spawn(async move { connection.call(&MetadataRequest::default()).await });
    let (api_key, version, correlation_id) = broker.read_request().await;
    assert_eq!((api_key, version), (3, 12));
    let answer = message!(MetadataResponse { controller_id: 7 });
    broker.send(&encode_response(correlation_id, 12, &answer).unwrap()).await;
    assert_eq!(call.await.unwrap().unwrap().message.controller_id, 7);
}

#[tokio::test(flavor = "current_thread")]
async fn an_old_broker_is_asked_again_in_version_0() {
    let (connection, mut broker) = pair(REQUEST_TIMEOUT).await;
    let (_, version, correlation_id) = broker.read_request().await;
    assert_eq!(version, API_VERSIONS_VERSION);
    let refusal = versions_answer(ErrorCode::UnsupportedVersion.code());
    broker.send(&encode_response(correlation_id, 0, &refusal).unwrap()).await;
    let (_, version, correlation_id) = broker.read_request().await;
    assert_eq!(version, 0);
    broker.send(&encode_response(correlation_id, 0, &versions_answer(0)).unwrap()).await;
    assert!(connection.await.unwrap().is_ok());
}

#[tokio::test(flavor = "current_thread")]
async fn a_request_that_the_broker_does_not_serve_is_not_sent() {
    let (connection, _broker) = connected().await;
    let answer = connection.call(&pelton_kafka::wire::FetchRequest::default()).await;
    assert!(matches!(answer, Err(Error::Unsupported { .. })));
}

#[tokio::test(flavor = "current_thread")]
async fn an_answer_to_another_request_closes_the_connection() {
    let (connection, mut broker) = connected().await;
    let caller = connection.clone();
    let call = tokio::spawn(async move { caller.call(&MetadataRequest::default()).await });
    let (_, _, correlation_id) = broker.read_request().await;
    let answer = MetadataResponse::default();
    broker.send(&encode_response(correlation_id + 1, 12, &answer).unwrap()).await;
    assert!(matches!(call.await.unwrap(), Err(Error::Connection { .. })));
    assert!(connection.is_closed());
}

#[tokio::test(flavor = "current_thread")]
async fn a_length_that_lies_is_refused() {
    for length in [-1_i32, 0, 3, i32::MAX] {
        let (connection, mut broker) = connected().await;
        let call = tokio::spawn(async move { connection.call(&MetadataRequest::default()).await });
        broker.read_request().await;
        broker.send(&length.to_be_bytes()).await;
        assert!(matches!(call.await.unwrap(), Err(Error::Connection { .. })), "{length}");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn answers_are_matched_to_requests_that_wait_together() {
    let (connection, mut broker) = connected().await;
    let ask = |connection: Arc<Connection>| {
        tokio::spawn(async move { connection.call(&MetadataRequest::default()).await })
    };
    let (first, second) = (ask(connection.clone()), ask(connection));
    let (_, _, first_id) = broker.read_request().await;
    let (_, _, second_id) = broker.read_request().await;
    for (id, controller) in [(first_id, 1), (second_id, 2)] {
        let answer = message!(MetadataResponse { controller_id: controller });
        broker.send(&encode_response(id, 12, &answer).unwrap()).await;
    }
    assert_eq!(first.await.unwrap().unwrap().message.controller_id, 1);
    assert_eq!(second.await.unwrap().unwrap().message.controller_id, 2);
}

#[tokio::test(flavor = "current_thread")]
async fn a_broker_that_does_not_read_is_left_although_no_answer_is_waited_for() {
    let (connection, _broker) = connected_with(Duration::from_secs(2)).await;
    let telling = async {
        // The sockets' buffers take the first ones.
        loop {
            let frame = |_, _: Option<&str>| Ok(Frame::from(Bytes::from(vec![0; 1 << 20])));
            if let Err(error) = connection.tell_encoded(ApiKey::PRODUCE, frame).await {
                return error;
            }
        }
    };
    let error = tokio::time::timeout(Duration::from_secs(30), telling).await.expect("in time");
    assert!(matches!(error, Error::TimedOut { .. }), "{error}");
    assert!(connection.is_closed());
}
