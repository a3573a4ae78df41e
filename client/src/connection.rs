//! One connection to one broker: frames, correlation ids, versions, deadlines.
//!
//! Requests may be handed over while earlier ones wait for their answers; a Kafka broker answers a
//! connection's requests in order, so the answers are matched first in, first out, and the
//! correlation id is only checked. Two tasks own the two halves of the socket: a caller that loses
//! interest in an answer can therefore never leave half a frame on the wire.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use pelton_kafka::messages::{
    EncodeError, KafkaRequest, RequestResponsePair, decode_response, encode_request,
};
use pelton_kafka::versions::Versions;
use pelton_kafka::wire::ApiVersionsRequest;
use pelton_kafka::{ApiKey, ErrorCode, Frame, ResponseHeader, message};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::error::{Error, Result};
use crate::options::ClientOptions;
use crate::transport::{self, ReadHalf, WriteHalf};

/// Requests that may wait for their answers on one connection; the next one waits to be sent.
const REQUESTS_IN_FLIGHT_MAX: usize = 64;

/// The largest answer: what a broker accepts as a request (`socket.request.max.bytes`), and twice
/// what we ask of a Fetch.
const RESPONSE_BYTES_MAX: usize = 100 << 20;

/// Room made for an answer before its bytes have arrived.
const RESPONSE_BYTES_FIRST: usize = 1 << 20;

/// The version asked for first; a broker that does not know it answers in version 0.
const API_VERSIONS_VERSION: i16 = 4;

/// A connection whose broker has told what it can do.
#[derive(Debug)]
pub struct Connection {
    address: Arc<str>,
    client_id: String,
    request_timeout: Duration,
    versions: BTreeMap<i16, Versions>,
    next_correlation_id: AtomicI32,
    requests: mpsc::Sender<Outgoing>,
    /// Why the connection is of no more use; set once.
    closed: Arc<OnceLock<Error>>,
    tasks: [JoinHandle<()>; 2],
}

/// A request on its way to the task that writes.
#[derive(Debug)]
struct Outgoing {
    frame: Frame,
    then: Then,
}

/// Who is told what, once a request is sent.
#[derive(Debug)]
enum Then {
    /// The answer, when it comes.
    Answer(Awaited),
    /// That it is sent: the broker answers nothing (acks=0).
    Sent(oneshot::Sender<()>),
}

#[derive(Debug)]
struct Awaited {
    correlation_id: i32,
    reply: oneshot::Sender<Bytes>,
}

/// An answer and the version that it came in.
#[derive(Debug)]
pub struct Answer<M> {
    pub version: i16,
    pub message: M,
}

impl Connection {
    /// Connects and asks for the broker's versions.
    pub async fn connect(address: &str, options: &ClientOptions) -> Result<Connection> {
        let address: Arc<str> = address.into();
        let connecting = transport::connect(&address, options);
        let (reader, writer) = tokio::time::timeout(options.connect_timeout, connecting)
            .await
            .map_err(|_| Error::connection(&address, "no connection in time"))?
            .map_err(|error| Error::connection(&address, error))?;

        let (requests, outgoing) = mpsc::channel(1);
        let (awaited_sender, awaited) = mpsc::channel(REQUESTS_IN_FLIGHT_MAX);
        let closed = Arc::new(OnceLock::new());
        let tasks = [
            tokio::spawn({
                let (address, closed) = (address.clone(), closed.clone());
                async move {
                    if let Err(error) = write_requests(writer, outgoing, awaited_sender).await {
                        // The task that reads may know better why, but not always sooner.
                        let _ = closed.set(Error::connection(&address, error));
                    }
                }
            }),
            tokio::spawn({
                let (address, closed) = (address.clone(), closed.clone());
                let mut awaited = awaited;
                async move {
                    let error = read_answers(reader, &mut awaited).await;
                    // Before those that wait are dropped, so that they find out why.
                    let _ = closed.set(Error::connection(&address, error));
                }
            }),
        ];
        let mut connection = Connection {
            address,
            client_id: options.client_id.clone(),
            request_timeout: options.request_timeout,
            versions: BTreeMap::from([(ApiKey::API_VERSIONS.get(), Versions::new(0, 0))]),
            next_correlation_id: AtomicI32::new(0),
            requests,
            closed,
            tasks,
        };
        connection.versions = connection.ask_versions().await?;
        Ok(connection)
    }

