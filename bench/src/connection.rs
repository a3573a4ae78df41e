//! A connection that costs little: frames are written from where their pieces lie, several a system
//! call, and read into one buffer that is used again.
//!
//! It does no more than a load needs. Nothing is tried again, answers come in the order of the
//! requests, and whoever owns it polls it: no task, channel or lock stands between.

use std::collections::{BTreeMap, VecDeque};
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use pelton_kafka::messages::{KafkaRequest, RequestResponsePair, decode_response, encode_request};
use pelton_kafka::versions::Versions;
use pelton_kafka::wire::{ApiVersionsRequest, ApiVersionsResponse};
use pelton_kafka::{ApiKey, ErrorCode, Frame, message};
use tokio::io::{AsyncReadExt, AsyncWrite};
use tokio::net::TcpStream;

use crate::error::{Error, Result};

pub(crate) const CLIENT_ID: &str = "pelton-bench";

/// To connect, and to be told the broker's versions.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// Without an answer for so long, beyond what a request itself asks the broker to wait, the broker is taken
/// to be stuck.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// Pieces of one write; a Produce has three per batch, and Linux takes 1024.
const SLICES_MAX: usize = 64;

/// Read at once while answers are small.
const READ_BYTES: usize = 64 << 10;

/// The largest answer that is read: twice what a Fetch asks for by default, for brokers that must
/// send one batch whatever its size.
const ANSWER_BYTES_MAX: usize = 128 << 20;

/// The version asked for first; a broker that does not know it answers in version 0 (KIP-511).
const API_VERSIONS_VERSION: i16 = 4;

pub(crate) struct Connection {
    address: Arc<str>,
    stream: TcpStream,
    versions: BTreeMap<i16, Versions>,
    incoming: BytesMut,
    /// In order; the first one may be written in part.
    outgoing: VecDeque<Bytes>,
}

