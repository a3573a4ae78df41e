//! A thread of the load: its runtime, its connections, its books.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::stream::{FuturesUnordered, StreamExt};
use pelton_model::TimestampMs;
use tokio::sync::watch;
use tokio::task::{JoinSet, LocalSet};

use super::books::{Books, Live};
use super::fetch::{FetchJob, Fetcher, ReadMode};
use super::produce::{ProduceJob, Producer};
use super::session::Session;
use super::{Job, Phase, Signal, greet};
use crate::batches::BatchPool;
use crate::clock;
use crate::connection::Connection;
use crate::error::{Error, Result};
use crate::schedule::{Schedule, Until};
use crate::tally::Window;

/// What is unanswered so long after the end of a phase is given up.
const DRAIN: Duration = Duration::from_secs(30);

/// Connections that are made at once; a listener's backlog is at least 128.
const CONNECTING_MAX: usize = 64;

/// One thread's part of a phase.
pub(super) struct Part {
    /// With this thread's jobs only.
    pub phase: Phase,
    pub index: usize,
    pub live: Arc<Live>,
    pub signals: watch::Receiver<Signal>,
}

pub(super) fn spawn(index: usize, run: impl FnOnce() + Send + 'static) -> Result<()> {
    std::thread::Builder::new()
        .name(format!("bench-{index}"))
        .spawn(run)
        .map(drop)
        .map_err(Error::io("a thread of the load"))
}

impl Part {
    /// Prepares, calls `ready`, waits for the signal to begin, and runs all jobs to their ends.
    pub fn run(self, ready: impl FnOnce()) -> Result<Books> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Error::io("a runtime of the load"))?;
        let mut signals = self.signals.clone();
        LocalSet::new().block_on(&runtime, async move {
            tokio::select! {
                result = self.drive(ready) => result,
                () = stopped(&mut signals) => Err(Error::Interrupted),
            }
        })
    }

    async fn drive(self, ready: impl FnOnce()) -> Result<Books> {
        let connections = connect(&self.phase.jobs).await?;
        let has_producers = self.phase.jobs.iter().any(|job| matches!(job, Job::Produce(_)));
        let pool = has_producers.then(|| {
            let plan = &self.phase.plan;
            let now = TimestampMs::new(i64::try_from(clock::wall_ms()).unwrap_or(i64::MAX));
            BatchPool::encode(&plan.batch, plan.pool_bytes, now, self.index as u64)
        });
        ready();
        let begin = begun(&mut self.signals.clone()).await?;

        let window = self.phase.window(begin);
        let books = Rc::new(RefCell::new(Books::new(window, self.live.clone())));
        let pool = pool.map(|pool| Rc::new(RefCell::new(pool)));
        let mut running = JoinSet::new();
        for (job, (connection, took)) in self.phase.jobs.iter().zip(connections) {
            let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
            books.borrow_mut().connect.saturating_record(nanos);
            match (job, &pool) {
                (Job::Produce(job), Some(pool)) => {
                    let session = self.producing(connection, job, pool, &books, begin, window)?;
                    let sightings = self.phase.sightings.clone();
                    running.spawn_local(async move {
                        let result = session.run().await;
                        sightings.inspect(|sightings| sightings.producer_ended());
                        result
                    });
                }
                (Job::Produce(_), None) => {}
                (Job::Greet(job), _) => {
                    let until = Until::Time(window.end());
                    let schedule = job.schedule(begin, until);
                    // Where nobody said how long, it is over when all is read.
                    let end = match self.phase.duration {
                        Some(_) => std::future::pending().boxed(),
                        None => self.phase.readers.clone().ended().boxed(),
                    };
                    running.spawn_local(greet::run(job.clone(), schedule, books.clone(), end));
                }
                (Job::Fetch(job), _) => {
                    let session = self.fetching(connection, job, &books, begin, window)?;
                    let readers = self.phase.readers.clone();
                    running.spawn_local(async move {
                        let result = session.run().await;
                        readers.one_ended();
                        result
                    });
                }
            }
        }
        while let Some(ended) = running.join_next().await {
            ended.map_err(|error| Error::Invalid(format!("a task of the load: {error}")))??;
        }
        drop(running);
        // All tasks are gone, and with them all other handles.
        Rc::try_unwrap(books)
            .map(RefCell::into_inner)
            .map_err(|_| Error::Invalid("a task of the load is still there".into()))
    }

    fn producing(
        &self,
        connection: Connection,
        job: &ProduceJob,
        pool: &Rc<RefCell<BatchPool>>,
        books: &Rc<RefCell<Books>>,
        begin: Instant,
        window: Window,
    ) -> Result<Session<Producer>> {
        let Phase { plan, topic, sightings, .. } = &self.phase;
        let load = Producer::new(
            &connection,
            plan,
            topic,
            &job.share,
            pool.clone(),
            books.clone(),
            sightings.clone(),
            job.until_read.then(|| self.phase.readers.clone()),
        )?;
        let until = match job.requests {
            Some(requests) => Until::Requests(requests),
            None => Until::Time(window.end()),
        };
        let schedule = match plan.requests_per_second(job.share.partitions.len()) {
            Some(rate) if job.is_paced => {
                Schedule::at_rate(rate, job.index, job.count, begin, until)
            }
            _ => Schedule::as_fast_as_answered(until),
        };
        Session::new(connection, load, schedule, plan.in_flight, window.end(), DRAIN)
    }

    fn fetching(
        &self,
        connection: Connection,
        job: &FetchJob,
        books: &Rc<RefCell<Books>>,
        begin: Instant,
        window: Window,
    ) -> Result<Session<Fetcher>> {
        let Phase { plan, topic, sightings, .. } = &self.phase;
        let load = Fetcher::new(&connection, plan, topic, job, books.clone(), sightings.clone())?;
        // A follower asks until all is seen, not until the window ends.
        let until = match job.mode {
            ReadMode::Follow => Until::Time(window.end() + DRAIN),
            ReadMode::Over | ReadMode::Once => Until::Time(window.end()),
        };
        let schedule = match plan.fetches_per_second(load.lane_partitions()) {
            Some(rate) if job.mode == ReadMode::Over => {
                Schedule::at_rate(rate, job.index, job.count, begin, until)
            }
            _ => Schedule::as_fast_as_answered(until),
        };
        Session::new(connection, load, schedule, plan.in_flight, window.end(), DRAIN)
    }
}

