use pelton_storage::disk::sim::{SimDisk, run};

use super::*;

const TOTAL: u64 = 1 << 30;

#[test]
fn s9_a_disk_without_room_gets_the_ballast_and_gives_it_back_later() {
    let sim = SimDisk::new(1);
    sim.set_capacity(TOTAL);
    run(async {
        let disk = sim.disk();
        let ballast = Ballast::new(Path::new("/"));
        let before = sim.used_bytes();
        let space = |free_bytes| Space { free_bytes, total_bytes: TOTAL };
        ballast.trim(&disk, &space(TOTAL / 2), false).await;
        let aboard = sim.used_bytes();
        assert_eq!(aboard - before, TOTAL / SHARE_OF_DISK);
        // Full, yet there is some room: whoever may still write uses that first.
        ballast.trim(&disk, &space(TOTAL / 100), true).await;
        assert_eq!(sim.used_bytes(), aboard);
        ballast.trim(&disk, &space(4096), true).await;
        assert_eq!(sim.used_bytes(), before);
        // Not before the disk counts as having room again.
        ballast.trim(&disk, &space(TOTAL / 100), true).await;
        assert_eq!(sim.used_bytes(), before);
        ballast.trim(&disk, &space(TOTAL / 2), false).await;
        assert_eq!(sim.used_bytes(), aboard);
    });
}

#[test]
fn a_ballast_that_an_earlier_life_left_is_taken_over() {
    let sim = SimDisk::new(1);
    run(async {
        let disk = sim.disk();
        let space = Space { free_bytes: TOTAL / 2, total_bytes: TOTAL };
        Ballast::new(Path::new("/")).trim(&disk, &space, false).await;
        let aboard = sim.used_bytes();
        let later = Ballast::new(Path::new("/"));
        later.trim(&disk, &space, false).await;
        assert_eq!(sim.used_bytes(), aboard);
        later.trim(&disk, &Space { free_bytes: 0, ..space }, true).await;
        assert!(sim.used_bytes() < aboard);
    });
}
