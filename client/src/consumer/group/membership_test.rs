use super::*;

struct Bench {
    membership: Membership,
    now: Instant,
}

const INTERVAL: Duration = Duration::from_secs(3);

impl Bench {
    fn new(assignors: &[Assignor]) -> Self {
        let second = Duration::from_secs(1);
        let rules = Rules {
            group: "g".into(),
            assignors: assignors.into(),
            heartbeat_interval: INTERVAL,
            backoff: Backoff { first: second, max: second },
        };
        let mut membership = Membership::new(rules);
        membership.subscribe(topics(&["t"]));
        Self { membership, now: Instant::now() }
    }

    fn step(&mut self) -> Step {
        self.membership.poll(self.now).unwrap()
    }

    fn prepare(&mut self) -> (usize, usize) {
        let Step::Prepare { revoked, lost } = self.step() else { panic!("{:?}", self.step()) };
        self.membership.prepared(&revoked.union(&lost).cloned().collect());
        (revoked.len(), lost.len())
    }

    /// Joins as a follower.
    fn join(&mut self, generation: i32) {
        assert!(matches!(self.step(), Step::Join { .. }), "{:?}", self.step());
        self.membership.joined(Ok(joined(generation, None)), self.now, 0.5).unwrap();
    }

    /// Gets these partitions of t: how many go, how many come.
    fn sync(&mut self, partitions: &[i32]) -> (usize, usize) {
        assert!(matches!(self.step(), Step::Sync { .. }));
        let share = partitions.iter().map(|&index| TopicPartition::new("t", index)).collect();
        let assignment = payload::assignment(&share).unwrap();
        self.membership.synced(Ok(assignment), self.now, 0.5).unwrap();
        let Step::Adopt { revoked, added } = self.step() else { panic!("{:?}", self.step()) };
        self.membership.gave_up(&revoked);
        self.membership.adopted();
        (revoked.len(), added.len())
    }

    fn heard(&mut self, code: ErrorCode) -> Result<()> {
        let answer = match code {
            ErrorCode::None => Ok(()),
            code => Err(Error::broker("heartbeat", code)),
        };
        self.membership.heard(answer, self.now, 0.5)
    }
}

fn joined(generation: i32, members: Option<Vec<JoinedMember>>) -> Joined {
    let (member_id, protocol) = ("me".into(), "range".into());
    Joined { generation, member_id, protocol, members, is_divided: false }
}

fn other(id: &str, subscription: Bytes) -> JoinedMember {
    JoinedMember { id: id.into(), instance_id: None, subscription }
}

fn topics(names: &[&str]) -> BTreeSet<Arc<str>> {
    names.iter().map(|name| Arc::from(*name)).collect()
}

#[test]
fn a_member_joins_syncs_and_beats() {
    let mut bench = Bench::new(&[Assignor::Range]);
    assert_eq!(bench.prepare(), (0, 0));
    bench.join(1);
    assert_eq!(bench.sync(&[0, 1]), (0, 2));
    assert_eq!(bench.step(), Step::Wait(Some(bench.now + INTERVAL)));
    bench.now += INTERVAL;
    assert_eq!(bench.step(), Step::Heartbeat);
    bench.heard(ErrorCode::None).unwrap();
    assert_eq!(bench.step(), Step::Wait(Some(bench.now + INTERVAL)));
}

#[test]
fn who_joins_without_a_name_gets_one_and_joins_again_at_once() {
    let mut bench = Bench::new(&[Assignor::Range]);
    bench.prepare();
    bench.membership.named("me");
    let required = Error::broker("join", ErrorCode::MemberIdRequired);
    bench.membership.joined(Err(required), bench.now, 0.5).unwrap();
    assert!(matches!(bench.step(), Step::Join { member_id, .. } if &*member_id == "me"));
}

