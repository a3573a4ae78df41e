//! Consumer groups: list, delete; their committed offsets.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use pelton_kafka::message;
use pelton_kafka::versions::Versions;
use pelton_kafka::wire::offset_delete_request::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use pelton_kafka::wire::{DeleteGroupsRequest, ListGroupsRequest, OffsetDeleteRequest};

use super::{Admin, unanswered};
use crate::cluster::Lane;
use crate::consumer::TopicPartition;
use crate::error::{Result, check};
use crate::group::coordinator::Coordinator;
use crate::group::offsets::{Committed, Identity, commit, committed};

const DELETE_VERSIONS: Versions = Versions::new(0, 3);
const OFFSET_DELETE_VERSIONS: Versions = Versions::new(0, 0);

/// A group as ListGroups names it. Texts are Kafka's; empty from a broker too old to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedGroup {
    pub id: String,
    /// `consumer` for groups of consumers; empty for one that only commits.
    pub protocol_type: String,
    /// Such as `Stable` or `Empty` (KIP-518).
    pub state: String,
    /// `Classic`, `Consumer` and others (KIP-848).
    pub kind: String,
}

impl Admin {
    /// The groups of all brokers, in order of their ids.
    pub async fn list_groups(&self) -> Result<Vec<ListedGroup>> {
        self.persist(|| self.list_groups_once()).await
    }

    async fn list_groups_once(&self) -> Result<Vec<ListedGroup>> {
        let mut groups = BTreeMap::new();
        // A broker knows those that it coordinates.
        for broker in self.cluster.brokers() {
            let connection = self.cluster.connection(broker.id).await?;
            let answer = connection.call(&ListGroupsRequest::default()).await?.message;
            check(answer.error_code, None, || format!("list groups of broker {}", broker.id))?;
            for group in answer.groups {
                let listed = ListedGroup {
                    id: group.group_id.to_string(),
                    protocol_type: group.protocol_type.to_string(),
                    state: group.group_state.to_string(),
                    kind: group.group_type.to_string(),
                };
                groups.insert(listed.id.clone(), listed);
            }
        }
        Ok(groups.into_values().collect())
    }

    /// Deletes a group with all its commits; NON_EMPTY_GROUP while it has members.
    pub async fn delete_group(&self, id: &str) -> Result<()> {
        self.at_coordinator(id, async |coordinator| {
            let request = message!(DeleteGroupsRequest { groups_names: vec![id.into()] });
            let answer = coordinator
                .call(
                    Lane::Shared,
                    DELETE_VERSIONS,
                    Duration::ZERO,
                    |_| request,
                    |answer| answer.results.first().map_or(0, |result| result.error_code),
                )
                .await?;
            let context = || format!("delete group {id}");
            let found = answer.results.first().ok_or_else(|| unanswered(context()))?;
            check(found.error_code, found.error_message.as_deref(), context)
        })
        .await
    }

    /// Everything that a group has committed.
    pub async fn group_offsets(&self, id: &str) -> Result<BTreeMap<TopicPartition, Committed>> {
        committed(&self.coordinator(id), id, &Identity::default(), None).await
    }

    /// Moves a group that has no members. Fails with UNKNOWN_MEMBER_ID, told as
    /// [`Error::NotAMember`], if it has some.
    pub async fn alter_group_offsets(
        &self,
        id: &str,
        offsets: &BTreeMap<TopicPartition, Committed>,
    ) -> Result<()> {
        commit(&self.coordinator(id), id, &Identity::default(), offsets).await
    }

    /// Has a group forget what it has committed of these partitions; GROUP_SUBSCRIBED_TO_TOPIC
    /// for a topic that its members subscribe to.
    pub async fn delete_group_offsets(
        &self,
        id: &str,
        partitions: &[TopicPartition],
    ) -> Result<()> {
        let mut topics: BTreeMap<&Arc<str>, Vec<OffsetDeleteRequestPartition>> = BTreeMap::new();
        for of in partitions {
            let partition =
                message!(OffsetDeleteRequestPartition { partition_index: of.partition.get() });
            topics.entry(&of.topic).or_default().push(partition);
        }
        self.at_coordinator(id, async |coordinator| {
            let topics = topics.iter().map(|(topic, partitions)| {
                message!(OffsetDeleteRequestTopic {
                    name: (***topic).into(),
                    partitions: partitions.clone(),
                })
            });
            let request =
                message!(OffsetDeleteRequest { group_id: id.into(), topics: topics.collect() });
            let (lane, wait) = (Lane::Shared, Duration::ZERO);
            let answer = coordinator
                .call(lane, OFFSET_DELETE_VERSIONS, wait, |_| request, |answer| answer.error_code)
                .await?;
            check(answer.error_code, None, || format!("delete offsets of group {id}"))?;
            for topic in &answer.topics {
                for partition in &topic.partitions {
                    let index = partition.partition_index;
                    let context =
                        || format!("delete offset of {}/{index} in group {id}", &*topic.name);
                    check(partition.error_code, None, context)?;
                }
            }
            Ok(())
        })
        .await
    }

    fn coordinator(&self, group: &str) -> Coordinator {
        Coordinator::new(self.cluster.clone(), group.into())
    }

    /// Again while that is worth it.
    pub(super) async fn at_coordinator<T>(
        &self,
        group: &str,
        ask: impl AsyncFn(&Coordinator) -> Result<T>,
    ) -> Result<T> {
        let coordinator = self.coordinator(group);
        self.persist(async || ask(&coordinator).await).await
    }
}