    /// `host:port`, as it was given.
    pub fn address(&self) -> &Arc<str> {
        &self.address
    }

    /// Whether the next request would fail for certain.
    pub fn is_closed(&self) -> bool {
        self.closed.get().is_some()
    }

    /// The highest version of a request that both sides know.
    pub fn version_of<R: KafkaRequest>(&self) -> Result<i16> {
        let ours =
            Versions::new(R::SUPPORTED_VERSIONS.min().value(), R::SUPPORTED_VERSIONS.max().value());
        self.version_within(ApiKey::new(R::API_KEY.value()), ours)
    }

    /// The highest version of a request that the broker serves and that is in `ours`.
    pub fn version_within(&self, api_key: ApiKey, ours: Versions) -> Result<i16> {
        self.versions
            .get(&api_key.get())
            .and_then(|theirs| theirs.intersect(ours))
            .map(|both| both.max)
            .ok_or_else(|| Error::Unsupported { address: self.address.clone(), api_key })
    }

    /// Sends a request in the highest version that both sides know, and waits for its answer.
    pub async fn call<R: RequestResponsePair>(&self, request: &R) -> Result<Answer<R::Response>> {
        self.call_within(request, self.request_timeout).await
    }

    /// [`Connection::call`] for a request that asks the broker to wait for up to `wait`.
    pub async fn call_waiting<R: RequestResponsePair>(
        &self,
        request: &R,
        wait: Duration,
    ) -> Result<Answer<R::Response>> {
        self.call_within(request, self.request_timeout + wait).await
    }

    /// [`Connection::call_waiting`] in the highest version of `ours` that the broker serves.
    pub async fn call_in<R: RequestResponsePair>(
        &self,
        ours: Versions,
        request: &R,
        wait: Duration,
    ) -> Result<Answer<R::Response>> {
        let version = self.version_within(api_key_of::<R>(), ours)?;
        self.call_at(version, request, self.request_timeout + wait).await
    }

    /// Sends a request that the broker does not answer (Produce with acks=0); returns when the
    /// operating system has it. Fails with [`Error::TimedOut`] if the broker reads nothing for so
    /// long that it has not.
    pub async fn tell<R: KafkaRequest>(&self, request: &R) -> Result<()> {
        let version = self.version_of::<R>()?;
        self.tell_encoded(ApiKey::new(R::API_KEY.value()), |correlation_id, client_id| {
            encode_request(correlation_id, client_id, version, request).map(Frame::from)
        })
        .await
    }

    /// [`Connection::tell`] for a request that has a codec of its own.
    pub async fn tell_encoded(
        &self,
        api_key: ApiKey,
        encode: impl FnOnce(i32, Option<&str>) -> std::result::Result<Frame, EncodeError>,
    ) -> Result<()> {
        let deadline = Instant::now() + self.request_timeout;
        let (_, frame) = self.encode(api_key, encode)?;
        let (sent, is_sent) = oneshot::channel();
        let telling = async {
            self.hand_over(Outgoing { frame, then: Then::Sent(sent) }).await?;
            is_sent.await.map_err(|_| self.why_closed())
        };
        match tokio::time::timeout_at(deadline, telling).await {
            Ok(told) => told,
            Err(_) => Err(self.give_up(api_key)),
        }
    }

    /// Queues a request that has a codec of its own. When this returns, the request will be sent
    /// behind those that were queued before it and in front of those that come later; what comes
    /// back waits for the answer. `wait` is how long the request lets the broker wait.
    ///
    /// `encode` gets the correlation id and the client id, and writes the version that it got from
    /// [`Connection::version_within`].
    pub async fn begin(
        self: &Arc<Self>,
        api_key: ApiKey,
        version: i16,
        wait: Duration,
        encode: impl FnOnce(i32, Option<&str>) -> std::result::Result<Frame, EncodeError>,
    ) -> Result<Pending> {
        let deadline = Instant::now() + self.request_timeout + wait;
        let (correlation_id, frame) = self.encode(api_key, encode)?;
        let (reply, answer) = oneshot::channel();
        let outgoing = Outgoing { frame, then: Then::Answer(Awaited { correlation_id, reply }) };
        let pending = Pending { connection: self.clone(), api_key, version, deadline, answer };
        match tokio::time::timeout_at(deadline, self.hand_over(outgoing)).await {
            Ok(handed_over) => handed_over.map(|()| pending),
            Err(_) => Err(self.give_up(api_key)),
        }
    }

