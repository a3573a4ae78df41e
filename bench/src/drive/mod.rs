//! Many connections on a few threads, all beginning at once.
//!
//! A thread has a current-thread runtime and its share of the connections; nothing that is counted
//! per request is shared between threads. What a phase needs is prepared (connected, encoded)
//! before the first request of any thread is sent.

mod books;
mod fetch;
mod fetch_session;
mod greet;
mod produce;
mod readers;
mod session;
mod thread;

pub(crate) use books::{Books, Live};
pub(crate) use fetch::{FetchJob, Position, ReadMode};
pub(crate) use greet::GreetJob;
pub(crate) use produce::{ProduceJob, producing};
pub(crate) use readers::Readers;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};

use crate::clock;
use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::sightings::Sightings;
use crate::tally::Window;
use crate::topic::TopicNames;

/// From when all threads are ready until they begin, so that they begin together.
const START_AFTER: Duration = Duration::from_millis(20);

/// How often someone who watches is told.
const PROGRESS_EVERY: Duration = Duration::from_millis(500);

/// What one connection does.
#[derive(Clone, Debug)]
pub(crate) enum Job {
    Produce(ProduceJob),
    Fetch(FetchJob),
    Greet(GreetJob),
}

impl Job {
    /// The broker that it connects to.
    fn address(&self) -> &Arc<str> {
        match self {
            Job::Produce(job) => &job.share.address,
            Job::Fetch(job) => &job.share.address,
            Job::Greet(job) => &job.address,
        }
    }
}

/// Jobs that run at once.
#[derive(Clone, Debug)]
pub(crate) struct Phase {
    pub plan: Arc<Plan>,
    pub topic: Arc<TopicNames>,
    pub jobs: Vec<Job>,
    pub warm_up: Duration,
    /// None: until all jobs are done.
    pub duration: Option<Duration>,
    pub sightings: Option<Arc<Sightings>>,
    /// Fetching jobs, or what counts as one.
    pub readers: Arc<Readers>,
}

/// What threads are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    Prepare,
    Begin(Instant),
    Stop,
}

/// What threads tell.
enum Report {
    Ready,
    Ended(Result<Box<Books>>),
}

/// Called when the measured part begins, while it runs, and when it ends.
pub(crate) trait Watcher {
    fn begins(&mut self);
    fn goes_on(&mut self, elapsed: Duration, live: &[Arc<Live>]);
    fn ends(&mut self);
}

impl Phase {
    /// That is over when all jobs are done, and that nobody watches.
    pub fn new(plan: Arc<Plan>, topic: Arc<TopicNames>, jobs: Vec<Job>) -> Self {
        Self {
            plan,
            topic,
            jobs,
            warm_up: Duration::ZERO,
            duration: None,
            sightings: None,
            readers: Arc::new(Readers::new(0)),
        }
    }

    fn window(&self, begin: Instant) -> Window {
        match self.duration {
            Some(duration) => Window::new(begin + self.warm_up, duration),
            None => Window::open_ended(begin + self.warm_up),
        }
    }

    /// Runs all jobs and adds up what they counted.
    ///
    /// # Errors
    /// The first job's that fails; the others are stopped.
    pub async fn run(self, watcher: &mut dyn Watcher) -> Result<Books> {
        let (signal, signals) = watch::channel(Signal::Prepare);
        let (reports, mut reported) = mpsc::unbounded_channel();
        let jobs = self.jobs_of_threads();
        let threads = jobs.len();
        let live: Vec<Arc<Live>> = (0..threads).map(|_| Arc::default()).collect();
        for ((index, live), jobs) in live.iter().enumerate().zip(jobs) {
            let part = thread::Part {
                phase: Phase { jobs, ..self.clone() },
                index,
                live: live.clone(),
                signals: signals.clone(),
            };
            let reports = reports.clone();
            thread::spawn(index, move || {
                let ready = || drop(reports.send(Report::Ready));
                let ended = part.run(ready);
                // Nobody listens any more if another thread has failed.
                drop(reports.send(Report::Ended(ended.map(Box::new))));
            })?;
        }
        drop(reports);
        let result = self.conduct(&signal, &mut reported, threads, &live, watcher).await;
        // Threads that still run end by this, and by the channel that nobody reads.
        signal.send_replace(Signal::Stop);
        result
    }

    /// New connections have a thread of their own: what they are to tell is how long the broker
    /// takes, not how busy the load is.
    fn jobs_of_threads(&self) -> Vec<Vec<Job>> {
        let (greeting, load): (Vec<_>, Vec<_>) =
            self.jobs.iter().cloned().partition(|job| matches!(job, Job::Greet(_)));
        let threads = self.plan.threads.min(load.len()).max(1);
        let of_thread = |index| load.iter().skip(index).step_by(threads).cloned().collect();
        let greeting = Some(greeting).filter(|jobs| !jobs.is_empty());
        (0..threads).map(of_thread).chain(greeting).collect()
    }

    async fn conduct(
        &self,
        signal: &watch::Sender<Signal>,
        reported: &mut mpsc::UnboundedReceiver<Report>,
        threads: usize,
        live: &[Arc<Live>],
        watcher: &mut dyn Watcher,
    ) -> Result<Books> {
        let mut tick = tokio::time::interval(PROGRESS_EVERY);
        let (mut ready, mut ended) = (0, 0);
        let mut begin = None;
        let (mut has_begun, mut has_ended) = (false, false);
        let mut sum: Option<Books> = None;
        while ended < threads {
            let from = begin.map(|begin: Instant| begin + self.warm_up);
            let to = from.zip(self.duration).map(|(from, duration)| from + duration);
            tokio::select! {
                report = reported.recv() => match report {
                    Some(Report::Ready) => {
                        ready += 1;
                        if ready == threads {
                            let at = clock::now() + START_AFTER;
                            signal.send_replace(Signal::Begin(at));
                            begin = Some(at);
                        }
                    }
                    Some(Report::Ended(books)) => {
                        let books = *books?;
                        ended += 1;
                        match &mut sum {
                            None => sum = Some(books),
                            Some(sum) => sum.add(&books),
                        }
                    }
                    None => return Err(Error::Invalid("a thread of the load is gone".into())),
                },
                () = until(from), if !has_begun => {
                    has_begun = true;
                    watcher.begins();
                }
                // What is late is still waited for, but what the broker does then is not counted.
                () = until(to), if has_begun && !has_ended => {
                    has_ended = true;
                    watcher.ends();
                }
                _ = tick.tick() => {
                    if let Some(begin) = begin {
                        watcher.goes_on(clock::now().saturating_duration_since(begin), live);
                    }
                }
            }
        }
        if has_begun && !has_ended {
            watcher.ends();
        }
        sum.ok_or_else(|| Error::Invalid("a phase without threads".into()))
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
