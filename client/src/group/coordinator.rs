//! The broker that keeps a group's members and offsets.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pelton_kafka::messages::RequestResponsePair;
use pelton_kafka::versions::Versions;
use pelton_kafka::wire::FindCoordinatorRequest;
use pelton_kafka::{ErrorCode, message};

use crate::cluster::{Cluster, Lane, address};
use crate::error::{Error, Result, check};

/// From 4 on several keys are asked for at once; we never have more than one.
const FIND_VERSIONS: Versions = Versions::new(0, 3);

#[derive(Debug)]
pub(crate) struct Coordinator {
    cluster: Cluster,
    group: Arc<str>,
    /// Its address, as whoever knew it told. Not the id: Metadata may be older or newer than that, and
    /// need not name it.
    known: Mutex<Option<Arc<str>>>,
}

impl Coordinator {
    pub(crate) fn new(cluster: Cluster, group: Arc<str>) -> Self {
        Self { cluster, group, known: Mutex::new(None) }
    }

    pub(crate) fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Asks the coordinator, finding out first who that is. `code` tells the answer's error; if it
    /// says that this is not the coordinator, the next call finds out anew.
    pub(crate) async fn call<R: RequestResponsePair>(
        &self,
        lane: Lane,
        versions: Versions,
        wait: Duration,
        request: impl FnOnce(i16) -> R,
        code: impl FnOnce(&R::Response) -> i16,
    ) -> Result<R::Response> {
        let answer = self.try_call(lane, versions, wait, request).await;
        let context = || format!("group {}", self.group);
        let error = match &answer {
            Ok(answer) => check(code(answer), None, context).err(),
            Err(error) => Some(error.clone()),
        };
        if error.is_some_and(|error| is_of_the_way(&error)) {
            self.forget();
        }
        answer
    }

    async fn try_call<R: RequestResponsePair>(
        &self,
        lane: Lane,
        versions: Versions,
        wait: Duration,
        request: impl FnOnce(i16) -> R,
    ) -> Result<R::Response> {
        let address = match self.get() {
            Some(address) => address,
            None => self.find().await?,
        };
        let connection = self.cluster.connection_at(&address, lane).await?;
        let api_key = pelton_kafka::ApiKey::new(R::API_KEY.value());
        let version = connection.version_within(api_key, versions)?;
        let answer = connection.call_in(versions, &request(version), wait).await?;
        Ok(answer.message)
    }

    async fn find(&self) -> Result<Arc<str>> {
        let request = message!(FindCoordinatorRequest { key: (*self.group).into() });
        let connection = self.cluster.any_connection().await?;
        let answer = connection.call_in(FIND_VERSIONS, &request, Duration::ZERO).await?.message;
        let context = || format!("coordinator of group {}", self.group);
        check(answer.error_code, answer.error_message.as_deref(), context)?;
        if answer.node_id < 0 {
            return Err(Error::protocol(context(), "has no node id"));
        }
        let address = address(&answer.host, answer.port);
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(address.clone());
        Ok(address)
    }

    fn get(&self) -> Option<Arc<str>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn forget(&self) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Whether a request has not got as far as somebody who knows the group.
pub(crate) fn is_of_the_way(error: &Error) -> bool {
    match error {
        Error::Connection { .. } | Error::TimedOut { .. } => true,
        error => matches!(
            error.code(),
            Some(
                ErrorCode::CoordinatorNotAvailable
                    | ErrorCode::NotCoordinator
                    | ErrorCode::CoordinatorLoadInProgress
            )
        ),
    }
}
