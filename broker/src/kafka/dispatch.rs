//! From a frame to its handler, and from the handler's answer to bytes.

use std::future::Future;
use std::rc::Rc;

use bytes::Bytes;
use futures::future::FutureExt;
use pelton_kafka::messages::{KafkaRequest, KafkaResponse, decode_request, encode_response};
use pelton_kafka::{ApiKey, RequestHeader, fetch, produce, versions};
use pelton_net::{Answer, Charge, Frame, Mark, Reply, Step};

use super::context::{Call, Session};
use super::error_codes::ErrorCodes;
use super::handler;
use crate::metrics::Phase;

/// What all versions that are not served are counted as.
const UNSERVED: i16 = -1;

/// Begins with one request. What must happen in the order of arrival happens before this is done.
pub async fn start(session: Rc<Session>, frame: Frame) -> Step {
    let Frame { bytes, charge } = frame;
    let (header, body) = match RequestHeader::decode(bytes) {
        Ok(decoded) => decoded,
        Err(error) => return refuse(&session, None, &error.to_string()),
    };
    let (api_key, version) = (header.api_key, header.api_version);
    if api_key != ApiKey::API_VERSIONS && !versions::is_served(api_key, version) {
        return refuse(&session, Some(&header), "this version of this API is not served");
    }
    let shard = session.shard.clone();
    // One key for all versions that there are not, so that no client can make the map grow.
    let counted = if versions::is_served(api_key, version) { version } else { UNSERVED };
    shard.metrics.count(|figures| {
        *figures.requests.entry((api_key.get(), counted)).or_default() += 1;
    });
    let began = shard.env.elapsed();
    shard.metrics.phase(api_key, Phase::Queue, began - session.arrived.get());
    let call = Call { session: session.clone(), header: Rc::new(header) };
    let step = route(call, body, charge).await;
    match step {
        Step::Answer(answer) => Step::Answer(
            async move {
                let answer = answer.await;
                let ready = shard.env.elapsed();
                let took = ready - began;
                let waited = api_key == ApiKey::FETCH && session.fetch_parked.take();
                shard.metrics.count(|figures| {
                    figures.durations.entry((api_key.get(), waited)).or_default().record_time(took);
                });
                match answer {
                    Answer::Reply(reply) => {
                        Answer::Reply(reply.marked(Mark { kind: api_key.get(), ready }))
                    }
                    other => other,
                }
            }
            .boxed_local(),
        ),
        Step::Close => Step::Close,
    }
}

