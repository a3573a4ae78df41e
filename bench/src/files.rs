//! Descriptors: a connection takes one, and its timer another.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::error::{Error, Result};

/// For files, runtimes, pipes.
const OTHERS: u64 = 64;

/// Raises the limit of open files to what so many connections need, as far as the system allows.
pub(crate) fn make_room_for(connections: usize) -> Result<()> {
    let needed = 2 * connections as u64 + OTHERS;
    let limit = getrlimit(Resource::Nofile);
    // None is infinity.
    if limit.current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    if limit.maximum.is_some_and(|maximum| maximum < needed) {
        return Err(Error::Invalid(format!(
            "{connections} connections need {needed} open files, and `ulimit -Hn` is {}",
            limit.maximum.unwrap_or(u64::MAX)
        )));
    }
    setrlimit(Resource::Nofile, Rlimit { current: Some(needed), ..limit }).map_err(|error| {
        Error::Io { context: "the limit of open files".into(), error: error.into() }
    })
}
