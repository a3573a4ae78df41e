//! The errors in an answer: that of the whole, and those of all that it answers one by one, as
//! Kafka counts them (`errorCounts` of its responses).

use pelton_kafka::fetch::FetchResponse;
use pelton_kafka::produce::ProduceResponse;
use pelton_kafka::wire;

/// An answer of which the errors can be counted.
pub trait ErrorCodes {
    /// Every code that it carries, 0 for success included.
    fn each_error_code(&self, visit: &mut dyn FnMut(i16));
}

impl ErrorCodes for ProduceResponse {
    fn each_error_code(&self, visit: &mut dyn FnMut(i16)) {
        let partitions = self.topics.iter().flat_map(|topic| &topic.partitions);
        partitions.for_each(|partition| visit(partition.error.code()));
    }
}

impl ErrorCodes for FetchResponse {
    fn each_error_code(&self, visit: &mut dyn FnMut(i16)) {
        visit(self.error.code());
        let partitions = self.topics.iter().flat_map(|topic| &topic.partitions);
        partitions.for_each(|partition| visit(partition.error.code()));
    }
}

/// Visits the code at the end of a path through lists.
macro_rules! visit_codes {
    ($visit:ident, $within:expr, $code:ident) => {
        $visit($within.$code)
    };
    ($visit:ident, $within:expr, $list:ident / $($rest:ident)/+) => {
        for entry in &$within.$list {
            visit_codes!($visit, entry, $($rest)/+);
        }
    };
}

/// Where the codes stand in answers of the façade.
macro_rules! error_codes {
    ($($answer:ident { $($($step:ident)/+),+ })+) => {
        $(impl ErrorCodes for wire::$answer {
            fn each_error_code(&self, visit: &mut dyn FnMut(i16)) {
                $(visit_codes!(visit, self, $($step)/+);)+
            }
        })+
    };
}

error_codes! {
    AlterConfigsResponse { responses/error_code }
    ApiVersionsResponse { error_code }
    ConsumerGroupDescribeResponse { groups/error_code }
    ConsumerGroupHeartbeatResponse { error_code }
    CreatePartitionsResponse { results/error_code }
    CreateTopicsResponse { topics/error_code }
    DeleteGroupsResponse { results/error_code }
    DeleteRecordsResponse { topics/partitions/error_code }
    DeleteTopicsResponse { responses/error_code }
    DescribeClusterResponse { error_code }
    DescribeConfigsResponse { results/error_code }
    DescribeGroupsResponse { groups/error_code }
    DescribeLogDirsResponse { error_code, results/error_code }
    DescribeProducersResponse { topics/partitions/error_code }
    DescribeTopicPartitionsResponse { topics/error_code, topics/partitions/error_code }
    FindCoordinatorResponse { error_code, coordinators/error_code }
    HeartbeatResponse { error_code }
    IncrementalAlterConfigsResponse { responses/error_code }
    InitProducerIdResponse { error_code }
    JoinGroupResponse { error_code }
    LeaveGroupResponse { error_code, members/error_code }
    ListConfigResourcesResponse { error_code }
    ListGroupsResponse { error_code }
    ListOffsetsResponse { topics/partitions/error_code }
    MetadataResponse { error_code, topics/error_code, topics/partitions/error_code }
    OffsetCommitResponse { topics/partitions/error_code }
    OffsetDeleteResponse { error_code, topics/partitions/error_code }
    OffsetFetchResponse {
        error_code, topics/partitions/error_code,
        groups/error_code, groups/topics/partitions/error_code
    }
    OffsetForLeaderEpochResponse { topics/partitions/error_code }
    SyncGroupResponse { error_code }
}
