//! What can be said of a heartbeat without knowing its group, in Kafka's order.

use regex::RegexBuilder;

use super::{LEAVE_EPOCH, LEAVE_TO_RETURN_EPOCH};
use crate::assignor::Assignor;
use crate::config::GroupConfig;
use crate::coordinator::command::ConsumerHeartbeat;
use crate::error::GroupError;
use crate::limits::{CONSUMER_ID_BYTES_MAX, REGEX_BYTES_MAX, REGEX_PROGRAM_BYTES_MAX};

/// # Errors
/// INVALID_REQUEST, UNSUPPORTED_ASSIGNOR, INVALID_REGULAR_EXPRESSION.
pub(crate) fn check_shape(
    beat: &ConsumerHeartbeat,
    config: &GroupConfig,
) -> Result<(), GroupError> {
    let refuse_if = |is_so: bool, why: &'static str| match is_so {
        true => Err(GroupError::InvalidRequest(why)),
        false => Ok(()),
    };
    let is_empty = |text: Option<&str>| text.is_some_and(str::is_empty);
    refuse_if(
        beat.member_id.is_empty() && (beat.requires_member_id || beat.member_epoch != 0),
        "the member id is empty",
    )?;
    refuse_if(beat.group.is_empty(), "the group id is empty")?;
    refuse_if(is_empty(beat.instance_id.as_deref()), "the instance id is empty")?;
    refuse_if(is_empty(beat.rack_id.as_deref()), "the rack id is empty")?;
    let longest = beat.member_id.len().max(beat.instance_id.as_deref().map_or(0, str::len));
    refuse_if(longest > CONSUMER_ID_BYTES_MAX, "the member or instance id is too long")?;
    match beat.member_epoch {
        0 => {
            refuse_if(beat.rebalance_timeout_ms == -1, "a joining member has a rebalance timeout")?;
            refuse_if(
                beat.owned.as_ref().is_none_or(|owned| !owned.is_empty()),
                "a joining member owns nothing, and says so",
            )?;
            refuse_if(
                beat.topics.is_none() && beat.regex.is_none(),
                "a joining member subscribes to topics",
            )?;
        }
        1.. | LEAVE_EPOCH => {}
        LEAVE_TO_RETURN_EPOCH => {
            refuse_if(beat.instance_id.is_none(), "only a static member can return")?;
        }
        _ => return Err(GroupError::InvalidRequest("there is no such member epoch")),
    }
    if let Some(name) = &beat.server_assignor
        && !Assignor::from_name(name).is_some_and(|it| config.consumer.assignors.offers(it))
    {
        return Err(GroupError::UnsupportedAssignor);
    }
    match beat.member_epoch {
        0 => check_regex(beat),
        // Of a member that is there, whether it is comes first.
        _ => Ok(()),
    }
}

/// # Errors
/// INVALID_REGULAR_EXPRESSION.
pub(super) fn check_regex(beat: &ConsumerHeartbeat) -> Result<(), GroupError> {
    match beat.regex.as_deref().filter(|regex| !regex.is_empty()) {
        Some(regex) => compile(regex).map(drop),
        None => Ok(()),
    }
}

/// A regular expression that a whole name has to match. Matching takes linear time, and compiling
/// bounded memory.
pub(super) fn compile(regex: &str) -> Result<regex::Regex, GroupError> {
    if regex.len() > REGEX_BYTES_MAX {
        return Err(GroupError::InvalidRegularExpression);
    }
    // By itself first: "a)(b" must not become sound by what is put around it.
    let build = |text: &str| {
        let mut builder = RegexBuilder::new(text);
        builder.size_limit(REGEX_PROGRAM_BYTES_MAX).dfa_size_limit(REGEX_PROGRAM_BYTES_MAX);
        builder.build().map_err(|_| GroupError::InvalidRegularExpression)
    };
    build(regex)?;
    build(&format!("^(?:{regex})$"))
}
