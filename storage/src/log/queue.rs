//! Logs that something is to be done with, beside what their clients do.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::rc::Rc;

use futures::future::select;
use futures::stream::{FuturesUnordered, StreamExt};

use super::Log;
use crate::event::Event;
use crate::journal::Journal;

/// First come, first served. Who adds a log sees to it that it is there once.
#[derive(Default)]
pub(crate) struct LogQueue {
    logs: RefCell<VecDeque<Log>>,
    news: Event,
}

impl LogQueue {
    pub fn add(&self, log: Log) {
        self.logs.borrow_mut().push_back(log);
        self.news.notify();
    }

    /// Does `work` with each, with `at_once` of them at a time, until the journal has ended.
    pub async fn run<F: Future>(
        &self,
        journal: &Rc<Journal>,
        at_once: usize,
        work: impl Fn(Log) -> F,
    ) {
        let mut running = FuturesUnordered::new();
        loop {
            let news = select(self.news.wait(), journal.end().wait());
            while running.len() < at_once {
                let Some(log) = self.logs.borrow_mut().pop_front() else { break };
                running.push(work(log));
            }
            if running.is_empty() && journal.has_ended() {
                return;
            }
            match running.is_empty() {
                true => drop(news.await),
                false => drop(select(running.next(), news).await),
            }
        }
    }
}