    async fn call_within<R: RequestResponsePair>(
        &self,
        request: &R,
        timeout: Duration,
    ) -> Result<Answer<R::Response>> {
        self.call_at(self.version_of::<R>()?, request, timeout).await
    }

    async fn call_at<R: RequestResponsePair>(
        &self,
        version: i16,
        request: &R,
        timeout: Duration,
    ) -> Result<Answer<R::Response>> {
        let frame = self.exchange(request, version, timeout).await?;
        let (_, message) = decode_response::<R::Response>(frame, version)
            .map_err(|error| Error::protocol(self.context(api_key_of::<R>()), error))?;
        Ok(Answer { version, message })
    }

    async fn exchange<R: KafkaRequest>(
        &self,
        request: &R,
        version: i16,
        timeout: Duration,
    ) -> Result<Bytes> {
        let deadline = Instant::now() + timeout;
        let api_key = api_key_of::<R>();
        let (correlation_id, frame) = self.encode(api_key, |correlation_id, client_id| {
            encode_request(correlation_id, client_id, version, request).map(Frame::from)
        })?;
        let (reply, answer) = oneshot::channel();
        let then = Then::Answer(Awaited { correlation_id, reply });
        let exchange = async {
            self.hand_over(Outgoing { frame, then }).await?;
            answer.await.map_err(|_| self.why_closed())
        };
        match tokio::time::timeout_at(deadline, exchange).await {
            Ok(frame) => frame,
            Err(_) => Err(self.give_up(api_key)),
        }
    }

    /// A request was not sent or got no answer in time: everything behind it would wait as well.
    fn give_up(&self, api_key: ApiKey) -> Error {
        self.close(Error::connection(&self.address, "a request took too long"));
        Error::TimedOut { context: self.context(api_key).into() }
    }

    async fn hand_over(&self, outgoing: Outgoing) -> Result<()> {
        if self.is_closed() {
            return Err(self.why_closed());
        }
        self.requests.send(outgoing).await.map_err(|_| self.why_closed())
    }

    fn encode(
        &self,
        api_key: ApiKey,
        encode: impl FnOnce(i32, Option<&str>) -> std::result::Result<Frame, EncodeError>,
    ) -> Result<(i32, Frame)> {
        let correlation_id = self.next_correlation_id.fetch_add(1, Ordering::Relaxed);
        let frame = encode(correlation_id, Some(&self.client_id)).map_err(|error| {
            Error::Invalid(format!("{}: {error}", self.context(api_key)).into())
        })?;
        Ok((correlation_id, frame))
    }

    async fn ask_versions(&self) -> Result<BTreeMap<i16, Versions>> {
        let request = message!(ApiVersionsRequest {
            client_software_name: "pelton-client".into(),
            client_software_version: env!("CARGO_PKG_VERSION").into(),
        });
        let decode = |frame, version| {
            decode_response::<<ApiVersionsRequest as RequestResponsePair>::Response>(frame, version)
                .map(|(_, message)| message)
                .map_err(|error| Error::protocol(self.context(ApiKey::API_VERSIONS), error))
        };
        let frame = self.exchange(&request, API_VERSIONS_VERSION, self.request_timeout).await?;
        // An older broker answers in the form of version 0 (KIP-511); its code comes first in both.
        let unsupported = ErrorCode::UnsupportedVersion.code().to_be_bytes();
        let answer = if frame.get(4..6) == Some(unsupported.as_slice()) {
            decode(self.exchange(&request, 0, self.request_timeout).await?, 0)?
        } else {
            decode(frame, API_VERSIONS_VERSION)?
        };
        crate::error::check(answer.error_code, None, || self.context(ApiKey::API_VERSIONS))?;
        let sound = answer.api_keys.iter().filter(|api| api.min_version <= api.max_version);
        Ok(sound
            .map(|api| (api.api_key, Versions::new(api.min_version, api.max_version)))
            .collect())
    }

    fn context(&self, api_key: ApiKey) -> String {
        format!("{api_key} to {}", self.address)
    }

    fn why_closed(&self) -> Error {
        self.closed.get().cloned().unwrap_or_else(|| Error::connection(&self.address, "closed"))
    }

