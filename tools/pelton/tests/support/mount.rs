//! A small file system of a test's own.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A tmpfs; unmounted when dropped. What uses it is to be dropped before.
pub struct Tmpfs(PathBuf);

impl Tmpfs {
    /// `None` where mounting is not allowed.
    pub fn mount(at: &Path, mebibytes: usize) -> Option<Self> {
        let size = format!("size={mebibytes}m");
        let status = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "pelton-test"])
            .arg(at)
            .stderr(Stdio::null())
            .status()
            .ok()?;
        status.success().then(|| Self(at.to_owned()))
    }

    /// A file that takes all the space there is.
    pub fn fill(&self) -> PathBuf {
        let path = self.0.join("ballast");
        let mut file = std::fs::File::create(&path).expect("a file");
        let block = vec![0x55; 64 << 10];
        loop {
            match file.write(&block) {
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::StorageFull => return path,
                Err(error) => panic!("{}: {error}", path.display()),
            }
        }
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // A killed broker keeps its files for a moment longer than it lives.
        let status = Command::new("umount").arg("--lazy").arg(&self.0).status();
        if !status.as_ref().is_ok_and(|status| status.success()) {
            eprintln!("{} is still mounted: {status:?}", self.0.display());
        }
    }
}
