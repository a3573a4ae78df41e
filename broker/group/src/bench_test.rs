//! The bench that the tests share: a coordinator, a clock that moves by hand, and what came out.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use pelton_model::{TimestampMs, TopicId};

use crate::*;

pub const GROUP: &str = "flights";
pub const START_MS: i64 = 1_800_000_000_000;

pub struct Bench {
    pub coordinator: Coordinator,
    pub config: GroupConfig,
    pub elapsed: Duration,
    tokens: u64,
    fresh: u64,
    /// Replies that nobody has looked at.
    pub replies: BTreeMap<Token, Reply>,
    /// Everything that was written, in order.
    pub log: Vec<Record>,
    pub cluster: TestCluster,
}

/// Topics and configs that a test sets.
#[derive(Clone, Debug)]
pub struct TestCluster {
    pub revision: u64,
    pub topics: BTreeMap<TopicName, TopicShape>,
    pub config: ConsumerGroupConfig,
    pub record_bytes_max: usize,
    /// Of other coordinators on the same core.
    pub other_members: usize,
}

impl Default for TestCluster {
    /// Without topics, and with Kafka's defaults.
    fn default() -> Self {
        Self {
            revision: 0,
            topics: BTreeMap::new(),
            config: ConsumerGroupConfig::default(),
            record_bytes_max: 1_048_000,
            other_members: 0,
        }
    }
}

impl TestCluster {
    /// Makes a topic, or lets it grow.
    pub fn set_topic(&mut self, name: &str, partition_count: i32) -> TopicId {
        self.revision += 1;
        let fresh = TopicId::from_bytes([self.revision as u8; 16]);
        let shape = self.topics.entry(name.into());
        let shape = shape.or_insert(TopicShape { id: fresh, partition_count });
        shape.partition_count = partition_count;
        shape.id
    }

    pub fn remove_topic(&mut self, name: &str) {
        self.revision += 1;
        self.topics.remove(name);
    }
}

impl Cluster for TestCluster {
    fn revision(&self) -> u64 {
        self.revision
    }

    fn topic(&self, name: &str) -> Option<TopicShape> {
        self.topics.get(name).copied()
    }

    fn each_topic(&self, visit: &mut dyn FnMut(&TopicName)) {
        self.topics.keys().for_each(visit);
    }

    fn record_bytes_max(&self) -> usize {
        self.record_bytes_max
    }

    fn consumer_group_config(&self, _: &str) -> ConsumerGroupConfig {
        self.config
    }

    fn consumer_members(&self) -> usize {
        self.other_members
    }
}

impl Bench {
    /// No initial delay, so that a lone member is through at once.
    pub fn new() -> Self {
        let config =
            GroupConfig { group_initial_rebalance_delay: Duration::ZERO, ..GroupConfig::default() };
        Self::with(config)
    }

    pub fn with(config: GroupConfig) -> Self {
        Self {
            coordinator: Coordinator::new(config),
            config,
            elapsed: Duration::ZERO,
            tokens: 0,
            fresh: 0,
            replies: BTreeMap::new(),
            log: Vec::new(),
            cluster: TestCluster::default(),
        }
    }

    pub fn now(&self) -> Now {
        let wall = TimestampMs::new(START_MS + self.elapsed.as_millis() as i64);
        Now { wall, elapsed: self.elapsed }
    }

    fn take(&mut self, effects: Effects) {
        self.log.extend(effects.records);
        for (token, reply) in effects.replies {
            assert!(self.replies.insert(token, reply).is_none(), "answered twice");
        }
    }

    pub fn send(&mut self, command: Command) -> Token {
        self.tokens += 1;
        let token = Token(self.tokens);
        let effects = self.coordinator.handle(self.now(), &self.cluster, token, command);
        self.take(effects);
        self.fire();
        token
    }

    /// Timers that are due fire, however many steps it takes.
    pub fn fire(&mut self) {
        while self.coordinator.next_deadline().is_some_and(|at| at <= self.elapsed) {
            let effects = self.coordinator.fire(self.now(), &self.cluster);
            self.take(effects);
        }
    }

