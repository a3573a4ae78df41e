//! Where a client should have gone instead (KIP-951).

use kafka_wire_core::{DecodeError, EncodeError, StrBytes};

use crate::read::Reader;
use crate::write::Writer;

/// A partition's leader, told beside NOT_LEADER_OR_FOLLOWER or FENCED_LEADER_EPOCH.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CurrentLeader {
    /// -1: there is none.
    pub leader_id: i32,
    pub leader_epoch: i32,
}

impl CurrentLeader {
    pub(crate) fn read(reader: &mut Reader) -> Result<Self, DecodeError> {
        let leader = Self { leader_id: reader.i32()?, leader_epoch: reader.i32()? };
        reader.skip_tags()?;
        Ok(leader)
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.i32(self.leader_id);
        writer.i32(self.leader_epoch);
        writer.no_tags();
    }
}

/// How to reach a broker that a [`CurrentLeader`] of the same answer names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeEndpoint {
    pub node_id: i32,
    pub host: StrBytes,
    pub port: i32,
    pub rack: Option<StrBytes>,
}

impl NodeEndpoint {
    const BYTES_MIN: usize = 4 + 1 + 4 + 1 + 1;

    pub(crate) fn read_all(reader: &mut Reader) -> Result<Vec<Self>, DecodeError> {
        reader.array_of(Self::BYTES_MIN, |reader| {
            let endpoint = Self {
                node_id: reader.i32()?,
                host: reader.string()?,
                port: reader.i32()?,
                rack: reader.nullable_string()?,
            };
            reader.skip_tags()?;
            Ok(endpoint)
        })
    }

    /// The end of an answer, whose only tagged field, 0, are the endpoints.
    pub(crate) fn write_tags(endpoints: &[Self], writer: &mut Writer) -> Result<(), EncodeError> {
        if endpoints.is_empty() {
            writer.no_tags();
            return Ok(());
        }
        writer.tag_count(1);
        writer.tag(0, |writer| {
            writer.array_length(endpoints.len())?;
            for endpoint in endpoints {
                writer.i32(endpoint.node_id);
                writer.string(&endpoint.host)?;
                writer.i32(endpoint.port);
                writer.nullable_string(endpoint.rack.as_deref())?;
                writer.no_tags();
            }
            Ok(())
        })
    }
}
