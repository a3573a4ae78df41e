use super::*;

const INTERVAL: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(100);

struct Bench {
    member: Reconciliation,
    now: Instant,
}

impl Bench {
    /// A member that has subscribed to t and is not in the group yet.
    fn new() -> Self {
        let mut member = Reconciliation::new(Rules {
            group: "g".into(),
            member_id: "me".into(),
            heartbeat_interval: Duration::from_secs(3),
            backoff: Backoff { first: PAUSE, max: Duration::from_secs(1) },
        });
        member.subscribe(topics("t"));
        Self { member, now: Instant::now() }
    }

    /// One that has joined at epoch 1, and has these partitions of t.
    fn owning(partitions: &[i32]) -> Self {
        let mut bench = Self::new();
        bench.prepare();
        bench.beat();
        bench.told(1, Some(partitions));
        bench.learn_name();
        assert_eq!(bench.adopt(), partitions);
        let acknowledgement = bench.beat();
        assert_eq!(acknowledgement.owned, Some(ids(partitions)));
        bench.told(1, None);
        bench
    }

    fn step(&mut self) -> Step {
        self.member.poll(self.now)
    }

    /// What is revoked, and what is lost.
    fn prepare(&mut self) -> (Vec<i32>, Vec<i32>) {
        let Step::Prepare { revoked, lost } = self.step() else { panic!("{:?}", self.step()) };
        self.member.prepared(&revoked.union(&lost).cloned().collect());
        (indexes(&revoked), indexes(&lost))
    }

    fn adopt(&mut self) -> Vec<i32> {
        let Step::Adopt { added, .. } = self.step() else { panic!("{:?}", self.step()) };
        indexes(&self.member.adopted(&added))
    }

    fn learn_name(&mut self) {
        assert_eq!(self.step(), Step::Name { topics: [T].into() });
        self.member.learn_names([(T, "t".into())].into(), self.now, 0.5);
    }

    /// A heartbeat that is due goes out.
    fn beat(&mut self) -> Beat {
        assert_eq!(self.step(), Step::Heartbeat);
        self.member.beat().unwrap()
    }

    fn told(&mut self, epoch: i32, target: Option<&[i32]>) {
        let target = target.map(ids);
        let beaten = Beaten { epoch, heartbeat_interval: INTERVAL, target };
        self.member.heard(Ok(beaten), self.now, 0.5).unwrap();
    }

    fn refused(&mut self, code: ErrorCode) -> Result<()> {
        self.member.heard(Err(Error::broker("heartbeat", code)), self.now, 0.5)
    }

    fn lost_answer(&mut self) {
        let lost = Error::TimedOut { context: "heartbeat".into() };
        self.member.heard(Err(lost), self.now, 0.5).unwrap();
    }

    /// Nothing is to be done until the next heartbeat in turn.
    fn rests(&mut self) {
        assert_eq!(self.step(), Step::Wait(Some(self.now + INTERVAL)));
    }
}

const T: TopicId = TopicId::from_bytes([7; 16]);

fn topics(name: &str) -> Subscription {
    Subscription::Topics([Arc::from(name)].into())
}

fn ids(partitions: &[i32]) -> BTreeSet<PartitionId> {
    let index = |&index| pelton_model::PartitionIndex::new(index);
    partitions.iter().map(index).map(|index| PartitionId::new(T, index)).collect()
}

fn indexes(partitions: &BTreeSet<TopicPartition>) -> Vec<i32> {
    assert!(partitions.iter().all(|of| &*of.topic == "t"));
    partitions.iter().map(|of| of.partition.get()).collect()
}

#[test]
fn the_first_heartbeat_says_everything_and_later_ones_only_what_has_changed() {
    let mut bench = Bench::new();
    assert_eq!(bench.prepare(), (vec![], vec![]));
    let first = bench.beat();
    let expected = Beat {
        member_id: "me".into(),
        epoch: 0,
        is_full: true,
        subscription: Some(topics("t")),
        owned: Some(BTreeSet::new()),
    };
    assert_eq!(first, expected);
    assert_eq!(bench.member.epoch(), None, "not before the coordinator says so");
    bench.told(4, Some(&[]));
    assert_eq!(bench.member.epoch(), Some(4));
    bench.rests();
    bench.now += INTERVAL;
    let expected =
        Beat { epoch: 4, is_full: false, subscription: None, owned: None, ..expected.clone() };
    assert_eq!(bench.beat(), expected);
}

#[test]
fn what_is_taken_is_acknowledged_at_once() {
    let mut bench = Bench::new();
    bench.prepare();
    bench.beat();
    bench.told(1, Some(&[0, 1]));
    bench.learn_name();
    assert_eq!(bench.adopt(), [0, 1]);
    assert_eq!(bench.beat().owned, Some(ids(&[0, 1])));
    bench.told(1, None);
    bench.rests();
}