#[test]
fn an_eager_member_gives_up_everything_before_it_joins_again() {
    let mut bench = Bench::new(&[Assignor::Range, Assignor::CooperativeSticky]);
    bench.prepare();
    bench.join(1);
    bench.sync(&[0, 1]);
    bench.heard(ErrorCode::RebalanceInProgress).unwrap();
    assert_eq!(bench.prepare(), (2, 0));
    bench.join(2);
    assert_eq!(bench.sync(&[1]), (0, 1));
}

#[test]
fn a_cooperative_member_keeps_what_it_keeps_and_joins_again_for_the_rest() {
    let mut bench = Bench::new(&[Assignor::CooperativeSticky]);
    bench.prepare();
    bench.join(1);
    bench.sync(&[0, 1, 2]);
    bench.heard(ErrorCode::RebalanceInProgress).unwrap();
    assert_eq!(bench.prepare(), (0, 0));
    bench.join(2);
    assert_eq!(bench.sync(&[1]), (2, 0));
    // Somebody waits for what it has given up.
    assert_eq!(bench.prepare(), (0, 0));
    bench.join(3);
    assert_eq!(bench.sync(&[1]), (0, 0));
    assert!(matches!(bench.step(), Step::Wait(_)));
}

#[test]
fn who_is_not_known_any_more_has_lost_its_partitions_and_its_name() {
    let mut bench = Bench::new(&[Assignor::CooperativeSticky]);
    bench.prepare();
    bench.join(1);
    bench.sync(&[0, 1]);
    bench.heard(ErrorCode::UnknownMemberId).unwrap();
    assert_eq!(bench.membership.generation(), NO_GENERATION);
    assert_eq!(bench.prepare(), (0, 2));
    assert!(matches!(bench.step(), Step::Join { member_id, .. } if member_id.is_empty()));
}

#[test]
fn who_is_of_an_old_generation_keeps_its_name() {
    let mut bench = Bench::new(&[Assignor::Range]);
    bench.prepare();
    bench.join(1);
    bench.sync(&[0]);
    bench.heard(ErrorCode::IllegalGeneration).unwrap();
    assert_eq!(bench.prepare(), (0, 1));
    assert!(matches!(bench.step(), Step::Join { member_id, .. } if &*member_id == "me"));
}

#[test]
fn the_leader_divides_and_divides_again_when_partitions_are_added() {
    let mut bench = Bench::new(&[Assignor::Range]);
    bench.prepare();
    let Step::Join { protocols, .. } = bench.step() else { panic!() };
    let subscription = protocols[0].1.clone();
    let members = vec![other("me", subscription.clone()), other("you", subscription)];
    bench.membership.joined(Ok(joined(1, Some(members))), bench.now, 0.5).unwrap();
    assert_eq!(bench.step(), Step::Divide { topics: topics(&["t"]) });
    bench.membership.divided([("t".into(), 3)].into()).unwrap();
    let Step::Sync { assignments, .. } = bench.step() else { panic!() };
    let mine = payload::share(assignments[0].1.clone()).unwrap();
    assert_eq!((assignments.len(), mine.len()), (2, 2));
    bench.sync(&[0, 1]);
    bench.membership.counts_changed(&[("t".into(), 3)].into());
    assert!(matches!(bench.step(), Step::Wait(_)));
    bench.membership.counts_changed(&[("t".into(), 4)].into());
    assert!(matches!(bench.step(), Step::Prepare { .. }));
}

#[test]
fn a_leader_that_comes_back_divides_nothing_and_watches() {
    let mut bench = Bench::new(&[Assignor::Range]);
    bench.prepare();
    let Step::Join { protocols, .. } = bench.step() else { panic!() };
    let members = vec![other("me", protocols[0].1.clone())];
    let joined = Joined { is_divided: true, ..joined(1, Some(members)) };
    bench.membership.joined(Ok(joined), bench.now, 0.5).unwrap();
    assert_eq!(bench.step(), Step::Divide { topics: topics(&["t"]) });
    bench.membership.divided([("t".into(), 3)].into()).unwrap();
    let Step::Sync { assignments, .. } = bench.step() else { panic!() };
    assert!(assignments.is_empty());
    bench.sync(&[0, 1, 2]);
    assert_eq!(bench.membership.watched(), Some(&[("t".into(), 3)].into()));
    bench.membership.counts_changed(&[("t".into(), 4)].into());
    assert!(matches!(bench.step(), Step::Prepare { .. }));
}