impl Connection {
    /// Connects, and asks for the broker's versions.
    pub async fn connect(address: &Arc<str>) -> Result<Self> {
        let connecting = async {
            let stream = TcpStream::connect(&**address)
                .await
                .map_err(|error| Error::connection(address, error))?;
            stream.set_nodelay(true).map_err(|error| Error::connection(address, error))?;
            let mut connection = Self {
                address: address.clone(),
                stream,
                versions: BTreeMap::new(),
                incoming: BytesMut::new(),
                outgoing: VecDeque::new(),
            };
            connection.versions = connection.ask_versions().await?;
            Ok(connection)
        };
        match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
            Ok(result) => result,
            Err(_) => {
                let seconds = CONNECT_TIMEOUT.as_secs();
                Err(Error::connection(address, format!("no connection in {seconds} s")))
            }
        }
    }

    pub fn address(&self) -> &Arc<str> {
        &self.address
    }

    /// The highest version of a request that both sides know.
    pub fn version_of(&self, api_key: ApiKey, ours: Versions) -> Result<i16> {
        let theirs = self.versions.get(&api_key.get());
        let common = theirs.and_then(|theirs| theirs.intersect(ours));
        common.map(|versions| versions.max).ok_or_else(|| {
            Error::connection(&self.address, format!("no version of {api_key} that we know"))
        })
    }

    /// To be written by [`Connection::poll_flush`].
    pub fn queue(&mut self, frame: Frame) {
        self.outgoing.extend(frame.into_pieces());
    }

    /// Writes what is queued; ready when nothing is left.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        while !self.outgoing.is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES_MAX];
            let mut count = 0;
            for (slice, piece) in slices.iter_mut().zip(&self.outgoing) {
                *slice = IoSlice::new(piece);
                count += 1;
            }
            let stream = Pin::new(&mut self.stream);
            let written = match ready!(stream.poll_write_vectored(cx, &slices[..count])) {
                Ok(0) => Err(io::ErrorKind::WriteZero.into()),
                result => result,
            };
            let written = written.map_err(|error| Error::connection(&self.address, error))?;
            advance(&mut self.outgoing, written);
        }
        Poll::Ready(Ok(()))
    }

    /// The next answer, without its length. Dropping it, and what was sliced from it, before the
    /// next call lets the buffer be used again.
    pub fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes>> {
        loop {
            match split_frame(&mut self.incoming) {
                Ok(Some(frame)) => return Poll::Ready(Ok(frame)),
                Ok(None) => {}
                Err(reason) => return Poll::Ready(Err(Error::connection(&self.address, reason))),
            }
            let read = ready!(pin!(self.stream.read_buf(&mut self.incoming)).poll(cx));
            match read {
                Ok(0) => {
                    let reason = "the broker closed the connection";
                    return Poll::Ready(Err(Error::connection(&self.address, reason)));
                }
                Ok(_) => {}
                Err(error) => return Poll::Ready(Err(Error::connection(&self.address, error))),
            }
        }
    }

    async fn ask_versions(&mut self) -> Result<BTreeMap<i16, Versions>> {
        let frame = self.ask_versions_in(API_VERSIONS_VERSION).await?;
        let unsupported = ErrorCode::UnsupportedVersion.code().to_be_bytes();
        // Behind the correlation id the code comes first, in every version.
        let answer = if frame.get(4..6) == Some(unsupported.as_slice()) {
            let frame = self.ask_versions_in(0).await?;
            decode_response::<ApiVersionsResponse>(frame, 0)
        } else {
            decode_response::<ApiVersionsResponse>(frame, API_VERSIONS_VERSION)
        };
        let (_, answer) = answer.map_err(|error| Error::connection(&self.address, error))?;
        match ErrorCode::from_code(answer.error_code) {
            ErrorCode::None => {}
            code => return Err(Error::connection(&self.address, code)),
        }
        let sound = answer.api_keys.iter().filter(|api| api.min_version <= api.max_version);
        Ok(sound
            .map(|api| (api.api_key, Versions::new(api.min_version, api.max_version)))
            .collect())
    }

    /// Asks, and waits for the answer for [`ANSWER_TIMEOUT`]; nothing else may be under way.
    pub async fn call<R: RequestResponsePair>(
        &mut self,
        request: &R,
        versions: Versions,
    ) -> Result<R::Response> {
        self.call_within(request, versions, ANSWER_TIMEOUT).await
    }

    /// [`Connection::call`] where the broker may take its time.
    pub async fn call_within<R: RequestResponsePair>(
        &mut self,
        request: &R,
        versions: Versions,
        limit: Duration,
    ) -> Result<R::Response> {
        let version = self.version_of(ApiKey::new(R::API_KEY.value()), versions)?;
        let failed = |connection: &Self, error: &dyn std::fmt::Display| {
            Error::connection(&connection.address, error)
        };
        let frame = encode(request, version).map_err(|error| failed(self, &error))?;
        let frame = self.exchange_within(frame, limit).await?;
        let (_, answer) = decode_response(frame, version).map_err(|error| failed(self, &error))?;
        Ok(answer)
    }

    /// [`Connection::call`] with a request that is encoded already.
    pub async fn exchange(&mut self, frame: Frame) -> Result<Bytes> {
        self.exchange_within(frame, ANSWER_TIMEOUT).await
    }

    async fn exchange_within(&mut self, frame: Frame, limit: Duration) -> Result<Bytes> {
        self.queue(frame);
        let answered = async {
            poll_fn(|cx| self.poll_flush(cx)).await?;
            poll_fn(|cx| self.poll_answer(cx)).await
        };
        match tokio::time::timeout(limit, answered).await {
            Ok(answer) => answer,
            Err(_) => Err(self.no_answer_for(limit)),
        }
    }

    /// That the broker is stuck.
    pub fn no_answer_for(&self, waited: Duration) -> Error {
        let seconds = waited.as_secs();
        Error::connection(&self.address, format!("a request has had no answer for {seconds} s"))
    }

    async fn ask_versions_in(&mut self, version: i16) -> Result<Bytes> {
        let request = message!(ApiVersionsRequest {
            client_software_name: CLIENT_ID.into(),
            client_software_version: env!("CARGO_PKG_VERSION").into(),
        });
        let frame =
            encode(&request, version).map_err(|error| Error::connection(&self.address, error))?;
        self.exchange(frame).await
    }
}

fn encode<R: KafkaRequest>(
    request: &R,
    version: i16,
) -> std::result::Result<Frame, pelton_kafka::EncodeError> {
    Ok(Frame::from(encode_request(0, Some(CLIENT_ID), version, request)?))
}

/// Lets go of what was written.
fn advance(pieces: &mut VecDeque<Bytes>, mut written: usize) {
    while let Some(piece) = pieces.front_mut() {
        if written < piece.len() {
            piece.advance(written);
            return;
        }
        written -= piece.len();
        pieces.pop_front();
    }
}

/// The first frame, if it is there whole; else makes room for what is missing. Room follows what
/// has arrived: a length alone doubles it at most.
fn split_frame(incoming: &mut BytesMut) -> std::result::Result<Option<Bytes>, String> {
    let Some(prefix) = incoming.first_chunk::<4>() else {
        incoming.reserve(READ_BYTES);
        return Ok(None);
    };
    let length = i32::from_be_bytes(*prefix);
    let total = match usize::try_from(length) {
        Ok(length) if length <= ANSWER_BYTES_MAX => 4 + length,
        _ => return Err(format!("an answer of {length} bytes")),
    };
    if let Some(missing) = total.checked_sub(incoming.len()).filter(|&missing| missing > 0) {
        incoming.reserve(missing.min(incoming.len().max(READ_BYTES)));
        return Ok(None);
    }
    let mut frame = incoming.split_to(total);
    frame.advance(4);
    Ok(Some(frame.freeze()))
}

#[cfg(test)]
#[path = "connection_test.rs"]
mod connection_test;