/// One connection a job, in order, each with the time that it took.
async fn connect(jobs: &[Job]) -> Result<Vec<(Connection, Duration)>> {
    let mut waiting = jobs.iter().enumerate();
    let mut connecting = FuturesUnordered::new();
    let mut connected = Vec::with_capacity(jobs.len());
    loop {
        while connecting.len() < CONNECTING_MAX
            && let Some((at, job)) = waiting.next()
        {
            let address = job.address();
            connecting.push(async move {
                let begin = clock::now();
                let connection = Connection::connect(address).await?;
                Ok::<_, Error>((at, connection, clock::now() - begin))
            });
        }
        match connecting.next().await {
            Some(result) => connected.push(result?),
            None => break,
        }
    }
    connected.sort_by_key(|(at, ..)| *at);
    Ok(connected.into_iter().map(|(_, connection, took)| (connection, took)).collect())
}

async fn begun(signals: &mut watch::Receiver<Signal>) -> Result<Instant> {
    let signal = signals.wait_for(|signal| matches!(signal, Signal::Begin(_))).await;
    match signal.map(|signal| *signal) {
        Ok(Signal::Begin(at)) => {
            tokio::time::sleep_until(at.into()).await;
            Ok(at)
        }
        _ => Err(Error::Interrupted),
    }
}

/// Returns when the thread is to stop.
async fn stopped(signals: &mut watch::Receiver<Signal>) {
    // Whoever conducts being gone says the same.
    drop(signals.wait_for(|signal| *signal == Signal::Stop).await);
}
