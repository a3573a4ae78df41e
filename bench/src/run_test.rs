use super::*;

fn share(partitions: &[i32]) -> Share {
    Share { address: "a:1".into(), partitions: partitions.to_vec() }
}

#[test]
fn readers_do_not_share_partitions() {
    let shares = [share(&[0]), share(&[1]), share(&[0]), share(&[1])];
    assert_eq!(without_sharing(&shares), [share(&[0]), share(&[1])]);
    let shares = [share(&[0, 2]), share(&[1])];
    assert_eq!(without_sharing(&shares), shares);
}

#[test]
fn a_reader_begins_where_its_partitions_do() {
    let position = |partition| Position { partition, start: 5, next: 5, end: 9 };
    let positions: Vec<_> = (0..4).map(position).collect();
    let jobs = fetching(&[share(&[0, 2]), share(&[3])], &positions, ReadMode::Once);
    let partitions = |job: &Job| match job {
        Job::Fetch(job) => job.positions.iter().map(|at| at.partition).collect::<Vec<_>>(),
        Job::Produce(_) | Job::Greet(_) => Vec::new(),
    };
    assert_eq!(jobs.iter().map(partitions).collect::<Vec<_>>(), [vec![0, 2], vec![3]]);
}

#[test]
fn this_machine_has_cores_and_memory() {
    let machine = Machine::this();
    assert!(machine.cores > 0 && machine.memory_bytes > 0 && !machine.kernel.is_empty());
}