#[test]
fn a_coordinator_that_moved_is_tried_again_after_a_pause() {
    let mut bench = Bench::new(&[Assignor::Range]);
    bench.prepare();
    let moved = || Error::broker("join", ErrorCode::NotCoordinator);
    bench.membership.joined(Err(moved()), bench.now, 0.5).unwrap();
    assert_eq!(bench.step(), Step::Wait(Some(bench.now + Duration::from_secs(1))));
    bench.now += Duration::from_secs(1);
    bench.join(1);
    bench.sync(&[0]);
    // A heartbeat that gets nowhere does not cost the membership.
    bench.now += INTERVAL;
    bench.membership.heard(Err(moved()), bench.now, 0.5).unwrap();
    assert_eq!(bench.step(), Step::Wait(Some(bench.now + Duration::from_secs(1))));
    assert_eq!(bench.membership.generation(), 1);
}

#[test]
fn what_no_retry_mends_puts_the_member_out() {
    for code in [
        ErrorCode::FencedInstanceId,
        ErrorCode::InconsistentGroupProtocol,
        ErrorCode::InvalidSessionTimeout,
        ErrorCode::GroupAuthorizationFailed,
        ErrorCode::GroupMaxSizeReached,
    ] {
        let mut bench = Bench::new(&[Assignor::Range]);
        bench.prepare();
        let refused = Error::broker("join", code);
        let told = bench.membership.joined(Err(refused.clone()), bench.now, 0.5);
        assert_eq!(told, Err(refused));
        assert_eq!(bench.prepare(), (0, 0));
        assert_eq!(bench.step(), Step::Wait(None));
    }
}

#[test]
fn who_is_put_out_for_good_has_lost_its_partitions_and_stays_out() {
    let fenced = || Error::broker("group g", ErrorCode::FencedInstanceId);
    for assignor in [Assignor::Range, Assignor::CooperativeSticky] {
        let mut bench = Bench::new(&[assignor]);
        bench.prepare();
        bench.join(1);
        bench.sync(&[0, 1]);
        assert_eq!(bench.heard(ErrorCode::FencedInstanceId).unwrap_err().code(), fenced().code());
        assert!(bench.membership.is_outside());
        // It is none any more, whatever its user does meanwhile.
        assert_eq!(bench.membership.generation(), NO_GENERATION);
        assert_eq!(bench.prepare(), (0, 2));
        assert_eq!(bench.step(), Step::Wait(None));
        bench.membership.subscribe(topics(&["t"]));
        bench.prepare();
        assert!(matches!(bench.step(), Step::Join { member_id, .. } if member_id.is_empty()));
    }
    let mut bench = Bench::new(&[Assignor::CooperativeSticky]);
    bench.prepare();
    bench.join(1);
    bench.sync(&[0, 1]);
    bench.heard(ErrorCode::RebalanceInProgress).unwrap();
    bench.prepare();
    bench.join(2);
    bench.membership.synced(Err(fenced()), bench.now, 0.5).unwrap_err();
    assert_eq!(bench.prepare(), (0, 2), "what it kept while it joined");
    assert_eq!(bench.step(), Step::Wait(None));
}

#[test]
fn a_subscription_that_changes_gives_up_what_is_no_longer_wanted() {
    let mut bench = Bench::new(&[Assignor::CooperativeSticky]);
    bench.prepare();
    bench.join(1);
    bench.sync(&[0, 1]);
    bench.membership.subscribe(topics(&["t"]));
    assert!(matches!(bench.step(), Step::Wait(_)), "nothing has changed");
    bench.membership.subscribe(topics(&["u"]));
    assert_eq!(bench.prepare(), (2, 0));
}

