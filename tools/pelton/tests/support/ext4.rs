//! An ext4 that can be frozen, and whose power can be cut: on a loop device, by the shutdown ioctl,
//! which loses all that the file system had not made durable. The device's image is in memory, so
//! that a cycle is short.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::support::mount::Tmpfs;
use crate::support::patience::eventually;
use crate::support::{directory, skipped};

/// EXT4_IOC_SHUTDOWN of ext4's ext4.h, _IOR('X', 125, __u32).
const EXT4_IOC_SHUTDOWN: libc::c_ulong = 0x8004_587d;

/// Neither the journal nor anything else is flushed first.
const EXT4_GOING_FLAGS_NOLOGFLUSH: u32 = 2;

/// The kernel takes down a killed process's rings, and with them its files, after its death.
const IN_USE_AT_MOST: Duration = Duration::from_secs(60);

/// Unmounted, and its loop device given back, when dropped.
pub struct Volume {
    device: PathBuf,
    at: PathBuf,
    is_mounted: bool,
    /// Where the image lies; goes after the device.
    _memory: Tmpfs,
}

impl Volume {
    /// Makes one in `directory`.
    ///
    /// # Errors
    /// Why there can be none here.
    pub fn make(directory: &Path, mebibytes: usize) -> Result<Self, String> {
        let (memory_at, at) = (directory.join("memory"), directory.join("volume"));
        for path in [&memory_at, &at] {
            std::fs::create_dir(path).map_err(|error| error.to_string())?;
        }
        let memory = Tmpfs::mount(&memory_at, mebibytes).ok_or("no right to mount")?;
        let image = memory_at.join("image");
        let file = File::create(&image).map_err(|error| error.to_string())?;
        file.set_len((mebibytes as u64) << 20).map_err(|error| error.to_string())?;
        let make = ["-q", "-F", "-E", "lazy_itable_init=1,lazy_journal_init=1"];
        run(Command::new("mkfs.ext4").args(make).arg(&image))?;
        let device = run(Command::new("losetup").args(["--find", "--show"]).arg(&image))?;
        let device = PathBuf::from(device.trim());
        let mut volume = Self { device, at, is_mounted: false, _memory: memory };
        volume.mount()?;
        // Where the ioctl is not known there are no power cuts.
        volume.shut_down()?;
        volume.power_up();
        Ok(volume)
    }

    pub fn path(&self) -> &Path {
        &self.at
    }

    /// Nothing that is written from here on lasts, nor what was not made durable before.
    pub fn cut_power(&self) {
        self.shut_down().expect("it could be shut down once");
    }

    /// As the machine finds it when it starts again. Whoever used it is gone.
    pub fn power_up(&mut self) {
        eventually("nobody uses the volume any more", IN_USE_AT_MOST, || self.unmount().ok());
        // A container that was started meanwhile has the mount in its namespace, too: as long as it
        // does, the file system stays as it is, shut down, and is mounted again as that.
        eventually("the volume is there again", IN_USE_AT_MOST, || {
            self.mount().expect("it could be mounted once");
            let is_up = File::create(self.at.join("up")).is_ok();
            if !is_up {
                eventually("it is unmounted", IN_USE_AT_MOST, || self.unmount().ok());
            }
            is_up.then_some(())
        });
    }

    /// Whatever is written waits from here on, until what is given back is dropped. What is read is
    /// there.
    ///
    /// # Errors
    /// Why it cannot be frozen here.
    pub fn freeze(&self) -> Result<Frozen, String> {
        run(Command::new("fsfreeze").arg("--freeze").arg(&self.at))?;
        Ok(Frozen(self.at.clone()))
    }

    fn shut_down(&self) -> Result<(), String> {
        let root = File::open(&self.at).map_err(|error| error.to_string())?;
        let flags = EXT4_GOING_FLAGS_NOLOGFLUSH;
        // SAFETY: the file is open, and the ioctl reads a u32 that outlives the call.
        let done = unsafe { libc::ioctl(root.as_raw_fd(), EXT4_IOC_SHUTDOWN, &flags) };
        match done {
            0 => Ok(()),
            _ => Err(format!("ext4 is not shut down: {}", std::io::Error::last_os_error())),
        }
    }

    fn mount(&mut self) -> Result<(), String> {
        run(Command::new("mount").args(["-t", "ext4"]).arg(&self.device).arg(&self.at))?;
        self.is_mounted = true;
        Ok(())
    }

    fn unmount(&mut self) -> Result<(), String> {
        run(Command::new("umount").arg(&self.at))?;
        self.is_mounted = false;
        Ok(())
    }
}

/// Runs a test on a volume of its own, or says that it was not run.
pub fn on_a_volume(test: &str, mebibytes: usize, run: impl FnOnce(&Volume) -> Result<(), String>) {
    let place = directory();
    if let Err(why) = Volume::make(place.path(), mebibytes).and_then(|volume| run(&volume)) {
        skipped(test, &why);
    }
}

/// A volume that takes no writes for now.
pub struct Frozen(PathBuf);

impl Drop for Frozen {
    fn drop(&mut self) {
        if let Err(why) = run(Command::new("fsfreeze").arg("--unfreeze").arg(&self.0)) {
            eprintln!("{} is still frozen: {why}", self.0.display());
        }
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        if self.is_mounted {
            let _ = run(Command::new("umount").arg("--lazy").arg(&self.at));
        }
        if let Err(why) = run(Command::new("losetup").arg("--detach").arg(&self.device)) {
            eprintln!("{} is still there: {why}", self.device.display());
        }
    }
}

/// What it wrote to stdout, or why it failed.
fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
}