#[test]
fn nothing_new_is_taken_before_what_was_given_up_is_acknowledged() {
    let mut bench = Bench::owning(&[0, 1]);
    bench.now += INTERVAL;
    bench.beat();
    bench.told(2, Some(&[1, 2]));
    assert_eq!(bench.prepare(), (vec![0], vec![]));
    assert_eq!(bench.beat().owned, Some(ids(&[1])));
    assert_eq!(bench.step(), Step::Wait(None), "the answer is awaited");
    bench.told(2, None);
    assert_eq!(bench.adopt(), [2]);
    assert_eq!(bench.beat().owned, Some(ids(&[1, 2])));
    bench.told(2, None);
    bench.rests();
}

#[test]
fn heartbeats_go_on_while_the_user_lets_go() {
    let mut bench = Bench::owning(&[0, 1]);
    bench.now += INTERVAL;
    bench.beat();
    bench.told(2, Some(&[1]));
    assert!(matches!(bench.step(), Step::Prepare { .. }));
    assert_eq!(bench.member.heartbeat_due(), Some(bench.now + INTERVAL));
    let beat = bench.member.beat().unwrap();
    assert_eq!(beat.owned, Some(ids(&[0, 1])), "it still has both");
    assert_eq!(bench.member.heartbeat_due(), None, "one at a time");
    assert_eq!(bench.member.beat(), None);
    bench.told(2, None);
    bench.prepare();
    assert_eq!(bench.beat().owned, Some(ids(&[1])));
}

#[test]
fn what_was_given_and_taken_back_before_it_was_taken_is_acknowledged_too() {
    let mut bench = Bench::owning(&[0]);
    bench.now += INTERVAL;
    bench.beat();
    bench.told(2, Some(&[0, 1]));
    let Step::Adopt { added, .. } = bench.step() else { panic!() };
    // The offsets are still being fetched when the next answer comes.
    bench.now += INTERVAL;
    let beat = bench.member.beat().unwrap();
    assert_eq!(beat.owned, Some(ids(&[0, 1])), "nobody else may have what is about to be read");
    bench.told(3, Some(&[0]));
    assert_eq!(indexes(&bench.member.adopted(&added)), [0; 0]);
    assert_eq!(bench.beat().owned, Some(ids(&[0])));
    bench.told(3, None);
    bench.rests();

    // And if no heartbeat has ever named it.
    bench.now += INTERVAL;
    bench.beat();
    bench.told(4, Some(&[0, 1]));
    bench.now += INTERVAL;
    bench.beat();
    bench.told(5, Some(&[0]));
    assert_eq!(bench.beat().owned, Some(ids(&[0])));
}

#[test]
fn who_is_fenced_has_lost_everything_and_joins_anew_under_its_name() {
    for code in [ErrorCode::FencedMemberEpoch, ErrorCode::UnknownMemberId] {
        let mut bench = Bench::owning(&[0, 1]);
        bench.now += INTERVAL;
        bench.beat();
        bench.refused(code).unwrap();
        assert_eq!(bench.member.epoch(), None, "nothing is committed any more");
        assert_eq!(bench.member.heartbeat_due(), None);
        assert_eq!(bench.prepare(), (vec![], vec![0, 1]));
        assert_eq!(bench.step(), Step::Wait(Some(bench.now + PAUSE)));
        bench.now += PAUSE;
        let beat = bench.beat();
        assert_eq!((beat.epoch, beat.is_full, &*beat.member_id), (0, true, "me"));
        assert_eq!(beat.owned, Some(BTreeSet::new()));
        bench.told(7, Some(&[1]));
        bench.learn_name();
        assert_eq!(bench.adopt(), [1]);
    }
}

#[test]
fn a_partition_that_is_lost_while_another_goes_is_told_as_lost() {
    let mut bench = Bench::owning(&[0, 1]);
    bench.now += INTERVAL;
    bench.beat();
    bench.told(2, Some(&[1]));
    let Step::Prepare { revoked, .. } = bench.step() else { panic!() };
    bench.member.beat().unwrap();
    bench.refused(ErrorCode::FencedMemberEpoch).unwrap();
    bench.member.prepared(&revoked);
    assert_eq!(bench.prepare(), (vec![], vec![1]));
}

#[test]
fn who_is_fenced_while_it_takes_partitions_takes_none() {
    let mut bench = Bench::new();
    bench.prepare();
    bench.beat();
    bench.told(1, Some(&[0]));
    bench.learn_name();
    let Step::Adopt { added, .. } = bench.step() else { panic!() };
    bench.member.beat().unwrap();
    bench.refused(ErrorCode::FencedMemberEpoch).unwrap();
    assert_eq!(indexes(&bench.member.adopted(&added)), [0; 0]);
    assert_eq!(bench.prepare(), (vec![], vec![]));
}