    fn close(&self, error: Error) {
        let _ = self.closed.set(error);
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// A request on its way, to be awaited.
#[derive(Debug)]
pub struct Pending {
    connection: Arc<Connection>,
    api_key: ApiKey,
    version: i16,
    deadline: Instant,
    answer: oneshot::Receiver<Bytes>,
}

impl Pending {
    /// The body of the answer, in the version of the request.
    pub async fn answer(self) -> Result<Bytes> {
        let connection = self.connection;
        match tokio::time::timeout_at(self.deadline, self.answer).await {
            Ok(Ok(frame)) => ResponseHeader::decode(frame, self.api_key, self.version)
                .map(|(_, body)| body)
                .map_err(|error| Error::protocol(connection.context(self.api_key), error)),
            Ok(Err(_)) => Err(connection.why_closed()),
            Err(_) => Err(connection.give_up(self.api_key)),
        }
    }
}

fn api_key_of<R: KafkaRequest>() -> ApiKey {
    ApiKey::new(R::API_KEY.value())
}

/// A frame's pieces as they are written: none is copied.
struct Pieces(VecDeque<Bytes>);

impl Buf for Pieces {
    fn remaining(&self) -> usize {
        self.0.iter().map(Bytes::len).sum()
    }

    fn chunk(&self) -> &[u8] {
        self.0.front().map_or(&[], |piece| piece)
    }

    fn chunks_vectored<'a>(&'a self, into: &mut [io::IoSlice<'a>]) -> usize {
        let filled = into.iter_mut().zip(&self.0);
        filled.map(|(slice, piece)| *slice = io::IoSlice::new(piece)).count()
    }

    fn advance(&mut self, mut count: usize) {
        while count > 0 {
            let Some(piece) = self.0.front_mut() else { return };
            let step = count.min(piece.len());
            piece.advance(step);
            count -= step;
            if piece.is_empty() {
                self.0.pop_front();
            }
        }
    }
}

/// Ends well when nobody can send any more; then the socket is half closed.
async fn write_requests(
    mut socket: WriteHalf,
    mut outgoing: mpsc::Receiver<Outgoing>,
    awaited: mpsc::Sender<Awaited>,
) -> io::Result<()> {
    while let Some(Outgoing { frame, then }) = outgoing.recv().await {
        match then {
            Then::Answer(expected) => {
                // Registered before it is sent, so that the answer always finds it.
                if awaited.send(expected).await.is_err() {
                    return Err(io::ErrorKind::ConnectionAborted.into());
                }
                socket.write_all_buf(&mut Pieces(frame.into_pieces().into())).await?;
            }
            Then::Sent(sent) => {
                socket.write_all_buf(&mut Pieces(frame.into_pieces().into())).await?;
                // Whoever asked may have lost interest.
                let _ = sent.send(());
            }
        }
    }
    Ok(())
}

/// Reads answers until the connection is of no more use, and says why it is not.
async fn read_answers(mut socket: ReadHalf, awaited: &mut mpsc::Receiver<Awaited>) -> io::Error {
    loop {
        let frame = match read_frame(&mut socket).await {
            Ok(frame) => frame,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return io::Error::other("the broker closed the connection");
            }
            Err(error) => return error,
        };
        let Ok(Awaited { correlation_id, reply }) = awaited.try_recv() else {
            return io::Error::other("an answer to nothing");
        };
        if frame.get(..4) != Some(correlation_id.to_be_bytes().as_slice()) {
            return io::Error::other("an answer to another request than the oldest");
        }
        // Whoever asked may have lost interest.
        let _ = reply.send(frame);
    }
}

/// Reads a frame without its length. Memory follows the bytes that arrive, not the length.
async fn read_frame(socket: &mut ReadHalf) -> io::Result<Bytes> {
    let length = usize::try_from(socket.read_i32().await?).unwrap_or(usize::MAX);
    if !(4..=RESPONSE_BYTES_MAX).contains(&length) {
        return Err(io::Error::other(format!("an answer of impossible length {length}")));
    }
    let mut frame = BytesMut::with_capacity(length.min(RESPONSE_BYTES_FIRST));
    let mut rest = socket.take(length as u64);
    while frame.len() < length {
        if frame.len() == frame.capacity() {
            frame.reserve(frame.len().min(length - frame.len()));
        }
        if rest.read_buf(&mut frame).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(frame.freeze())
}

#[cfg(test)]
#[path = "connection_test.rs"]
mod connection_test;
