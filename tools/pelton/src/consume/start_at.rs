//! Where to begin, as it stands on the command line.

use pelton_client::StartAt;
use pelton_model::{Offset, TimestampMs};

pub fn parse_start_at(text: &str) -> Result<StartAt, String> {
    let number = |text: &str| match text.bytes().all(|digit| digit.is_ascii_digit()) {
        true => text.parse::<i64>().ok(),
        false => None,
    };
    let found = match text {
        "beginning" => Some(StartAt::Beginning),
        "end" => Some(StartAt::End),
        _ => {
            if let Some(time) = text.strip_prefix('@') {
                number(time).map(|time| StartAt::Timestamp(TimestampMs::new(time)))
            } else if let Some(count) = text.strip_prefix('-') {
                number(count).map(StartAt::BeforeEnd)
            } else {
                number(text).map(|offset| StartAt::Offset(Offset::new(offset)))
            }
        }
    };
    found.ok_or_else(|| "must be beginning, end, an offset, -N or @MS".into())
}

#[cfg(test)]
#[path = "start_at_test.rs"]
mod start_at_test;
