//! Config values are text; here it becomes what it means.
//!
//! As in Kafka, surrounding blanks do not count but stay in what is stored and described.

use std::net::IpAddr;

use super::def::{ConfigDef, Kind, Valid};

/// What a config's text means.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Boolean(bool),
    /// Of any width; the width has been checked.
    Integer(i64),
    Double(f64),
    Text(String),
    List(Vec<String>),
}

/// Why a value is refused, for the client to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidValue(pub String);

/// Refuses a value of the wrong type or outside of what the config allows.
///
/// # Errors
/// The reason, naming the config. The value of a password is not in it.
pub fn check(def: &ConfigDef, text: &str) -> Result<(), InvalidValue> {
    let shown = if def.is_sensitive() { "[hidden]" } else { text };
    let refuse = |why: String| InvalidValue(format!("'{shown}' for {}: {why}", def.name));
    let value =
        parse(def.kind, text).ok_or_else(|| refuse(format!("not a {}", kind_name(def.kind))))?;
    check_valid(def.valid, &value).map_err(refuse)
}

/// Reads a value of the given type, without regard to the range of a config.
pub fn parse(kind: Kind, text: &str) -> Option<Value> {
    let text = trim(text);
    match kind {
        Kind::Boolean => parse_boolean(text).map(Value::Boolean),
        Kind::Int => text.parse::<i32>().ok().map(|number| Value::Integer(number.into())),
        Kind::Short => text.parse::<i16>().ok().map(|number| Value::Integer(number.into())),
        Kind::Long => text.parse().ok().map(Value::Integer),
        Kind::Double => {
            text.parse().ok().filter(|number: &f64| number.is_finite()).map(Value::Double)
        }
        Kind::List => Some(Value::List(split_list(text).map(str::to_owned).collect())),
        Kind::String | Kind::Class | Kind::Password => Some(Value::Text(text.to_owned())),
    }
}

/// The members of a list value, none for an empty one.
pub fn split_list(text: &str) -> impl Iterator<Item = &str> {
    let text = trim(text);
    let count = if text.is_empty() { 0 } else { usize::MAX };
    text.split(',').map(trim).take(count)
}

/// One member of `max.connections.per.ip.overrides`: `address:count`, brackets around the address
/// allowed. Addresses of IPv4 that are written as IPv6 are given as IPv4. No host names: to look one
/// up is to wait for somebody else.
pub fn ip_count(text: &str) -> Option<(IpAddr, usize)> {
    let (address, count) = trim(text).rsplit_once(':')?;
    let address = trim(address).trim_start_matches('[').trim_end_matches(']');
    Some((address.parse::<IpAddr>().ok()?.to_canonical(), trim(count).parse().ok()?))
}

/// What Java's `String.trim` leaves.
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches(|character| character <= ' ')
}

pub(super) fn parse_boolean(text: &str) -> Option<bool> {
    let text = trim(text);
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Boolean => "boolean",
        Kind::String => "string",
        Kind::Int => "number of 32 bits",
        Kind::Short => "number of 16 bits",
        Kind::Long => "number of 64 bits",
        Kind::Double => "finite number",
        Kind::List => "list",
        Kind::Class => "class",
        Kind::Password => "password",
    }
}

