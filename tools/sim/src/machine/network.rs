//! What lies between a client and the broker: bytes take time, come in pieces, and do not always
//! come.

use std::cell::{Cell, RefCell};
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use pelton_broker::runtime::sim::SimRuntime;
use pelton_net::Link;
use pelton_net::link::sim::{Wire, WireOptions, pair};
use pelton_net::listener::sim::SimListener;
use pelton_storage::disk::sim::Random;

use super::OUTSIDE;
use crate::trace::Trace;

/// What a socket takes before its writer has to wait.
const BUFFER_BYTES: usize = 16 << 10;

/// How bad the network is; all are "one of so many", 0 for never.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// Connections that are lost after some bytes, in the middle of whatever was sent.
    pub cut_one_in: u64,
    /// Connections that carry no more after some bytes, without anybody being told.
    pub hole_one_in: u64,
    /// Pieces that take up to a second.
    pub slow_one_in: u64,
}

impl Weather {
    pub const FAIR: Weather = Weather { cut_one_in: 0, hole_one_in: 0, slow_one_in: 0 };
}

/// A client's end of a connection.
pub struct Line {
    pub link: Link,
    fate: Rc<Fate>,
}

impl Line {
    /// Whether the connection may have swallowed what was sent.
    pub fn is_hole(&self) -> bool {
        self.fate.is_hole.get()
    }
}

/// What becomes of one connection.
struct Fate {
    number: u64,
    /// Carried so far, in both directions.
    bytes: Cell<u64>,
    cut_at: Option<u64>,
    hole_at: Option<u64>,
    is_hole: Cell<bool>,
    wires: [Wire; 2],
}

impl Fate {
    fn cut(&self) {
        for wire in &self.wires {
            wire.cut();
        }
    }
}

/// See the module; clones are the same.
#[derive(Clone)]
pub struct Network(Rc<State>);

struct State {
    runtime: SimRuntime,
    trace: Trace,
    weather: Cell<Weather>,
    random: RefCell<Random>,
    connections: Cell<u64>,
    open: RefCell<Vec<std::rc::Weak<Fate>>>,
}

impl Network {
    pub fn new(runtime: &SimRuntime, trace: &Trace, weather: Weather) -> Self {
        Self(Rc::new(State {
            runtime: runtime.clone(),
            trace: trace.clone(),
            weather: Cell::new(weather),
            random: RefCell::new(runtime.fork_random()),
            connections: Cell::new(0),
            open: RefCell::default(),
        }))
    }

    /// For connections from now on.
    pub fn set_weather(&self, weather: Weather) {
        self.0.weather.set(weather);
    }

    /// All connections are lost, with what is under way.
    pub fn cut_all(&self) {
        for fate in self.0.open.take() {
            if let Some(fate) = fate.upgrade() {
                fate.cut();
            }
        }
    }

    pub fn connect(&self, listener: &SimListener) -> Option<Line> {
        let number = self.0.connections.get();
        self.0.connections.set(number + 1);
        let port = 10_000 + (number % 50_000) as u16;
        let options = WireOptions {
            buffer_bytes: BUFFER_BYTES,
            addresses: [(Ipv4Addr::LOCALHOST, port), (Ipv4Addr::LOCALHOST, 9092)]
                .map(SocketAddr::from),
            ..WireOptions::default()
        };
        let (client, near, near_wire) = pair(options.clone());
        let (far, far_wire) = listener.connect(options).ok()?;
        let weather = self.0.weather.get();
        let fate = Rc::new(Fate {
            number,
            bytes: Cell::new(0),
            cut_at: self.strikes(weather.cut_one_in),
            hole_at: self.strikes(weather.hole_one_in),
            is_hole: Cell::new(false),
            wires: [near_wire, far_wire],
        });
        let mut open = self.0.open.borrow_mut();
        open.retain(|fate| fate.strong_count() > 0);
        open.push(Rc::downgrade(&fate));
        for (direction, from, to) in [(0, &near, &far), (1, &far, &near)] {
            let carrying = carry(self.clone(), fate.clone(), direction, from.clone(), to.clone());
            self.0.runtime.spawn(OUTSIDE, carrying);
        }
        Some(Line { link: client, fate })
    }

    /// After how many bytes, if at all.
    fn strikes(&self, one_in: u64) -> Option<u64> {
        let mut random = self.0.random.borrow_mut();
        (one_in > 0 && random.below(one_in) == 0).then(|| random.below(40_000))
    }

    fn latency(&self) -> Duration {
        let mut random = self.0.random.borrow_mut();
        let slow_one_in = self.0.weather.get().slow_one_in;
        let most = match slow_one_in > 0 && random.below(slow_one_in) == 0 {
            true => 1_000_000,
            false => 300,
        };
        Duration::from_micros(10 + random.below(most))
    }

    /// How much comes at once.
    fn piece_bytes(&self) -> usize {
        let mut random = self.0.random.borrow_mut();
        match random.below(8) {
            0 => 1 + random.below(100) as usize,
            _ => BUFFER_BYTES,
        }
    }
}

/// One direction of a connection, until its end.
async fn carry(network: Network, fate: Rc<Fate>, direction: u64, from: Link, to: Link) {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let most = network.piece_bytes();
        let count = match from.read(&mut buffer[..most]).await {
            Ok(0) => {
                let _ = to.shutdown(std::net::Shutdown::Write);
                return;
            }
            Ok(count) => count,
            Err(_) => return fate.cut(),
        };
        let piece = Bytes::copy_from_slice(&buffer[..count]);
        let state = &network.0;
        let numbers = [fate.number, direction, count as u64, u64::from(crc32c::crc32c(&piece))];
        state.trace.note(state.runtime.now(), "net", &numbers, || {
            let way = if direction == 0 { "to" } else { "from" };
            format!("connection {} {way} the broker: {count} bytes", fate.number)
        });
        state.runtime.sleep(network.latency()).await;
        let before = fate.bytes.get();
        fate.bytes.set(before + count as u64);
        if let Some(at) = fate.cut_at.filter(|at| fate.bytes.get() > *at) {
            // What came before the cut arrives, in the middle of a frame or not; but not behind what
            // was swallowed.
            if !fate.is_hole.get() {
                let kept = at.saturating_sub(before).min(count as u64) as usize;
                let _ = to.write_all(vec![piece.slice(..kept)]).await;
            }
            state.runtime.sleep(network.latency()).await;
            return fate.cut();
        }
        if fate.hole_at.is_some_and(|at| fate.bytes.get() > at) {
            fate.is_hole.set(true);
            continue;
        }
        if to.write_all(vec![piece]).await.is_err() {
            // The other direction may still have something to say.
            return;
        }
    }
}