/// The one table from API keys to handlers.
async fn route(call: Call, body: Bytes, charge: Charge) -> Step {
    match call.header.api_key {
        ApiKey::PRODUCE => match produce::ProduceRequest::decode(body, call.version()) {
            Ok(request) => handler::produce::start(call, request, charge).await,
            Err(error) => refuse(&call.session, Some(&call.header), &error.to_string()),
        },
        ApiKey::FETCH => match fetch::FetchRequest::decode(body, call.version()) {
            Ok(request) => {
                let answer = handler::fetch::handle(call, request);
                Step::Answer(answer.map(move |answer| holding(answer, charge)).boxed_local())
            }
            Err(error) => refuse(&call.session, Some(&call.header), &error.to_string()),
        },
        ApiKey::API_VERSIONS => handler::api_versions::start(call, body),
        ApiKey::FIND_COORDINATOR => cold(call, body, charge, handler::find_coordinator::handle),
        ApiKey::JOIN_GROUP => cold(call, body, charge, handler::join_group::handle),
        ApiKey::SYNC_GROUP => cold(call, body, charge, handler::sync_group::handle),
        ApiKey::HEARTBEAT => cold(call, body, charge, handler::heartbeat::handle),
        ApiKey::LEAVE_GROUP => cold(call, body, charge, handler::leave_group::handle),
        ApiKey::OFFSET_COMMIT => cold(call, body, charge, handler::offset_commit::handle),
        ApiKey::OFFSET_FETCH => cold(call, body, charge, handler::offset_fetch::handle),
        ApiKey::OFFSET_DELETE => cold(call, body, charge, handler::offset_delete::handle),
        ApiKey::DESCRIBE_GROUPS => cold(call, body, charge, handler::describe_groups::handle),
        ApiKey::LIST_GROUPS => cold(call, body, charge, handler::list_groups::handle),
        ApiKey::DELETE_GROUPS => cold(call, body, charge, handler::delete_groups::handle),
        ApiKey::CONSUMER_GROUP_HEARTBEAT => {
            cold(call, body, charge, handler::consumer_group_heartbeat::handle)
        }
        ApiKey::CONSUMER_GROUP_DESCRIBE => {
            cold(call, body, charge, handler::consumer_group_describe::handle)
        }
        ApiKey::METADATA => cold(call, body, charge, handler::metadata::handle),
        ApiKey::CREATE_TOPICS => cold(call, body, charge, handler::create_topics::handle),
        ApiKey::LIST_OFFSETS => cold(call, body, charge, handler::list_offsets::handle),
        ApiKey::INIT_PRODUCER_ID => cold(call, body, charge, handler::init_producer_id::handle),
        ApiKey::DELETE_TOPICS => cold(call, body, charge, handler::delete_topics::handle),
        ApiKey::CREATE_PARTITIONS => cold(call, body, charge, handler::create_partitions::handle),
        ApiKey::DESCRIBE_CONFIGS => cold(call, body, charge, handler::describe_configs::handle),
        ApiKey::ALTER_CONFIGS => cold(call, body, charge, handler::alter_configs::handle),
        ApiKey::INCREMENTAL_ALTER_CONFIGS => {
            cold(call, body, charge, handler::incremental_alter_configs::handle)
        }
        ApiKey::LIST_CONFIG_RESOURCES => {
            cold(call, body, charge, handler::list_config_resources::handle)
        }
        ApiKey::DELETE_RECORDS => cold(call, body, charge, handler::delete_records::handle),
        ApiKey::OFFSET_FOR_LEADER_EPOCH => {
            cold(call, body, charge, handler::offset_for_leader_epoch::handle)
        }
        ApiKey::DESCRIBE_CLUSTER => cold(call, body, charge, handler::describe_cluster::handle),
        ApiKey::DESCRIBE_TOPIC_PARTITIONS => {
            cold(call, body, charge, handler::describe_topic_partitions::handle)
        }
        ApiKey::DESCRIBE_LOG_DIRS => cold(call, body, charge, handler::describe_log_dirs::handle),
        ApiKey::DESCRIBE_PRODUCERS => cold(call, body, charge, handler::describe_producers::handle),
        _ => refuse(&call.session, Some(&call.header), "this API is not served"),
    }
}

/// A request that is decoded by the façade, answered whole, and costs what its frame costs.
fn cold<Q, A, F>(call: Call, body: Bytes, charge: Charge, handle: fn(Call, Q) -> F) -> Step
where
    Q: KafkaRequest + 'static,
    A: KafkaResponse + ErrorCodes + 'static,
    F: Future<Output = A> + 'static,
{
    let request = match decode_request::<Q>(body, call.version()) {
        Ok(request) => request,
        Err(error) => return refuse(&call.session, Some(&call.header), &error.to_string()),
    };
    Step::Answer(
        async move {
            let answer = handle(call.clone(), request).await;
            call.count_errors(&answer);
            holding(encoded(&call.header, call.version(), &answer), charge)
        }
        .boxed_local(),
    )
}

/// The answer's bytes. One that cannot be encoded is a bug of a handler: it is logged, and the
/// connection closes.
pub fn encoded<A: KafkaResponse>(header: &RequestHeader, version: i16, answer: &A) -> Answer {
    match encode_response(header.correlation_id, version, answer) {
        Ok(bytes) => vec![bytes].into(),
        Err(error) => {
            tracing::error!(api = header.api_key.name(), version, %error, "no answer can be made");
            Answer::Close
        }
    }
}

/// Keeps the request's charge until the answer has been sent.
pub fn holding(answer: Answer, charge: Charge) -> Answer {
    match answer {
        Answer::Reply(reply) => Answer::Reply(Reply::holding(reply, charge)),
        Answer::Nothing => Answer::Nothing,
        Answer::Close => Answer::Close,
    }
}

/// Says why, once, and closes; earlier requests are still answered.
pub fn refuse(session: &Session, header: Option<&RequestHeader>, why: &str) -> Step {
    match header {
        Some(header) => tracing::info!(peer = %session.peer, api = header.api_key.get(),
            version = header.api_version, why, "request refused"),
        None => tracing::info!(peer = %session.peer, why, "request refused"),
    }
    Step::Close
}
