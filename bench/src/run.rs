//! From a plan to figures: topic, filling, measuring, and cleaning up, once per repeat.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use hdrhistogram::Histogram;
use pelton_client::{Cluster, OffsetAt};
use serde::Serialize;

use crate::assignment::{Share, deal};
use crate::clock;
use crate::drive::{
    FetchJob, GreetJob, Job, Live, Phase, Position, ReadMode, Readers, Watcher, producing,
};
use crate::error::Result;
use crate::failures::Failures;
use crate::filling;
use crate::plan::{Plan, Workload};
use crate::process::{Sample, Usage};
use crate::sightings::Sightings;
use crate::tally::Tally;
use crate::topic::{self, TopicNames};

/// What is to be told to someone who watches.
#[derive(Clone, Debug)]
pub enum Progress {
    /// Another part has begun: "filling the topic".
    Part(String),
    /// How far it is. Counts are since the part began.
    Counts { elapsed: Duration, produced: (u64, u64), fetched: (u64, u64) },
    /// A repeat has ended.
    Repeat(Box<Repeat>),
}

/// What was measured.
#[derive(Debug)]
pub struct Outcome {
    pub plan: Plan,
    pub machine: Machine,
    /// Milliseconds since 1970.
    pub started_ms: u64,
    pub repeats: Vec<Repeat>,
}

impl Outcome {
    /// Of all repeats.
    pub fn failures(&self) -> Failures {
        let mut all = Failures::default();
        self.repeats.iter().for_each(|repeat| all.add(repeat.failures()));
        all
    }
}

/// One measurement.
#[derive(Clone, Debug)]
pub struct Repeat {
    /// That was produced to or fetched from; deleted since, unless it was to stay.
    pub topic: String,
    /// Milliseconds since 1970, of the measured part.
    pub started_ms: u64,
    /// The measured part's length.
    pub seconds: f64,
    pub produce: Tally,
    pub fetch: Tally,
    pub end_to_end: Tally,
    /// New connections beside the load, until they were told the broker's versions.
    pub newcomers: Tally,
    /// Batches that were acknowledged and that no consumer saw until it was given up.
    pub unseen: u64,
    /// To connect and to be told the broker's versions, nanoseconds.
    pub connect: Histogram<u64>,
    /// The load's own process.
    pub client: Usage,
    pub server: Option<Usage>,
}

impl Repeat {
    /// The side that the workload is about.
    pub fn main_tally(&self, workload: Workload) -> &Tally {
        match workload {
            Workload::Produce => &self.produce,
            Workload::Fetch | Workload::CatchUp | Workload::EndToEnd => &self.fetch,
        }
    }

    /// Whose latencies the workload is about.
    pub fn latency_tally(&self, workload: Workload) -> &Tally {
        match workload {
            Workload::EndToEnd => &self.end_to_end,
            other => self.main_tally(other),
        }
    }

    /// Of both sides.
    pub fn failures(&self) -> Failures {
        let mut all = Failures { unseen: self.unseen, ..self.produce.failures };
        all.add(self.fetch.failures);
        all
    }

    /// Bytes a second of the workload's side.
    pub fn bytes_per_second(&self, workload: Workload) -> f64 {
        self.main_tally(workload).counts.bytes as f64 / self.seconds
    }

    /// Seconds of the server's CPU for a GB of the workload's side. None without a server, and where
    /// nothing was carried, as in a run whose answers all came too late.
    pub fn server_cpu_seconds_per_gb(&self, workload: Workload) -> Option<f64> {
        let bytes = self.main_tally(workload).counts.bytes;
        let server = self.server.filter(|_| bytes > 0)?;
        Some(server.cpu_seconds / (bytes as f64 / 1e9))
    }

    pub fn records_per_second(&self, workload: Workload) -> f64 {
        self.main_tally(workload).counts.records as f64 / self.seconds
    }
}

/// Where it was measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Machine {
    pub host: String,
    pub kernel: String,
    pub cpu: String,
    pub cores: usize,
    pub memory_bytes: u64,
}

impl Machine {
    /// What /proc tells; empty where it does not.
    pub fn this() -> Self {
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        let field = |text: &str, name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned())
        };
        let memory = field(&read("/proc/meminfo"), "MemTotal").unwrap_or_default();
        let kib: u64 =
            memory.split_whitespace().next().and_then(|kib| kib.parse().ok()).unwrap_or(0);
        Self {
            host: read("/proc/sys/kernel/hostname").trim().into(),
            kernel: read("/proc/sys/kernel/osrelease").trim().into(),
            cpu: field(&read("/proc/cpuinfo"), "model name").unwrap_or_default(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_bytes: kib << 10,
        }
    }
}

