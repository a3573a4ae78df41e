//! Brings in what is then read.

use std::sync::Arc;

use pelton_client::Acks;

use crate::assignment::Share;
use crate::drive::{Job, Phase, Watcher, producing};
use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::topic::TopicNames;

/// Brings the plan's backlog in, as fast as it goes.
///
/// # Errors
/// That of the run, and [`Error::NotFilled`]: what is read afterwards would be another backlog than the
/// one that was asked for.
pub(crate) async fn fill(
    plan: &Arc<Plan>,
    topic: &Arc<TopicNames>,
    shares: &[Share],
    watcher: &mut dyn Watcher,
) -> Result<()> {
    let mut plan = plan.clone();
    if plan.acks == Acks::None {
        // Without answers nobody knows what is there.
        Arc::make_mut(&mut plan).acks = Acks::All;
    }
    let mut jobs = producing(shares, false, false);
    for (job, share) in jobs.iter_mut().zip(shares) {
        let batches = plan.batches_of(share.partitions.len()) as u64;
        let of_all = plan.batch.payload_bytes().max(1) * batches * shares.len() as u64;
        if let Job::Produce(job) = job {
            job.requests = Some(plan.backlog_bytes.div_ceil(of_all).max(1));
        }
    }
    let books = Phase::new(plan, topic.clone(), jobs).run(watcher).await?;
    let failures = books.produce.failures;
    match failures.is_none() {
        true => Ok(()),
        false => Err(Error::NotFilled { failures, first_error: books.produce.first_error }),
    }
}

#[cfg(test)]
#[path = "filling_test.rs"]
mod filling_test;
