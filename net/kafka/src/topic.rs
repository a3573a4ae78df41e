//! How a request names a topic.

use kafka_wire_core::{ApiVersion, DecodeError, EncodeError, StrBytes, Uuid};
use pelton_model::TopicId;

use crate::read::Reader;
use crate::write::Writer;

/// By name in the older versions, by id in the newer ones (KIP-516); never both in one message.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TopicRef {
    /// A slice of the frame: holding it holds the frame. Copy what is to stay.
    Name(StrBytes),
    Id(TopicId),
}

impl TopicRef {
    pub fn name(&self) -> Option<&str> {
        match self {
            TopicRef::Name(name) => Some(name),
            TopicRef::Id(_) => None,
        }
    }

    pub fn id(&self) -> Option<TopicId> {
        match self {
            TopicRef::Name(_) => None,
            TopicRef::Id(id) => Some(*id),
        }
    }
}

/// Which of the two a version carries.
#[derive(Clone, Copy)]
pub(crate) struct TopicForm {
    pub by_id: bool,
    /// For the error when the other one was given.
    pub message: &'static str,
    pub version: i16,
}

impl TopicForm {
    pub fn read(self, reader: &mut Reader) -> Result<TopicRef, DecodeError> {
        if self.by_id {
            reader.uuid().map(|id| TopicRef::Id(topic_id_of(id)))
        } else {
            reader.string().map(TopicRef::Name)
        }
    }

    pub fn write(self, writer: &mut Writer, topic: &TopicRef) -> Result<(), EncodeError> {
        let field = match (topic, self.by_id) {
            (TopicRef::Name(name), false) => return writer.string(name),
            (TopicRef::Id(id), true) => {
                writer.uuid(uuid_of(*id));
                return Ok(());
            }
            (TopicRef::Name(_), true) => "name",
            (TopicRef::Id(_), false) => "topicId",
        };
        let (message, version) = (self.message, ApiVersion::new(self.version));
        Err(EncodeError::FieldNotRepresentable { message, field, version })
    }
}

/// A topic's id in the form that the generated messages carry.
pub fn uuid_of(topic: TopicId) -> Uuid {
    Uuid::from_bytes(*topic.as_bytes())
}

/// The topic that an id of a generated message means; the zero id becomes [`TopicId::ZERO`].
pub fn topic_id_of(uuid: Uuid) -> TopicId {
    TopicId::from_bytes(uuid.to_bytes())
}
