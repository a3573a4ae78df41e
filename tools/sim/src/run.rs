//! One run: a seed, from an empty disk to the verdict.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use pelton_broker::StartError;
use pelton_broker::runtime::sim::{Life, SimRuntime, Stuck};
use pelton_storage::disk::sim::{CrashChoice, Fault, FaultError, Lie, Random};

use crate::check;
use crate::client::admin::Admin;
use crate::client::consumer::Consumer;
use crate::client::consumer_member::ConsumerMember;
use crate::client::member::Member;
use crate::client::plain_producer::PlainProducer;
use crate::client::producer::Producer;
use crate::client::role::{CLASSIC_GROUP, CONSUMER_GROUP, MIXED_GROUP};
use crate::client::tireless::Tireless;
use crate::client::{World, reader};
use crate::history::History;
use crate::machine::{End, Machine, NotUp, OUTSIDE, Weather};
use crate::plan::{Disruption, Ending, Plan};
use crate::trace::Trace;

/// The clients' tasks, which end before the last reading.
const CLIENTS: Life = Life(u64::MAX);

/// Virtual time that a run may take.
const TIME_MAX: Duration = Duration::from_secs(3600);

/// How often the director looks how far the clients are.
const LOOK_INTERVAL: Duration = Duration::from_millis(2);

/// So long without enough requests, something hangs.
const STALL: Duration = Duration::from_secs(300);

/// What came of a run.
pub struct Outcome {
    pub seed: u64,
    /// Of everything that happened.
    pub hash: u64,
    pub events: u64,
    pub requests: u64,
    pub lives: u64,
    pub records_acknowledged: u64,
    pub records_seen: u64,
    /// By the members of each group.
    pub commits_acknowledged: BTreeMap<&'static str, u64>,
    pub virtual_time: Duration,
    /// None, if all invariants held.
    pub violations: Vec<String>,
    /// Of a readable run.
    pub tail: Vec<String>,
}

/// How to run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Keep the text of the last events.
    pub readable: bool,
    /// A planted bug.
    pub lie: Option<Lie>,
}

/// Runs a seed on this thread.
pub fn run(seed: u64, options: Options) -> Outcome {
    let trace = Trace::new(options.readable);
    let runtime = SimRuntime::new(seed);
    let history = Rc::new(RefCell::new(History::default()));
    let mut plan = Plan::draw(&mut Random::new(!seed));
    plan.lie = options.lie;
    let machine = Machine::new(&runtime, &trace, plan.weather);
    let world = World {
        runtime: runtime.clone(),
        machine: machine.clone(),
        trace: trace.clone(),
        history: history.clone(),
        catalogue: Rc::default(),
        quiet_until: Rc::default(),
    };
    let director = Director { world, plan };
    let ended = runtime.run(TIME_MAX, director.direct());
    if let Err(stuck) = ended {
        let what = match stuck {
            Stuck::Deadlock => "nobody can run any more",
            Stuck::Spinning => "tasks wake each other, and time stands still",
            Stuck::Late => "the run does not end",
        };
        history.borrow_mut().incident(what);
    }
    let history = history.borrow();
    Outcome {
        seed,
        hash: trace.hash(),
        events: trace.events(),
        requests: history.requests,
        lives: machine.life(),
        records_acknowledged: history
            .acknowledgements
            .iter()
            .map(|told| history.batches[told.batch].records)
            .sum(),
        records_seen: history.sightings.len() as u64,
        commits_acknowledged: commits(&history),
        virtual_time: runtime.now(),
        violations: check::violations(&history),
        tail: trace.tail(),
    }
}

fn commits(history: &History) -> BTreeMap<&'static str, u64> {
    history.groups.iter().map(|(name, group)| (*name, group.acknowledged)).collect()
}

/// Plays fate, as planned.
struct Director {
    world: World,
    plan: Plan,
}

impl Director {
    async fn direct(self) {
        self.world.machine.disk().set_lie(self.plan.lie);
        if !self.start(self.plan.shards, false).await {
            return;
        }
        self.let_clients_in();
        for (at, disruption) in self.plan.disruptions.clone() {
            if !self.reach(at).await || !self.disrupt(&disruption).await {
                return;
            }
        }
        if !self.reach(self.plan.requests).await {
            return;
        }
        self.world.runtime.end(CLIENTS);
        self.world.machine.network().set_weather(Weather::FAIR);
        if self.disrupt(&self.plan.last).await
            && reader::read_everything(&self.world).await.is_err()
        {
            self.incident("the last client lost its connection");
        }
    }

