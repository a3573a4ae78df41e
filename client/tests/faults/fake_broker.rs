//! A broker of one topic on a socket of this machine, which does to Produce, Fetch and a group what a
//! test has it do. Everything else it answers as a broker does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use pelton_client::{ClientOptions, Cluster};
use pelton_kafka::fetch::{
    FetchPartitionResponse, FetchRequest, FetchResponse, FetchTopicResponse,
};
use pelton_kafka::messages::{decode_request, encode_response};
use pelton_kafka::produce::{
    ProducePartitionResponse, ProduceRequest, ProduceResponse, ProduceTopicResponse,
};
use pelton_kafka::wire::api_versions_response::ApiVersion as ServedVersion;
use pelton_kafka::wire::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use pelton_kafka::wire::metadata_request::MetadataRequestTopic;
use pelton_kafka::wire::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use pelton_kafka::wire::{
    ApiVersionsResponse, InitProducerIdResponse, ListOffsetsRequest, ListOffsetsResponse,
    MetadataRequest, MetadataResponse,
};
use pelton_kafka::{ApiKey, ErrorCode, RequestHeader, message, uuid_of};
use pelton_model::batch::BatchHeader;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::fake_group::{FakeGroup, TOPIC_ID};

pub const TOPIC: &str = "t";

/// What becomes of a Produce or Fetch.
#[derive(Clone, Debug)]
pub enum Reply {
    /// It is done and answered.
    Answer,
    /// It is done and answered after this.
    Late(Duration),
    /// Nothing is done, and an error answered.
    Error(ErrorCode),
    /// It is done, and the connection closed instead of an answer.
    DoneThenHangUp,
    /// Nothing is done, and the connection closed.
    HangUp,
    /// Nothing is done, and nothing answered: the broker sleeps.
    Silence,
    /// It is answered with these bytes, behind the correlation id.
    Garbage(&'static [u8]),
}

type Script = Box<dyn FnMut(usize) -> Reply + Send>;

pub struct FakeBroker {
    pub address: String,
    state: Arc<Mutex<State>>,
    accepting: JoinHandle<()>,
}

struct State {
    port: i32,
    script: Script,
    /// Requests that went through the script.
    scripted: usize,
    connections: usize,
    /// So many questions about topics are answered by hanging up.
    deaf_to_topics: usize,
    /// Questions about topics.
    asked_for_topics: usize,
    has_topic: bool,
    partition_count: i32,
    /// The partition of which nobody tells where it begins or ends.
    ill: Option<i32>,
    produced: Vec<Produced>,
    /// By partition: whole batches with their offsets set.
    logs: BTreeMap<i32, Vec<Bytes>>,
    next_offsets: BTreeMap<i32, i64>,
    tasks: Vec<JoinHandle<()>>,
    group: Option<FakeGroup>,
}

/// A batch as it came, whatever became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Produced {
    pub partition: i32,
    pub base_sequence: i32,
    pub epoch: i16,
    pub record_count: i32,
}

impl FakeBroker {
    /// `script` is asked about the first Produce or Fetch with 0, and so on.
    pub async fn start(script: impl FnMut(usize) -> Reply + Send + 'static) -> FakeBroker {
        Self::start_at("127.0.0.1:0", script).await
    }