#[test]
fn after_a_lost_answer_everything_is_said_again() {
    let mut bench = Bench::owning(&[0, 1]);
    bench.now += INTERVAL;
    bench.beat();
    bench.lost_answer();
    assert_eq!(bench.step(), Step::Wait(Some(bench.now + PAUSE)));
    assert_eq!(bench.member.heartbeat_due(), Some(bench.now + PAUSE));
    assert_eq!(bench.member.epoch(), Some(1), "it may be a member all the same");
    bench.now += PAUSE;
    let again = bench.beat();
    assert_eq!((again.epoch, again.is_full), (1, true));
    assert_eq!((again.subscription, again.owned), (Some(topics("t")), Some(ids(&[0, 1]))));
    bench.lost_answer();
    assert_eq!(bench.step(), Step::Wait(Some(bench.now + 2 * PAUSE)), "ever more patiently");
    bench.now += 2 * PAUSE;
    assert!(bench.beat().is_full);
    bench.told(1, Some(&[0, 1]));
    bench.rests();
}

#[test]
fn a_coordinator_that_moves_or_loads_is_asked_again() {
    for code in [
        ErrorCode::NotCoordinator,
        ErrorCode::CoordinatorNotAvailable,
        ErrorCode::CoordinatorLoadInProgress,
    ] {
        let mut bench = Bench::new();
        bench.prepare();
        bench.beat();
        bench.refused(code).unwrap();
        assert_eq!(bench.step(), Step::Wait(Some(bench.now + PAUSE)));
        bench.now += PAUSE;
        let beat = bench.beat();
        assert_eq!((beat.epoch, beat.is_full), (0, true), "{code}");
    }
}

#[test]
fn what_no_retry_mends_is_told_and_puts_the_member_out() {
    for code in [
        ErrorCode::UnreleasedInstanceId,
        ErrorCode::FencedInstanceId,
        ErrorCode::UnsupportedAssignor,
        ErrorCode::InvalidRegularExpression,
        ErrorCode::GroupMaxSizeReached,
        ErrorCode::GroupAuthorizationFailed,
        ErrorCode::InvalidRequest,
        ErrorCode::UnsupportedVersion,
    ] {
        let mut bench = Bench::owning(&[0]);
        bench.now += INTERVAL;
        bench.beat();
        let told = bench.refused(code).unwrap_err();
        assert_eq!(told.code(), Some(code));
        assert_eq!(bench.member.epoch(), None);
        assert_eq!(bench.prepare(), (vec![], vec![0]), "{code}");
        assert_eq!(bench.step(), Step::Wait(None), "{code}");
        // The user may try again.
        bench.member.subscribe(topics("t"));
        bench.prepare();
        assert_eq!(bench.beat().epoch, 0);
    }
}

#[test]
fn a_topic_that_may_not_be_read_is_told_and_asked_for_again() {
    let mut bench = Bench::owning(&[0]);
    bench.now += INTERVAL;
    bench.beat();
    let told = bench.refused(ErrorCode::TopicAuthorizationFailed).unwrap_err();
    assert_eq!(told.code(), Some(ErrorCode::TopicAuthorizationFailed));
    bench.rests();
    bench.now += INTERVAL;
    let beat = bench.beat();
    assert_eq!((beat.epoch, beat.is_full), (1, true), "it stays a member");
}

#[test]
fn an_epoch_that_makes_no_sense_is_an_error_of_the_protocol() {
    let mut bench = Bench::new();
    bench.prepare();
    bench.beat();
    let beaten = Beaten { epoch: 0, heartbeat_interval: INTERVAL, target: None };
    let told = bench.member.heard(Ok(beaten), bench.now, 0.5);
    assert!(matches!(told, Err(Error::Protocol { .. })));
    bench.prepare();
    assert_eq!(bench.step(), Step::Wait(None));
}

#[test]
fn a_coordinator_that_wants_no_pause_between_heartbeats_gets_one() {
    let mut bench = Bench::new();
    bench.prepare();
    bench.beat();
    let beaten = Beaten { epoch: 1, heartbeat_interval: Duration::ZERO, target: None };
    bench.member.heard(Ok(beaten), bench.now, 0.5).unwrap();
    assert_eq!(bench.step(), Step::Wait(Some(bench.now + INTERVAL_MIN)));
}

