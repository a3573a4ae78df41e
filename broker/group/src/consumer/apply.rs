//! Records become state, in running as in replay.

use pelton_model::TimestampMs;

use super::{ConsumerGroup, FIRST_EPOCH, Member};
use crate::ids::MemberId;
use crate::record::{
    ConsumerGroupMetadata, ConsumerMemberMetadata, ConsumerRecord, CurrentAssignment,
    TargetAssignmentMetadata,
};

impl ConsumerGroup {
    pub fn apply(&mut self, record: ConsumerRecord) {
        match record {
            ConsumerRecord::Metadata(value) => {
                let none = ConsumerGroupMetadata { epoch: FIRST_EPOCH, metadata_hash: 0 };
                let ConsumerGroupMetadata { epoch, metadata_hash } = value.unwrap_or(none);
                (self.group_epoch, self.metadata_hash) = (epoch, metadata_hash);
            }
            ConsumerRecord::PartitionMetadata(value) => {
                self.has_partition_metadata = value.is_some();
            }
            ConsumerRecord::Member(id, Some(metadata)) => self.set_metadata(id, metadata),
            ConsumerRecord::Member(id, None) => self.drop_member(&id),
            ConsumerRecord::TargetMetadata(value) => {
                let none = TargetAssignmentMetadata {
                    assignment_epoch: FIRST_EPOCH,
                    assignment_timestamp: TimestampMs::new(0),
                };
                let value = value.unwrap_or(none);
                self.assignment_epoch = value.assignment_epoch;
                self.assigned_at = value.assignment_timestamp;
            }
            ConsumerRecord::Target(id, Some(target)) => {
                self.target.insert(id, target);
            }
            ConsumerRecord::Target(id, None) => {
                self.target.remove(&id);
            }
            ConsumerRecord::Current(id, Some(current)) => self.set_current(id, current),
            ConsumerRecord::Current(id, None) => {
                if self.members.contains_key(&id) {
                    self.set_current(id, CurrentAssignment::default());
                }
            }
            ConsumerRecord::Regex(regex, Some(resolved)) => {
                self.regexes.insert(regex, resolved);
            }
            ConsumerRecord::Regex(regex, None) => {
                self.regexes.remove(&regex);
            }
        }
    }

    fn set_metadata(&mut self, id: MemberId, metadata: ConsumerMemberMetadata) {
        let before = self.members.get(&id).map(|member| member.metadata.clone());
        if let Some(before) = before {
            self.uncount(&id, &before);
        }
        self.count(&id, &metadata);
        self.members.entry(id).or_default().metadata = metadata;
    }

    fn drop_member(&mut self, id: &MemberId) {
        if let Some(Member { metadata, current }) = self.members.remove(id) {
            self.uncount(id, &metadata);
            self.release(id, &current);
        }
    }

    fn set_current(&mut self, id: MemberId, current: CurrentAssignment) {
        let before = self.members.get(&id).map(|member| member.current.clone());
        if let Some(before) = before {
            self.release(&id, &before);
        }
        for (topic, partitions) in current.assigned.iter().chain(&current.pending_revocation) {
            let owners = self.owners.entry(*topic).or_default();
            owners.extend(partitions.keys().map(|partition| (*partition, id.clone())));
        }
        self.members.entry(id).or_default().current = current;
    }

    /// Only what is its own: a compacted log may tell of a later owner first.
    fn release(&mut self, id: &MemberId, current: &CurrentAssignment) {
        for (topic, partitions) in current.assigned.iter().chain(&current.pending_revocation) {
            let Some(owners) = self.owners.get_mut(topic) else { continue };
            for partition in partitions.keys() {
                if owners.get(partition) == Some(id) {
                    owners.remove(partition);
                }
            }
            if owners.is_empty() {
                self.owners.remove(topic);
            }
        }
    }

    fn count(&mut self, id: &MemberId, metadata: &ConsumerMemberMetadata) {
        for topic in &metadata.topics {
            *self.named.entry(topic.clone()).or_default() += 1;
        }
        if !metadata.regex.is_empty() {
            *self.regex_users.entry(metadata.regex.clone()).or_default() += 1;
        }
        if let Some(instance) = &metadata.instance_id {
            self.instances.insert(instance.clone(), id.clone());
        }
    }

    fn uncount(&mut self, id: &MemberId, metadata: &ConsumerMemberMetadata) {
        for topic in &metadata.topics {
            if let Some(count) = self.named.get_mut(topic) {
                *count -= 1;
                if *count == 0 {
                    self.named.remove(topic);
                }
            }
        }
        if let Some(count) = self.regex_users.get_mut(&metadata.regex) {
            *count -= 1;
            if *count == 0 {
                self.regex_users.remove(&metadata.regex);
            }
        }
        if let Some(instance) = &metadata.instance_id
            && self.instances.get(instance) == Some(id)
        {
            self.instances.remove(instance);
        }
    }
}
