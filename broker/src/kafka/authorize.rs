//! Who may do what. Every handler asks, from the first; so far everybody may do everything.

/// Who is at the other end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    pub kind: String,
    pub name: String,
}

impl Principal {
    /// A client of a listener without authentication.
    pub fn anonymous() -> Self {
        Self { kind: "User".into(), name: "ANONYMOUS".into() }
    }
}

/// Kafka's ACL operations, as far as handlers ask for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Read,
    Write,
    Create,
    Delete,
    Alter,
    Describe,
    DescribeConfigs,
    AlterConfigs,
    IdempotentWrite,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource<'a> {
    Cluster,
    Topic(&'a str),
    Group(&'a str),
    TransactionalId(&'a str),
}

/// What Kafka answers without an authorizer when it is asked which operations are allowed.
pub const TOPIC_OPERATIONS: i32 = 3576;
pub const CLUSTER_OPERATIONS: i32 = 8096;
pub const GROUP_OPERATIONS: i32 = 3400;
/// Not asked for.
pub const OPERATIONS_OMITTED: i32 = i32::MIN;

/// Whether `principal` may do `operation` on `resource`.
pub fn authorise(principal: &Principal, operation: Operation, resource: Resource<'_>) -> bool {
    tracing::trace!(?principal, ?operation, ?resource, "authorised");
    true
}
