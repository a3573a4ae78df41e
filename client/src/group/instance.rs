//! The name that a static member keeps from life to life.

use pelton_kafka::messages::StrBytes;

/// As a request says it, which has room for it since some version. Under its instance id a member is
/// told, instead of being unknown, that another has come under the same: so that they do not put
/// each other out for ever (KIP-345).
pub(crate) fn instance_id(name: Option<&str>, version: i16, since: i16) -> Option<StrBytes> {
    name.filter(|_| version >= since).map(Into::into)
}