    fn let_clients_in(&self) {
        let (world, plan) = (&self.world, &self.plan);
        let runtime = &world.runtime;
        runtime.spawn(CLIENTS, Admin::new(world).run());
        for number in 0..plan.producers {
            runtime.spawn(CLIENTS, Producer::new(world, number).run());
        }
        for number in 0..plan.plain_producers {
            runtime.spawn(CLIENTS, PlainProducer::new(world, plan.producers + number).run());
        }
        for _ in 0..plan.consumers {
            runtime.spawn(CLIENTS, Consumer::new(world).run());
        }
        for number in 0..plan.members {
            let role = plan.role(CLASSIC_GROUP, number, plan.members);
            runtime.spawn(CLIENTS, Member::new(world, role).run());
        }
        for number in 0..plan.consumer_members {
            let role = plan.role(CONSUMER_GROUP, number, plan.consumer_members);
            runtime.spawn(CLIENTS, ConsumerMember::new(world, role, false).run());
        }
        // Of either kind in turn, so that a name may pass from one to the other.
        for number in 0..plan.mixed_members {
            let role = plan.role(MIXED_GROUP, number, plan.mixed_members);
            match number % 2 {
                0 => runtime.spawn(CLIENTS, Member::new(world, role).run()),
                _ => runtime.spawn(CLIENTS, ConsumerMember::new(world, role, false).run()),
            }
        }
    }

    /// Waits until so many requests have been sent.
    async fn reach(&self, requests: u64) -> bool {
        let deadline = self.world.runtime.now() + STALL;
        while self.world.history.borrow().requests < requests {
            if self.world.runtime.now() > deadline {
                self.incident("the clients get nowhere");
                return false;
            }
            self.world.runtime.sleep(LOOK_INTERVAL).await;
        }
        true
    }

    /// `false`: the broker did not come up again.
    async fn disrupt(&self, disruption: &Disruption) -> bool {
        let world = &self.world;
        world.trace.note(world.runtime.now(), "fate", &[], || format!("{disruption:?}"));
        match disruption {
            Disruption::Restart { how, down, shards, interrupted } => {
                self.finish(*how).await;
                world.runtime.sleep(*down).await;
                if let Some(after) = interrupted {
                    self.interrupt_start(*shards, *after, *how).await;
                }
                self.start(*shards, false).await
            }
            Disruption::DiskError { operation, nth, lasting, how, shards } => {
                let error = FaultError::Errno(libc::EIO);
                world.machine.disk().inject(Fault::new(*operation, error).nth(*nth));
                world.runtime.sleep(*lasting).await;
                self.finish(*how).await;
                // It may strike only now.
                if !self.start(*shards, true).await {
                    world.machine.end(End::Kill(&mut CrashChoice::keep_all()));
                    world.machine.disk().clear_faults();
                    return self.start(*shards, false).await;
                }
                world.machine.disk().clear_faults();
                true
            }
            Disruption::Lull { lasting } => {
                world.quiet_until.set(world.runtime.now() + *lasting);
                world.runtime.sleep(*lasting).await;
                true
            }
            Disruption::DiskFull { room_bytes, lasting } => {
                let disk = world.machine.disk();
                let capacity = disk.capacity_bytes();
                disk.set_capacity(disk.used_bytes() + room_bytes);
                world.runtime.sleep(*lasting).await;
                disk.set_capacity(capacity);
                true
            }
        }
    }

    async fn finish(&self, how: Ending) {
        let machine = &self.world.machine;
        match how {
            Ending::PowerCutLosingAll => machine.end(End::PowerCut(CrashChoice::lose_all())),
            Ending::PowerCutKeepingAll => machine.end(End::PowerCut(CrashChoice::keep_all())),
            Ending::PowerCut(seed) => machine.end(End::PowerCut(CrashChoice::random(seed))),
            Ending::Kill(seed) => machine.end(End::Kill(&mut CrashChoice::random(seed))),
            Ending::Stop => {
                if !machine.stop().await {
                    self.incident("the broker does not stop");
                }
            }
        }
        machine.disk().set_lie(self.plan.lie);
    }

    /// Begins a start and ends it half-way.
    async fn interrupt_start(&self, shards: usize, after: Duration, how: Ending) {
        let machine = self.world.machine.clone();
        self.world.runtime.spawn(OUTSIDE, async move {
            let _ = machine.start(shards).await;
        });
        self.world.runtime.sleep(after).await;
        let how = if how == Ending::Stop { Ending::PowerCutLosingAll } else { how };
        self.finish(how).await;
    }

    /// Begins a life. A start may be refused only by a disk that fails.
    async fn start(&self, shards: usize, disk_fails: bool) -> bool {
        match self.world.machine.start(shards).await {
            Ok(()) => true,
            Err(NotUp::Refused(StartError::Io(_))) if disk_fails => false,
            Err(NotUp::Refused(error)) => {
                self.incident(&format!("a start was refused: {error}"));
                false
            }
            Err(NotUp::Hangs) => {
                self.incident("a start hangs");
                false
            }
        }
    }

    fn incident(&self, what: &str) {
        let life = self.world.machine.life();
        self.world.history.borrow_mut().incident(format!("{what}, in life {life}"));
    }
}