    pub async fn start_at(
        address: &str,
        script: impl FnMut(usize) -> Reply + Send + 'static,
    ) -> FakeBroker {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State {
            port: i32::from(address.port()),
            script: Box::new(script),
            scripted: 0,
            connections: 0,
            deaf_to_topics: 0,
            asked_for_topics: 0,
            has_topic: true,
            partition_count: 3,
            ill: None,
            produced: Vec::new(),
            logs: BTreeMap::new(),
            next_offsets: BTreeMap::new(),
            tasks: Vec::new(),
            group: None,
        }));
        let accepting = tokio::spawn({
            let state = state.clone();
            async move {
                while let Ok((socket, _)) = listener.accept().await {
                    let task = tokio::spawn(serve(socket, state.clone()));
                    let mut state = state.lock().unwrap();
                    state.connections += 1;
                    state.tasks.push(task);
                }
            }
        });
        FakeBroker { address: address.to_string(), state, accepting }
    }

    /// One that coordinates a group too.
    pub async fn start_with_group(group: FakeGroup) -> FakeBroker {
        let broker = Self::start(|_| Reply::Answer).await;
        broker.state.lock().unwrap().group = Some(group);
        broker
    }

    /// Looks at the group, or changes it.
    pub fn group<T>(&self, look: impl FnOnce(&mut FakeGroup) -> T) -> T {
        look(self.state.lock().unwrap().group.as_mut().expect("a group"))
    }

    /// A client that does not wait long for anything.
    pub fn options(&self) -> ClientOptions {
        let mut options = ClientOptions::new(&self.address);
        options.request_timeout = Duration::from_millis(400);
        options.retry_timeout = Duration::from_secs(2);
        options.retry_backoff = Duration::from_millis(10);
        options.reconnect_backoff = Duration::from_millis(10);
        options.reconnect_backoff_max = Duration::from_millis(50);
        options
    }

    pub async fn connect(&self) -> Cluster {
        Cluster::connect(self.options()).await.unwrap()
    }

    /// Every batch that came, in order.
    pub fn produced(&self) -> Vec<Produced> {
        self.state.lock().unwrap().produced.clone()
    }

    pub fn connections(&self) -> usize {
        self.state.lock().unwrap().connections
    }

    /// Questions about topics.
    pub fn asked_for_topics(&self) -> usize {
        self.state.lock().unwrap().asked_for_topics
    }

    /// From now on the topic is not there.
    pub fn delete_topic(&self) {
        self.state.lock().unwrap().has_topic = false;
    }

    pub fn set_partition_count(&self, count: i32) {
        self.state.lock().unwrap().partition_count = count;
    }

    /// From now on nobody tells where a partition begins or ends.
    pub fn make_ill(&self, partition: i32) {
        self.state.lock().unwrap().ill = Some(partition);
    }

    /// Hangs up on so many questions about topics.
    pub fn be_deaf_to_topics(&self, times: usize) {
        self.state.lock().unwrap().deaf_to_topics = times;
    }

    /// Whether it would still hang up on one.
    pub fn is_deaf_to_topics(&self) -> bool {
        self.state.lock().unwrap().deaf_to_topics > 0
    }

    /// The numbers of the records' batches in a partition's log.
    pub fn sequences_in_log(&self, partition: i32) -> Vec<i32> {
        let state = self.state.lock().unwrap();
        let log = state.logs.get(&partition).into_iter().flatten();
        log.map(|batch| BatchHeader::read(batch).unwrap().base_sequence).collect()
    }

    /// Puts a batch into a log as it is.
    pub fn append(&self, partition: i32, batch: Vec<u8>) {
        self.state.lock().unwrap().append(partition, &batch);
    }

    /// From now on nobody is there.
    pub async fn kill(self) {
        let FakeBroker { state, accepting, .. } = self;
        accepting.abort();
        let _ = accepting.await;
        let tasks = std::mem::take(&mut state.lock().unwrap().tasks);
        for task in tasks {
            task.abort();
            let _ = task.await;
        }
    }
}

impl State {
    fn append(&mut self, partition: i32, batch: &[u8]) -> i64 {
        let header = BatchHeader::read(batch).unwrap();
        let next = self.next_offsets.entry(partition).or_default();
        let offset = *next;
        *next += i64::from(header.last_offset_delta) + 1;
        let mut batch = batch.to_vec();
        batch[..8].copy_from_slice(&offset.to_be_bytes());
        self.logs.entry(partition).or_default().push(batch.into());
        offset
    }

    /// As a broker that remembers every number.
    fn produce(&mut self, partition: i32, batch: &[u8]) -> Result<i64, ErrorCode> {
        let new = BatchHeader::read(batch).unwrap();
        let log = self.logs.entry(partition).or_default();
        let headers = log.iter().map(|batch| BatchHeader::read(batch).unwrap());
        let same_epoch = headers.filter(|old| old.producer_epoch == new.producer_epoch);
        let mut expected = 0;
        for old in same_epoch {
            if old.base_sequence == new.base_sequence && new.base_sequence >= 0 {
                return Ok(old.base_offset.get());
            }
            expected = old.base_sequence + old.record_count;
        }
        if new.base_sequence >= 0 && new.base_sequence != expected {
            return Err(ErrorCode::OutOfOrderSequenceNumber);
        }
        Ok(self.append(partition, batch))
    }
}