#[test]
fn an_answer_to_a_request_that_is_overtaken_changes_nothing() {
    let mut bench = Bench::new(&[Assignor::Range]);
    bench.prepare();
    bench.join(1);
    bench.membership.subscribe(topics(&["u"]));
    bench.membership.synced(Ok(Bytes::new()), bench.now, 0.5).unwrap();
    assert!(matches!(bench.step(), Step::Prepare { .. }));
}

#[test]
fn what_no_request_can_say_puts_the_member_out() {
    let mut bench = Bench::new(&[Assignor::Range]);
    bench.membership.subscribe(topics(&["t".repeat(1 << 15).as_str()]));
    bench.prepare();
    assert!(matches!(bench.membership.poll(bench.now), Err(Error::Invalid(_))));
    assert!(bench.membership.is_outside());
    bench.prepare();
    assert_eq!(bench.step(), Step::Wait(None));
}

#[test]
fn a_leader_that_is_sent_nonsense_says_so() {
    let mut bench = Bench::new(&[Assignor::Range]);
    bench.prepare();
    let members = vec![other("you", Bytes::from_static(b"\0\0\x7f"))];
    let told = bench.membership.joined(Ok(joined(1, Some(members))), bench.now, 0.5);
    assert!(matches!(told, Err(Error::Protocol { .. })));
}

#[test]
fn a_rebalance_heard_of_while_adopting_is_not_forgotten() {
    let mut bench = Bench::new(&[Assignor::CooperativeSticky]);
    bench.prepare();
    bench.join(1);
    let share = [TopicPartition::new("t", 0)].into();
    let assignment = payload::assignment(&share).unwrap();
    bench.membership.synced(Ok(assignment), bench.now, 0.5).unwrap();
    bench.heard(ErrorCode::RebalanceInProgress).unwrap();
    assert!(bench.membership.is_adopting());
    bench.membership.adopted();
    assert_eq!(bench.membership.owned(), &share);
    bench.heard(ErrorCode::RebalanceInProgress).unwrap();
    assert!(matches!(bench.step(), Step::Prepare { .. }));
}

#[test]
fn who_was_away_for_too_long_has_lost_its_partitions_when_it_comes_back() {
    let mut bench = Bench::new(&[Assignor::Range]);
    bench.prepare();
    bench.join(1);
    bench.sync(&[0, 1]);
    bench.membership.left();
    assert_eq!(bench.step(), Step::Wait(None));
    bench.membership.come_back();
    assert_eq!(bench.prepare(), (0, 2));
}

#[test]
fn an_adoption_that_fails_is_tried_again_after_a_pause_while_heartbeats_go_on() {
    let mut bench = Bench::new(&[Assignor::Range]);
    bench.prepare();
    bench.join(1);
    let assignment = payload::assignment(&[TopicPartition::new("t", 0)].into()).unwrap();
    bench.membership.synced(Ok(assignment), bench.now, 0.5).unwrap();
    let pause = Duration::from_secs(1);
    for _ in 0..3 {
        assert!(matches!(bench.step(), Step::Adopt { .. }));
        bench.membership.adoption_failed(bench.now, 0.5);
        assert_eq!(bench.step(), Step::Wait(Some(bench.now + pause)));
        // A heartbeat that works does not end the pause.
        bench.membership.heartbeat_due = Some(bench.now);
        assert_eq!(bench.step(), Step::Heartbeat);
        bench.heard(ErrorCode::None).unwrap();
        assert_eq!(bench.step(), Step::Wait(Some(bench.now + pause)));
        bench.now += pause;
    }
    // The others do not wait for it.
    bench.heard(ErrorCode::RebalanceInProgress).unwrap();
    assert_eq!(bench.prepare(), (0, 0));
    bench.join(2);
    bench.now += pause;
    assert_eq!(bench.sync(&[0]), (0, 1));
    assert!(matches!(bench.step(), Step::Wait(_)));
}
