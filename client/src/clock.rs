//! The one place of this crate that asks for the time of day.

use pelton_model::TimestampMs;

/// Now, as records are stamped; 0 on a machine that believes in a time before 1970.
pub(crate) fn now() -> TimestampMs {
    #[expect(clippy::disallowed_methods, reason = "a client runs outside the simulated broker")]
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    TimestampMs::new(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