async fn serve(mut socket: TcpStream, state: Arc<Mutex<State>>) {
    while let Ok(length) = socket.read_u32().await {
        let mut frame = vec![0; length as usize];
        if socket.read_exact(&mut frame).await.is_err() {
            return;
        }
        let (header, body) = RequestHeader::decode(frame.into()).unwrap();
        let frame = match header.api_key {
            ApiKey::PRODUCE | ApiKey::FETCH => {
                let reply = {
                    let mut state = state.lock().unwrap();
                    let number = state.scripted;
                    state.scripted += 1;
                    (state.script)(number)
                };
                let answer = match header.api_key {
                    ApiKey::PRODUCE => produce(&header, body, &reply, &state),
                    _ => fetch(&header, body, &reply, &state),
                };
                match reply {
                    Reply::HangUp | Reply::DoneThenHangUp => return,
                    Reply::Silence => std::future::pending().await,
                    Reply::Late(delay) => tokio::time::sleep(delay).await,
                    Reply::Answer | Reply::Error(_) | Reply::Garbage(_) => {}
                }
                answer
            }
            _ => {
                let mut state = state.lock().unwrap();
                state.asked_for_topics += usize::from(header.api_key == ApiKey::METADATA);
                if header.api_key == ApiKey::METADATA && state.deaf_to_topics > 0 {
                    state.deaf_to_topics -= 1;
                    return;
                }
                let port = state.port;
                match state.group.as_mut().filter(|group| group.serves(header.api_key)) {
                    Some(group) => match group.answer(&header, body, port) {
                        Some(frame) => Some(frame),
                        None => return,
                    },
                    None => Some(manners(&header, body, &state)),
                }
            }
        };
        if let Some(frame) = frame
            && socket.write_all(&frame).await.is_err()
        {
            return;
        }
    }
}

fn is_done(reply: &Reply) -> bool {
    matches!(reply, Reply::Answer | Reply::Late(_) | Reply::DoneThenHangUp)
}

fn garbage(header: &RequestHeader, bytes: &[u8]) -> Option<Bytes> {
    let length = (4 + bytes.len()) as i32;
    Some([&length.to_be_bytes(), &header.correlation_id.to_be_bytes(), bytes].concat().into())
}

/// None without acknowledgement.
fn produce(
    header: &RequestHeader,
    body: Bytes,
    reply: &Reply,
    state: &Mutex<State>,
) -> Option<Bytes> {
    let request = ProduceRequest::decode(body, header.api_version).unwrap();
    let mut state = state.lock().unwrap();
    let mut answer_partition = |index: i32, records: &Bytes| {
        let batch = BatchHeader::read(records).unwrap();
        state.produced.push(Produced {
            partition: index,
            base_sequence: batch.base_sequence,
            epoch: batch.producer_epoch.get(),
            record_count: batch.record_count,
        });
        let result = match reply {
            Reply::Error(code) => Err(*code),
            reply if is_done(reply) => state.produce(index, records),
            _ => Ok(-1),
        };
        let mut answer = ProducePartitionResponse::error(index, ErrorCode::None);
        match result {
            Ok(offset) => answer.base_offset = offset,
            Err(code) => answer.error = code,
        }
        answer
    };
    let topics = request.topics.iter().map(|topic| ProduceTopicResponse {
        topic: topic.topic.clone(),
        partitions: topic
            .partitions
            .iter()
            .map(|partition| answer_partition(partition.index, partition.records.as_ref().unwrap()))
            .collect(),
    });
    let answer = ProduceResponse { topics: topics.collect(), ..ProduceResponse::default() };
    match reply {
        Reply::Garbage(bytes) => garbage(header, bytes),
        _ if request.acks == 0 => None,
        _ => Some(answer.encode(header.correlation_id, header.api_version).unwrap()),
    }
}

fn fetch(
    header: &RequestHeader,
    body: Bytes,
    reply: &Reply,
    state: &Mutex<State>,
) -> Option<Bytes> {
    let request = FetchRequest::decode(body, header.api_version).unwrap();
    let state = state.lock().unwrap();
    if let Reply::Garbage(bytes) = reply {
        return garbage(header, bytes);
    }
    let topics = request.topics.iter().map(|topic| FetchTopicResponse {
        topic: topic.topic.clone(),
        partitions: topic
            .partitions
            .iter()
            .map(|asked| {
                let code = match reply {
                    Reply::Error(code) => *code,
                    _ if !state.has_topic => ErrorCode::UnknownTopicOrPartition,
                    _ => ErrorCode::None,
                };
                let mut answer = FetchPartitionResponse::error(asked.index, code);
                if code.is_none() {
                    let next = state.next_offsets.get(&asked.index).copied().unwrap_or(0);
                    (answer.high_watermark, answer.log_start_offset) = (next, 0);
                    answer.last_stable_offset = next;
                    let log = state.logs.get(&asked.index).into_iter().flatten();
                    let wanted = log.filter(|batch| {
                        BatchHeader::read(batch).unwrap().next_offset().get() > asked.fetch_offset
                    });
                    answer.records = Some(wanted.cloned().collect());
                }
                answer
            })
            .collect(),
    });
    let answer = FetchResponse { topics: topics.collect(), ..FetchResponse::default() };
    Some(answer.encode(header.correlation_id, header.api_version).unwrap().into_contiguous())
}