#[test]
fn a_topic_without_a_name_waits_and_holds_up_no_other() {
    const U: TopicId = TopicId::from_bytes([8; 16]);
    let mut bench = Bench::new();
    bench.prepare();
    bench.beat();
    let of_u = PartitionId::new(U, pelton_model::PartitionIndex::new(5));
    let mut target = ids(&[0]);
    target.insert(of_u);
    let beaten = Beaten { epoch: 1, heartbeat_interval: INTERVAL, target: Some(target.clone()) };
    bench.member.heard(Ok(beaten), bench.now, 0.5).unwrap();
    assert_eq!(bench.step(), Step::Name { topics: [T, U].into() });
    bench.member.learn_names([(T, "t".into())].into(), bench.now, 0.5);
    assert_eq!(bench.adopt(), [0]);
    assert_eq!(bench.beat().owned, Some(ids(&[0])), "what has no name is not owned");
    bench.told(1, None);
    assert_eq!(bench.step(), Step::Wait(Some(bench.now + PAUSE)));
    bench.now += PAUSE;
    assert_eq!(bench.step(), Step::Name { topics: [U].into() });
    bench.member.learn_names([(U, "u".into())].into(), bench.now, 0.5);
    let Step::Adopt { added, .. } = bench.step() else { panic!("{:?}", bench.step()) };
    assert_eq!(added, [TopicPartition::new("u", 5)].into());
    bench.member.adopted(&added);
    assert_eq!(bench.beat().owned, Some(target));
}

#[test]
fn a_topic_that_was_made_anew_is_given_up_before_it_is_taken() {
    const AGAIN: TopicId = TopicId::from_bytes([9; 16]);
    let mut bench = Bench::owning(&[0]);
    bench.now += INTERVAL;
    bench.beat();
    let new: BTreeSet<_> = [PartitionId::new(AGAIN, pelton_model::PartitionIndex::new(0))].into();
    let beaten = Beaten { epoch: 2, heartbeat_interval: INTERVAL, target: Some(new.clone()) };
    bench.member.heard(Ok(beaten), bench.now, 0.5).unwrap();
    assert_eq!(bench.prepare(), (vec![0], vec![]));
    assert_eq!(bench.beat().owned, Some(BTreeSet::new()));
    bench.told(2, None);
    assert_eq!(bench.step(), Step::Name { topics: [AGAIN].into() });
    bench.member.learn_names([(AGAIN, "t".into())].into(), bench.now, 0.5);
    assert_eq!(bench.adopt(), [0]);
    assert_eq!(bench.beat().owned, Some(new));
}

#[test]
fn offsets_that_cannot_be_fetched_are_asked_for_again_after_a_pause() {
    let mut bench = Bench::new();
    bench.prepare();
    bench.beat();
    bench.told(1, Some(&[0]));
    bench.learn_name();
    assert!(matches!(bench.step(), Step::Adopt { .. }));
    bench.member.adoption_failed(bench.now, 0.5);
    assert_eq!(bench.step(), Step::Wait(Some(bench.now + PAUSE)));
    bench.now += PAUSE;
    assert_eq!(bench.adopt(), [0]);
}

#[test]
fn what_was_said_to_be_taken_and_is_not_is_settled_before_it_is_tried_again() {
    let mut bench = Bench::owning(&[0]);
    bench.now += INTERVAL;
    bench.beat();
    bench.told(2, Some(&[0, 1]));
    assert!(matches!(bench.step(), Step::Adopt { .. }));
    bench.member.beat().unwrap();
    bench.member.adoption_failed(bench.now, 0.5);
    bench.now += PAUSE;
    assert_eq!(bench.step(), Step::Wait(None), "it has said that it owns 1");
    bench.told(2, None);
    assert_eq!(bench.beat().owned, Some(ids(&[0])));
    bench.told(2, None);
    assert_eq!(bench.adopt(), [1]);
}

#[test]
fn a_subscription_that_changes_is_told_at_once() {
    let mut bench = Bench::owning(&[0]);
    bench.member.subscribe(topics("t"));
    bench.rests();
    let pattern = Subscription::Pattern("u.*".into());
    bench.member.subscribe(pattern.clone());
    let beat = bench.beat();
    assert_eq!((beat.is_full, beat.subscription, beat.owned), (false, Some(pattern), None));
    bench.told(2, Some(&[]));
    assert_eq!(bench.prepare(), (vec![0], vec![]), "the coordinator has taken it back");
}

#[test]
fn who_was_away_for_too_long_has_lost_its_partitions_when_it_comes_back() {
    let mut bench = Bench::owning(&[0, 1]);
    bench.member.left();
    assert_eq!(bench.step(), Step::Wait(None));
    assert!(!bench.member.is_inside());
    bench.member.come_back();
    assert_eq!(bench.prepare(), (vec![], vec![0, 1]));
    assert_eq!(bench.beat().epoch, 0);
}

#[test]
fn an_answer_to_a_heartbeat_of_before_changes_nothing() {
    let mut bench = Bench::owning(&[0]);
    bench.now += INTERVAL;
    bench.beat();
    bench.member.left();
    bench.told(9, Some(&[5]));
    assert_eq!(bench.member.epoch(), None);
    assert_eq!(bench.step(), Step::Wait(None));
}