    /// Lets time pass, timer by timer.
    pub fn wait(&mut self, duration: Duration) {
        let until = self.elapsed + duration;
        while let Some(at) = self.coordinator.next_deadline().filter(|at| *at <= until) {
            self.elapsed = self.elapsed.max(at);
            self.fire();
        }
        self.elapsed = until;
    }

    pub fn ask(&mut self, command: Command) -> Reply {
        let token = self.send(command);
        self.reply(token).expect("an answer at once")
    }

    pub fn reply(&mut self, token: Token) -> Option<Reply> {
        self.replies.remove(&token)
    }

    pub fn is_waiting(&self, token: Token) -> bool {
        !self.replies.contains_key(&token)
    }

    pub fn join_of(&mut self, member: &str) -> Join {
        self.fresh += 1;
        Join {
            group: GROUP.into(),
            member_id: member.into(),
            client_id: "client".into(),
            client_host: "/127.0.0.1".into(),
            session_timeout_ms: 10_000,
            rebalance_timeout_ms: 60_000,
            protocol_type: "consumer".into(),
            protocols: vec![protocol("range", &["t"])],
            fresh_uuid: format!("uuid-{}", self.fresh),
            ..Join::default()
        }
    }

    pub fn join(&mut self, member: &str) -> Token {
        let join = self.join_of(member);
        self.send(Command::Join(join))
    }

    pub fn joined(&mut self, token: Token) -> Joined {
        match self.reply(token) {
            Some(Reply::Joined(Ok(joined))) => joined,
            other => panic!("not joined: {other:?}"),
        }
    }

    pub fn join_error(&mut self, token: Token) -> GroupError {
        match self.reply(token) {
            Some(Reply::Joined(Err(refused))) => refused.error,
            other => panic!("not refused: {other:?}"),
        }
    }

    pub fn sync(&mut self, joined: &Joined, assignments: &[(&MemberId, &str)]) -> Token {
        let assignments = assignments
            .iter()
            .map(|(id, part)| ((*id).clone(), Bytes::copy_from_slice(part.as_bytes())))
            .collect();
        self.send(Command::Sync(Sync {
            group: GROUP.into(),
            generation: joined.generation,
            member_id: joined.member_id.clone(),
            assignments,
            ..Sync::default()
        }))
    }

    pub fn assignment(&mut self, token: Token) -> Result<String, GroupError> {
        match self.reply(token) {
            Some(Reply::Synced(Ok(synced))) => {
                Ok(String::from_utf8(synced.assignment.to_vec()).unwrap())
            }
            Some(Reply::Synced(Err(error))) => Err(error),
            other => panic!("not synced: {other:?}"),
        }
    }

    pub fn heartbeat(&mut self, joined: &Joined) -> Result<(), GroupError> {
        let beat = Heartbeat {
            group: GROUP.into(),
            generation: joined.generation,
            member_id: joined.member_id.clone(),
            instance_id: None,
        };
        match self.ask(Command::Heartbeat(beat)) {
            Reply::Beaten(outcome) => outcome,
            other => panic!("not a heartbeat: {other:?}"),
        }
    }

    /// A stable group of so many dynamic members; the first is the leader. Each has the assignment
    /// `part-<place>`.
    pub fn stable(&mut self, count: usize) -> Vec<Joined> {
        let first = self.join("");
        let joined = self.joined(first);
        let mut ids = vec![joined.member_id.clone()];
        let mut tokens = Vec::new();
        for _ in 1..count {
            tokens.push(self.join(""));
        }
        let joined = match count {
            1 => vec![joined],
            _ => {
                tokens.insert(0, self.join(&ids[0]));
                tokens.into_iter().map(|token| self.joined(token)).collect()
            }
        };
        ids = joined.iter().map(|joined| joined.member_id.clone()).collect();
        let parts: Vec<String> = (0..count).map(|at| format!("part-{at}")).collect();
        let assignments: Vec<(&MemberId, &str)> =
            ids.iter().zip(&parts).map(|(id, part)| (id, part.as_str())).collect();
        let mut synced: Vec<Token> =
            joined[1..].iter().map(|member| self.sync(member, &[])).collect();
        synced.insert(0, self.sync(&joined[0], &assignments));
        for (at, token) in synced.into_iter().enumerate() {
            assert_eq!(self.assignment(token), Ok(format!("part-{at}")));
        }
        joined
    }