fn check_valid(valid: Valid, value: &Value) -> Result<(), String> {
    let (is_valid, rule) = match (valid, value) {
        (Valid::Any, _) => return Ok(()),
        (Valid::AtLeast(least), Value::Integer(number)) => {
            (*number >= least, format!("must be at least {least}"))
        }
        (Valid::AtLeast(least), Value::Double(number)) => {
            (*number >= least as f64, format!("must be at least {least}"))
        }
        (Valid::Between(least, most), Value::Integer(number)) => {
            ((least..=most).contains(number), format!("must be from {least} to {most}"))
        }
        (Valid::Between(least, most), Value::Double(number)) => {
            let range = least as f64..=most as f64;
            (range.contains(number), format!("must be from {least} to {most}"))
        }
        (Valid::BetweenOr { least, most, or }, Value::Integer(number)) => {
            let is_valid = (least..=most).contains(number) || *number == or;
            (is_valid, format!("must be from {least} to {most}, or {or}"))
        }
        (Valid::OneOf(values), Value::Text(text)) => {
            (values.contains(&&**text), format!("must be one of {}", values.join(", ")))
        }
        (Valid::OneOfAnyCase(values), Value::Text(text)) => {
            let is_valid = values.iter().any(|value| value.eq_ignore_ascii_case(text));
            (is_valid, format!("must be one of {}", values.join(", ")))
        }
        (Valid::MembersOf(values), Value::List(members)) => {
            let is_valid = members.iter().all(|member| values.contains(&&**member));
            (is_valid, format!("may only have the members {}", values.join(", ")))
        }
        (Valid::NonEmpty, Value::Text(text)) => (!text.is_empty(), "must not be empty".into()),
        (Valid::ThrottledReplicas, Value::List(members)) => {
            (are_throttled_replicas(members), "must be partition:broker,... or *".into())
        }
        (Valid::OffsetReset, Value::Text(text)) => {
            (is_offset_reset(text), "must be latest, earliest or by_duration:PnDTnHnMn.nS".into())
        }
        (Valid::IpCounts, Value::Text(text)) => (
            split_list(text).all(|member| ip_count(member).is_some()),
            "must be address:count,...; host names are not looked up".into(),
        ),
        (
            Valid::AtLeast(_)
            | Valid::Between(..)
            | Valid::BetweenOr { .. }
            | Valid::OneOf(_)
            | Valid::OneOfAnyCase(_)
            | Valid::MembersOf(_)
            | Valid::NonEmpty
            | Valid::ThrottledReplicas
            | Valid::IpCounts
            | Valid::OffsetReset,
            _,
        ) => (false, "is of a type that this rule is not for".into()),
    };
    if is_valid { Ok(()) } else { Err(rule) }
}

fn are_throttled_replicas(members: &[String]) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_replica = |text: &str| {
        text.split_once(':')
            .is_some_and(|(partition, broker)| is_number(partition) && is_number(broker))
    };
    matches!(members, [only] if only == "*") || members.iter().all(|member| is_replica(member))
}

fn is_offset_reset(text: &str) -> bool {
    match text.strip_prefix("by_duration:") {
        Some(duration) => is_duration(duration),
        None => matches!(text, "latest" | "earliest"),
    }
}

/// `PnDTnHnMn.nS` as `java.time.Duration` reads it, not negative: at least one part, in order, and
/// at least one behind the T if there is one.
fn is_duration(text: &str) -> bool {
    let text = text.to_ascii_uppercase();
    let Some(text) = text.strip_prefix('P') else {
        return false;
    };
    let (date, time) = match text.split_once('T') {
        Some((_, "")) => return false,
        Some((date, time)) => (date, time),
        None => (text, ""),
    };
    if date.is_empty() && time.is_empty() {
        return false;
    }
    has_duration_parts(date, &['D']) && has_duration_parts(time, &['H', 'M', 'S'])
}

fn has_duration_parts(mut text: &str, units: &[char]) -> bool {
    for unit in units {
        let Some((number, rest)) = text.split_once(*unit) else {
            continue;
        };
        let (whole, fraction) = match number.split_once('.') {
            Some((whole, fraction)) if *unit == 'S' => (whole, fraction),
            Some(_) => return false,
            None => (number, ""),
        };
        let is_fraction = fraction.len() <= 9 && fraction.bytes().all(|byte| byte.is_ascii_digit());
        if whole.parse::<u32>().is_err() || !is_fraction {
            return false;
        }
        text = rest;
    }
    text.is_empty()
}

#[cfg(test)]
#[path = "value_test.rs"]
mod value_test;
