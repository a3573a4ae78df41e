use std::path::Path;
use std::rc::Rc;

use futures::FutureExt;

use super::PathLocks;

#[test]
fn a_path_excludes_itself_and_what_lies_under_it() {
    let locks = Rc::new(PathLocks::default());
    let held = locks.lock(&[Path::new("/a/b")]).now_or_never().expect("free");
    assert!(locks.lock(&[Path::new("/a/b")]).now_or_never().is_none());
    assert!(locks.lock(&[Path::new("/a/b/c")]).now_or_never().is_none());
    assert!(locks.lock(&[Path::new("/x"), Path::new("/a")]).now_or_never().is_none());
    assert!(locks.lock(&[Path::new("/a/bc")]).now_or_never().is_some());
    drop(held);
    assert!(locks.lock(&[Path::new("/a/b")]).now_or_never().is_some());
}