    pub fn leave(&mut self, member: &MemberId) -> Result<(), GroupError> {
        let leave = Leave {
            group: GROUP.into(),
            members: vec![LeavingMember { member_id: member.clone(), instance_id: None }],
        };
        match self.ask(Command::Leave(leave)) {
            Reply::Left(Ok(members)) => members[0].outcome,
            Reply::Left(Err(error)) => Err(error),
            other => panic!("not a leave: {other:?}"),
        }
    }

    pub fn commit_as(
        &mut self,
        generation: i32,
        member: &str,
        topic: &str,
        offset: i64,
    ) -> Result<Vec<Result<(), GroupError>>, GroupError> {
        let mut offset = offset_of(topic, offset);
        offset.topic_id = self.cluster.topic(topic).map_or(offset.topic_id, |topic| topic.id);
        let commit = CommitOffsets {
            group: GROUP.into(),
            generation,
            member_id: member.into(),
            offsets: vec![offset],
            ..CommitOffsets::default()
        };
        match self.ask(Command::CommitOffsets(commit)) {
            Reply::Committed(outcome) => outcome,
            other => panic!("not a commit: {other:?}"),
        }
    }

    /// The committed offset of partition 0; -1: none.
    pub fn committed(&mut self, topic: &str) -> i64 {
        let topics = vec![TopicPartitions { topic: topic.into(), partitions: vec![0] }];
        let fetch =
            FetchOffsets { group: GROUP.into(), topics: Some(topics), ..FetchOffsets::default() };
        match self.ask(Command::FetchOffsets(fetch)) {
            Reply::Fetched(Ok(topics)) => topics[0].partitions[0].offset,
            other => panic!("not a fetch: {other:?}"),
        }
    }

    pub fn describe(&mut self) -> Result<Description, GroupError> {
        match self.ask(Command::Describe { group: GROUP.into() }) {
            Reply::Described(outcome) => outcome,
            other => panic!("not a description: {other:?}"),
        }
    }

    pub fn state(&mut self) -> State {
        self.describe().unwrap().state
    }

    /// What a crash leaves: a coordinator made from the log alone, by way of the bytes.
    pub fn reload(&mut self) {
        self.coordinator = replayed(self.config, &self.log);
        self.replies.clear();
        let effects = self.coordinator.begin(self.now(), &self.cluster);
        self.take(effects);
    }
}

pub fn replayed(config: GroupConfig, log: &[Record]) -> Coordinator {
    let mut coordinator = Coordinator::new(config);
    for record in log {
        coordinator.replay(&record.key(), record.value().as_deref()).expect("our own record");
    }
    coordinator
}

/// A protocol whose metadata is a consumer's subscription.
pub fn protocol(name: &str, topics: &[&str]) -> Protocol {
    let mut metadata = vec![0, 0];
    metadata.extend((topics.len() as i32).to_be_bytes());
    for topic in topics {
        metadata.extend((topic.len() as i16).to_be_bytes());
        metadata.extend(topic.as_bytes());
    }
    metadata.extend((-1i32).to_be_bytes());
    Protocol { name: name.into(), metadata: metadata.into() }
}

pub fn offset_of(topic: &str, offset: i64) -> OffsetToCommit {
    OffsetToCommit {
        topic: topic.into(),
        topic_id: TopicId::from_bytes([7; 16]),
        partition: 0,
        offset,
        leader_epoch: -1,
        metadata: None,
        topic_is_gone: false,
    }
}

pub fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}