/// What every broker answers.
fn manners(header: &RequestHeader, body: Bytes, state: &State) -> Bytes {
    let (id, version) = (header.correlation_id, header.api_version);
    let served = |api_key: ApiKey, min_version, max_version| {
        message!(ServedVersion {
            api_key: api_key.get(),
            min_version: min_version,
            max_version: max_version,
        })
    };
    match header.api_key {
        ApiKey::API_VERSIONS => {
            let mut api_keys = vec![
                served(ApiKey::PRODUCE, 3, 12),
                served(ApiKey::FETCH, 4, 12),
                served(ApiKey::LIST_OFFSETS, 1, 7),
                served(ApiKey::METADATA, 0, 12),
                served(ApiKey::API_VERSIONS, 0, 4),
                served(ApiKey::INIT_PRODUCER_ID, 0, 4),
            ];
            let of_groups = state.group.iter().flat_map(FakeGroup::served);
            api_keys.extend(of_groups.map(|(api_key, max)| served(api_key, 0, max)));
            let answer = message!(ApiVersionsResponse { api_keys: api_keys });
            encode_response(id, version, &answer).unwrap()
        }
        ApiKey::METADATA => {
            let request: MetadataRequest = decode_request(body, version).unwrap();
            let asked = request.topics.unwrap_or_default();
            let is_ours = |topic: &MetadataRequestTopic| match topic.name.as_deref() {
                _ if !state.has_topic => false,
                Some(name) => name == TOPIC,
                None => topic.topic_id == uuid_of(TOPIC_ID),
            };
            let topics = asked.iter().map(|topic| match is_ours(topic) {
                true => message!(MetadataResponseTopic {
                    name: Some(TOPIC.into()),
                    topic_id: uuid_of(TOPIC_ID),
                    partitions: (0..state.partition_count)
                        .map(|index| message!(MetadataResponsePartition {
                            partition_index: index,
                            leader_id: 1,
                        }))
                        .collect(),
                }),
                false => message!(MetadataResponseTopic {
                    name: topic.name.clone(),
                    error_code: ErrorCode::UnknownTopicOrPartition.code(),
                }),
            });
            let answer = message!(MetadataResponse {
                brokers: vec![message!(MetadataResponseBroker {
                    node_id: 1,
                    host: "127.0.0.1".into(),
                    port: state.port,
                })],
                controller_id: 1,
                topics: topics.collect(),
            });
            encode_response(id, version, &answer).unwrap()
        }
        ApiKey::INIT_PRODUCER_ID => {
            let answer = message!(InitProducerIdResponse { producer_id: 7, producer_epoch: 0 });
            encode_response(id, version, &answer).unwrap()
        }
        ApiKey::LIST_OFFSETS => {
            let request: ListOffsetsRequest = decode_request(body, version).unwrap();
            let topics = request.topics.iter().map(|topic| {
                let partitions = topic.partitions.iter().map(|asked| {
                    let end = state.next_offsets.get(&asked.partition_index).copied().unwrap_or(0);
                    let code = match state.ill == Some(asked.partition_index) {
                        true => ErrorCode::KafkaStorageError,
                        false => ErrorCode::None,
                    };
                    message!(ListOffsetsPartitionResponse {
                        partition_index: asked.partition_index,
                        error_code: code.code(),
                        offset: if asked.timestamp == -2 { 0 } else { end },
                        timestamp: -1,
                    })
                });
                message!(ListOffsetsTopicResponse {
                    name: topic.name.clone(),
                    partitions: partitions.collect(),
                })
            });
            let answer = message!(ListOffsetsResponse { topics: topics.collect() });
            encode_response(id, version, &answer).unwrap()
        }
        other => panic!("the fake broker was asked for {other}"),
    }
}
