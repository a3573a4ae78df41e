//! Who this data directory is: `<data>/meta`, and the lock that keeps a second broker out.

use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

use pelton_storage::disk::Disk;

use crate::boot::StartError;
use crate::predecessor::outwait;

const FORMAT: u32 = 0;
const BYTES_MAX: usize = 4096;

/// Drawn once per data directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    pub cluster_id: String,
    pub node_id: i32,
    pub directory_id: String,
}

impl Meta {
    pub fn new(random: &mut dyn FnMut() -> u64, node_id: i32) -> Self {
        let mut id = || {
            let bits = u128::from(random()) << 64 | u128::from(random());
            uuid_text(pelton_model::TopicId::from_random(bits).as_bytes())
        };
        Self { cluster_id: id(), node_id, directory_id: id() }
    }

    /// Lines of `name=value`, the last of them a CRC-32C of those before.
    fn encode(&self) -> String {
        let mut text = format!(
            "format={FORMAT}\ncluster_id={}\nnode_id={}\ndirectory_id={}\n",
            self.cluster_id, self.node_id, self.directory_id
        );
        let crc = crc32c::crc32c(text.as_bytes());
        text.push_str(&format!("crc={crc:08x}\n"));
        text
    }

    fn decode(content: &[u8]) -> Result<Self, MetaFault> {
        let text = std::str::from_utf8(content).map_err(|_| MetaFault::Damaged)?;
        let at = text.rfind("crc=").ok_or(MetaFault::Damaged)?;
        let crc = text[at..].trim_end().strip_prefix("crc=").ok_or(MetaFault::Damaged)?;
        let crc = u32::from_str_radix(crc, 16).map_err(|_| MetaFault::Damaged)?;
        if crc32c::crc32c(&content[..at]) != crc {
            return Err(MetaFault::Damaged);
        }
        let field =
            |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        match field("format").and_then(|format| format.parse::<u32>().ok()) {
            Some(FORMAT) => {}
            Some(format) => return Err(MetaFault::TooNew(format)),
            None => return Err(MetaFault::Damaged),
        }
        let read = || {
            Some(Self {
                cluster_id: field("cluster_id")?.to_owned(),
                node_id: field("node_id")?.parse().ok()?,
                directory_id: field("directory_id")?.to_owned(),
            })
        };
        read().ok_or(MetaFault::Damaged)
    }

    /// Reads `<data>/meta`, or makes it.
    pub async fn open(disk: &Disk, data: &Path, new: Meta) -> Result<Meta, StartError> {
        let path = data.join("meta");
        match disk.read_file(&path, BYTES_MAX).await {
            Ok(content) => Self::decode(&content).map_err(|fault| match fault {
                MetaFault::Damaged => {
                    StartError::Damaged(format!("{}: its checksum does not match", path.display()))
                }
                MetaFault::TooNew(format) => StartError::TooNew(format!(
                    "{}: format {format} is newer than this program",
                    path.display()
                )),
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                disk.write_file_durably(&path, new.encode().as_bytes())
                    .await
                    .map_err(|error| StartError::io(&path, error))?;
                Ok(new)
            }
            Err(error) => Err(StartError::io(&path, error)),
        }
    }
}

enum MetaFault {
    Damaged,
    TooNew(u32),
}

/// Kafka's way to write a UUID: base64url without padding, 22 characters.
pub fn uuid_text(bytes: &[u8; 16]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bits = u128::from_be_bytes(*bytes);
    let mut text = String::with_capacity(22);
    for at in 0..22 {
        // 21 digits of six bits, and the last two bits in front of four zeros.
        let digit = if at < 21 { bits >> (122 - 6 * at) } else { bits << 4 };
        text.push(char::from(DIGITS[(digit & 63) as usize]));
    }
    text
}

/// Held for as long as the broker runs.
pub struct DataLock(#[expect(dead_code, reason = "closing it gives the lock back")] fs::File);

impl DataLock {
    pub fn take(data: &Path) -> Result<DataLock, StartError> {
        let path = data.join("LOCK");
        let file = fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|error| StartError::io(&path, error))?;
        let locked = outwait(&path.display(), io::ErrorKind::WouldBlock, || {
            // SAFETY: flock takes a descriptor, which is open, and no pointers.
            match unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } {
                0 => Ok(()),
                _ => Err(io::Error::last_os_error()),
            }
        });
        match locked {
            Ok(()) => Ok(DataLock(file)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                Err(StartError::Locked(data.display().to_string()))
            }
            Err(error) => Err(StartError::io(&path, error)),
        }
    }

    /// For a command that looks at the files of a stopped broker: changes nothing, and waits for
    /// nobody. `None` where no broker has ever been, such as in a copy.
    pub fn take_to_look(data: &Path) -> Result<Option<DataLock>, StartError> {
        let path = data.join("LOCK");
        let file = match fs::File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StartError::io(&path, error)),
        };
        // SAFETY: flock takes a descriptor, which is open, and no pointers.
        if unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } == 0 {
            return Ok(Some(DataLock(file)));
        }
        let error = io::Error::last_os_error();
        match error.kind() {
            io::ErrorKind::WouldBlock => Err(StartError::Locked(data.display().to_string())),
            _ => Err(StartError::io(&path, error)),
        }
    }
}

#[cfg(test)]
#[path = "meta_test.rs"]
mod meta_test;
