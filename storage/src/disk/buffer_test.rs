use super::BufferPool;

#[test]
fn a_buffer_comes_back_for_its_own_size_only() {
    let mut pool = BufferPool::new(100);
    pool.put(30, "thirty");
    assert_eq!(pool.take(20), None);
    assert_eq!(pool.take(30), Some("thirty"));
    assert_eq!(pool.take(30), None);
}

#[test]
fn a_full_pool_gives_up_sizes_that_nobody_asks_for() {
    let mut pool = BufferPool::new(100);
    for _ in 0..3 {
        pool.put(30, 30);
    }
    for _ in 0..10 {
        pool.put(20, 20);
        assert!(pool.bytes <= 100);
    }
    assert_eq!(pool.take(30), None);
    assert_eq!((0..5).map_while(|_| pool.take(20)).count(), 5);
    assert_eq!(pool.bytes, 0);
}

#[test]
fn a_buffer_larger_than_the_pool_is_not_kept() {
    let mut pool = BufferPool::new(100);
    pool.put(101, ());
    assert_eq!(pool.take(101), None);
}