/// Measures. `progress` is called from time to time, and must not block for long.
///
/// # Errors
/// The first thing that goes wrong; a topic that was created is deleted all the same.
pub async fn run(plan: Plan, progress: &mut dyn FnMut(Progress)) -> Result<Outcome> {
    plan.check()?;
    if let Some(pid) = plan.server_pid {
        Sample::of(pid)?;
    }
    crate::files::make_room_for(plan.connections_at_once())?;
    let plan = Arc::new(plan);
    let mut outcome = Outcome {
        plan: (*plan).clone(),
        machine: Machine::this(),
        started_ms: clock::wall_ms(),
        repeats: Vec::new(),
    };
    for _ in 0..plan.repeats {
        let repeat = topic::with_topic(&plan.bootstrap, &plan.topic, async |cluster, topic| {
            Bench { plan: plan.clone(), cluster, topic }.measure(progress).await
        });
        let repeat = repeat.await?;
        progress(Progress::Repeat(Box::new(repeat.clone())));
        outcome.repeats.push(repeat);
    }
    Ok(outcome)
}

/// One repeat's plan and topic.
struct Bench<'a> {
    plan: Arc<Plan>,
    cluster: &'a Cluster,
    topic: Arc<TopicNames>,
}

impl Bench<'_> {
    async fn measure(&self, progress: &mut dyn FnMut(Progress)) -> Result<Repeat> {
        let plan = &self.plan;
        let shares = deal(&self.topic.leaders, plan.connections)?;
        let readers = || deal(&self.topic.leaders, plan.consumers);
        let mut phase = Phase::new(plan.clone(), self.topic.clone(), Vec::new());
        match plan.workload {
            Workload::Produce => {
                phase.jobs = producing(&shares, true, false);
                phase.warm_up = plan.warm_up;
                phase.duration = Some(plan.duration);
            }
            Workload::Fetch => {
                self.fill(&shares, progress).await?;
                phase.jobs = fetching(&readers()?, &self.positions().await?, ReadMode::Over);
                phase.warm_up = plan.warm_up;
                phase.duration = Some(plan.duration);
            }
            Workload::CatchUp => {
                self.fill(&shares, progress).await?;
                let readers = without_sharing(&readers()?);
                phase.jobs = fetching(&readers, &self.positions().await?, ReadMode::Once);
                if plan.rate.is_some() {
                    phase.jobs.extend(producing(&shares, true, true));
                }
            }
            Workload::EndToEnd => {
                let from = crate::topic::offsets(self.cluster, &self.topic, OffsetAt::Latest);
                let follow =
                    |(&next, partition)| Position { partition, start: next, next, end: i64::MAX };
                let positions: Vec<_> = from.await?.iter().zip(0..).map(follow).collect();
                let readers = without_sharing(&readers()?);
                phase.jobs = fetching(&readers, &positions, ReadMode::Follow);
                phase.jobs.extend(producing(&shares, true, false));
                phase.warm_up = plan.warm_up;
                phase.duration = Some(plan.duration);
                phase.sightings =
                    Some(Arc::new(Sightings::new(self.topic.leaders.len(), shares.len())));
            }
        }
        phase.readers = Arc::new(Readers::new(
            phase.jobs.iter().filter(|job| matches!(job, Job::Fetch(_))).count(),
        ));
        if let (Some(per_second), Some(address)) =
            (plan.newcomers_per_second, self.topic.leaders.first())
        {
            let (address, at_once) = (address.clone(), plan.newcomers_at_once);
            phase.jobs.push(Job::Greet(GreetJob { address, per_second, at_once }));
        }
        progress(Progress::Part("measuring".into()));
        let mut meter = Meter::new(plan.server_pid, progress);
        let begin = clock::now();
        let sightings = phase.sightings.clone();
        let mut books = phase.run(&mut meter).await?;
        let unseen = sightings.as_ref().map_or(0, |sightings| sightings.unseen() as u64);
        if let Some(sightings) = sightings {
            books.unseen(&sightings, clock::now());
        }
        let last = books.produce.last.max(books.fetch.last).unwrap_or(begin);
        let window = books.fetch.window();
        let seconds = match plan.workload {
            Workload::CatchUp => {
                books.fetch.last.unwrap_or(last).saturating_duration_since(window.from)
            }
            _ => plan.duration,
        };
        Ok(Repeat {
            topic: self.topic.name.to_string(),
            started_ms: meter.started_ms,
            seconds: seconds.as_secs_f64().max(1e-9),
            client: meter.client.usage()?,
            server: meter.server.map(|server| server.usage()).transpose()?,
            produce: books.produce,
            fetch: books.fetch,
            end_to_end: books.end_to_end,
            newcomers: books.newcomers,
            unseen,
            connect: books.connect,
        })
    }

    /// An existing topic has its own backlog.
    async fn fill(&self, shares: &[Share], progress: &mut dyn FnMut(Progress)) -> Result<()> {
        if self.plan.topic.existing.is_some() {
            return Ok(());
        }
        progress(Progress::Part("filling the topic".into()));
        filling::fill(&self.plan, &self.topic, shares, &mut Meter::new(None, progress)).await
    }

    async fn positions(&self) -> Result<Vec<Position>> {
        let starts = topic::offsets(self.cluster, &self.topic, OffsetAt::Earliest).await?;
        let ends = topic::offsets(self.cluster, &self.topic, OffsetAt::Latest).await?;
        let position =
            |((&start, &end), partition)| Position { partition, start, next: start, end };
        let positions: Vec<_> = starts.iter().zip(&ends).zip(0..).map(position).collect();
        if positions.iter().all(|position| position.start >= position.end) {
            let reason = format!("{} is empty: there is nothing to fetch", self.topic.name);
            return Err(crate::Error::Invalid(reason));
        }
        Ok(positions)
    }
}

fn fetching(shares: &[Share], positions: &[Position], mode: ReadMode) -> Vec<Job> {
    let count = shares.len();
    let job = |(index, share): (usize, &Share)| {
        let of_share = |position: &&Position| share.partitions.contains(&position.partition);
        let positions = positions.iter().filter(of_share).copied().collect();
        Job::Fetch(FetchJob { share: share.clone(), positions, mode, index, count })
    };
    shares.iter().enumerate().map(job).collect()
}

/// Shares whose partitions no share before them has: each partition is read once.
fn without_sharing(shares: &[Share]) -> Vec<Share> {
    let mut taken = BTreeSet::new();
    let is_first =
        |share: &&Share| share.partitions.iter().all(|&partition| taken.insert(partition));
    shares.iter().filter(is_first).cloned().collect()
}

/// Takes a process's samples around the measured part.
struct Metered {
    pid: u32,
    before: Option<Sample>,
    after: Option<Sample>,
}

impl Metered {
    fn new(pid: u32) -> Self {
        Self { pid, before: None, after: None }
    }

    fn usage(&self) -> Result<Usage> {
        let after = match self.after {
            Some(after) => after,
            None => Sample::of(self.pid)?,
        };
        Ok(after.since(&self.before.unwrap_or(after)))
    }
}

struct Meter<'a> {
    progress: &'a mut dyn FnMut(Progress),
    client: Metered,
    server: Option<Metered>,
    started_ms: u64,
}

impl<'a> Meter<'a> {
    fn new(server_pid: Option<u32>, progress: &'a mut dyn FnMut(Progress)) -> Self {
        Self {
            progress,
            client: Metered::new(std::process::id()),
            server: server_pid.map(Metered::new),
            started_ms: 0,
        }
    }
}

impl Watcher for Meter<'_> {
    fn begins(&mut self) {
        self.started_ms = clock::wall_ms();
        for metered in [Some(&mut self.client), self.server.as_mut()].into_iter().flatten() {
            metered.before = Sample::of(metered.pid).ok();
        }
    }

    fn goes_on(&mut self, elapsed: Duration, live: &[Arc<Live>]) {
        let sum = |of: fn(&Live) -> u64| live.iter().map(|live| of(live)).sum::<u64>();
        (self.progress)(Progress::Counts {
            elapsed,
            produced: (sum(|live| live.produced.records()), sum(|live| live.produced.bytes())),
            fetched: (sum(|live| live.fetched.records()), sum(|live| live.fetched.bytes())),
        });
    }

    fn ends(&mut self) {
        for metered in [Some(&mut self.client), self.server.as_mut()].into_iter().flatten() {
            metered.after = Sample::of(metered.pid).ok();
        }
    }
}

#[cfg(test)]
#[path = "run_test.rs"]
mod run_test;
