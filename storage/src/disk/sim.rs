//! A disk in memory, for tests and for the simulator: it forgets at a power cut what was not
//! synced, tears writes, fails on demand, and does the same again for the same seed.

mod fault;
mod image;
mod names;
mod pace;
mod random;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::io;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake};

use bytes::Bytes;
use futures::future::{FutureExt, LocalBoxFuture};
use pelton_model::limits::BLOCK_BYTES;

pub use self::fault::{CrashChoice, Fault, FaultError, Lie, Operation};
pub use self::pace::{Pace, Step};
pub use self::random::Random;

use self::fault::Faults;
use self::image::Inode;
use self::names::{Names, Node};
use super::{
    BufferMemory, DirEntry, Disk, DiskBackend, FileBackend, IoBuf, OpenMode, Space, closed,
    is_disk_full, is_out_of_files, past_the_end,
};

/// What fresh buffers hold: bytes that a caller who relies on zeros will notice.
const UNSPECIFIED_BYTE: u8 = 0xEE;

/// The room of a disk that was given no capacity.
const CAPACITY_BYTES_DEFAULT: u64 = 1 << 40;

/// What a disk has been asked to do, failed attempts included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub opens: u64,
    pub reads: u64,
    pub bytes_read: u64,
    pub writes: u64,
    pub bytes_written: u64,
    /// Of files and of directories.
    pub syncs: u64,
    pub allocations: u64,
}

/// The simulated disk, from the side that plays fate; clones are the same disk. [`Self::disk`]
/// is what the code under test gets.
#[derive(Clone)]
pub struct SimDisk(Rc<World>);

struct World {
    names: RefCell<Names>,
    /// Files with an open handle, which take room also when they have no name any more.
    open: RefCell<BTreeMap<u64, Rc<RefCell<Inode>>>>,
    next_handle: Cell<u64>,
    capacity_bytes: Cell<u64>,
    yields_max: Cell<u64>,
    pace: RefCell<Option<Rc<dyn Pace>>>,
    lie: Cell<Option<Lie>>,
    faults: RefCell<Faults>,
    counters: Cell<Counters>,
    random: RefCell<Random>,
}

impl SimDisk {
    /// An empty disk whose root directory exists.
    pub fn new(seed: u64) -> Self {
        Self::with_names(seed, Names::default(), CAPACITY_BYTES_DEFAULT, 0)
    }

    /// The disk's other side. All of them are the same disk.
    pub fn disk(&self) -> Disk {
        Disk::new(SimBackend(Rc::clone(&self.0)))
    }

    /// Lets every operation yield up to so many times, as the seed says, before it takes effect;
    /// 0, as at first, lets each be ready at once.
    pub fn set_yields_max(&self, yields: u64) {
        self.0.yields_max.set(yields);
    }

    /// Has every operation seen, and take its time.
    pub fn set_pace(&self, pace: Rc<dyn Pace>) {
        *self.0.pace.borrow_mut() = Some(pace);
    }

    /// From now on the disk lies.
    pub fn set_lie(&self, lie: Option<Lie>) {
        self.0.lie.set(lie);
    }

    /// Bounds the disk: what needs more room fails with `ENOSPC`.
    pub fn set_capacity(&self, bytes: u64) {
        self.0.capacity_bytes.set(bytes);
    }

    pub fn capacity_bytes(&self) -> u64 {
        self.0.capacity_bytes.get()
    }

    pub fn inject(&self, fault: Fault) {
        self.0.faults.borrow_mut().add(fault);
    }

    pub fn clear_faults(&self) {
        self.0.faults.borrow_mut().clear();
    }

    pub fn counters(&self) -> Counters {
        self.0.counters.get()
    }

    /// Rot: flips a bit of a file, also in the durable image. `NotFound` if there is no such
    /// file; nothing happens past its end.
    pub fn flip_bit(&self, path: &Path, byte: u64, bit: u8) -> io::Result<()> {
        self.0.names.borrow().file(path)?.borrow_mut().flip_bit(byte, bit);
        Ok(())
    }

    /// The content of a file as reads see it.
    pub fn contents(&self, path: &Path) -> io::Result<Vec<u8>> {
        let inode = self.0.names.borrow().file(path)?;
        let live = inode.borrow();
        let bytes = usize::try_from(live.live().bytes()).map_err(io::Error::other)?;
        live.live().read(0, bytes).ok_or_else(|| past_the_end(0, bytes, 0))
    }

    /// What all files take of the disk's room.
    pub fn used_bytes(&self) -> u64 {
        self.0.used_bytes()
    }

    /// The process that used this disk is gone, and so are its futures: what it had under way has
    /// happened or not, as `choice` says. All else stays as it is, durable or not. Names that a failed
    /// sync has lost are written by the next process's sync: it sees them, and nobody could tell it that
    /// they are not to be trusted.
    pub fn kill(&self, choice: &mut CrashChoice) {
        self.0.open.borrow_mut().clear();
        self.0.names.borrow_mut().forget_failed_syncs();
        for inode in self.0.names.borrow().files() {
            inode.borrow_mut().settle(choice);
        }
    }

    /// The disk that the machine finds after a power cut at this moment: what was durable, and of
    /// everything else what `choice` keeps. This one stays as it is, so that many cuts can be
    /// tried at one moment. Faults and counters start afresh.
    pub fn crash(&self, choice: &mut CrashChoice) -> Self {
        let names = self.0.names.borrow().after_crash(choice);
        let capacity = self.0.capacity_bytes.get();
        Self::with_names(choice.next_seed(), names, capacity, self.0.yields_max.get())
    }

    /// What is durable at this moment, and nothing else.
    pub fn durable(&self) -> Self {
        self.crash(&mut CrashChoice::lose_all())
    }

    fn with_names(seed: u64, names: Names, capacity_bytes: u64, yields_max: u64) -> Self {
        Self(Rc::new(World {
            names: RefCell::new(names),
            open: RefCell::default(),
            next_handle: Cell::new(0),
            capacity_bytes: Cell::new(capacity_bytes),
            yields_max: Cell::new(yields_max),
            pace: RefCell::default(),
            lie: Cell::default(),
            faults: RefCell::default(),
            counters: Cell::default(),
            random: RefCell::new(Random::new(seed)),
        }))
    }
}

/// Runs a future whose only sources of waiting are simulated.
///
/// # Panics
/// If it waits and nothing has woken it: it would wait for ever.
pub fn run<T>(future: impl Future<Output = T>) -> T {
    struct Woken(AtomicBool);
    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let woken = Arc::new(Woken(AtomicBool::new(true)));
    let waker = Arc::clone(&woken).into();
    let mut future = pin!(future);
    while woken.0.swap(false, Ordering::Relaxed) {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
    }
    panic!("a deadlock: the future waits for something that nobody will do");
}

impl World {
    /// Takes the operation's time, then says whether it fails.
    async fn perform(&self, step: Step<'_>) -> io::Result<()> {
        let pace = self.pace.borrow().clone();
        if let Some(pace) = pace {
            pace.begin(&step).await;
        }
        self.pause().await;
        match self.faults.borrow_mut().strike(step.operation, step.path) {
            Some(error) => Err(error.to_error()),
            None => Ok(()),
        }
    }

    async fn pause(&self) {
        let max = self.yields_max.get();
        let mut yields = if max == 0 { 0 } else { self.random.borrow_mut().below(max + 1) };
        poll_fn(|context| {
            if yields == 0 {
                return Poll::Ready(());
            }
            yields -= 1;
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    fn count(&self, add: impl FnOnce(&mut Counters)) {
        let mut counters = self.counters.get();
        add(&mut counters);
        self.counters.set(counters);
    }

    fn free_bytes(&self) -> u64 {
        self.capacity_bytes.get().saturating_sub(self.used_bytes())
    }

    fn used_bytes(&self) -> u64 {
        let names = self.names.borrow();
        let open = self.open.borrow();
        let inodes: BTreeMap<_, _> =
            names.files().chain(open.values()).map(|inode| (Rc::as_ptr(inode), inode)).collect();
        let blocks: u64 = inodes.values().map(|inode| inode.borrow().used_blocks()).sum();
        blocks * BLOCK_BYTES as u64
    }

    fn check_room(&self, blocks: u64) -> io::Result<()> {
        // Summing up all files is for disks that have a capacity.
        let unbounded = self.capacity_bytes.get() == CAPACITY_BYTES_DEFAULT;
        if unbounded || blocks * BLOCK_BYTES as u64 <= self.free_bytes() {
            Ok(())
        } else {
            Err(io::Error::from_raw_os_error(libc::ENOSPC))
        }
    }
}

struct SimBackend(Rc<World>);

impl DiskBackend for SimBackend {
    fn open<'a>(
        &'a self,
        path: &'a Path,
        mode: OpenMode,
    ) -> LocalBoxFuture<'a, io::Result<Box<dyn FileBackend>>> {
        async move {
            self.0.count(|counters| counters.opens += 1);
            self.0.perform(Step::new(Operation::Open, path)).await?;
            let mut names = self.0.names.borrow_mut();
            let inode = match names.file(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound && mode.create => {
                    names.create_file(path)?
                }
                found => found?,
            };
            let handle = self.0.next_handle.get();
            self.0.next_handle.set(handle + 1);
            self.0.open.borrow_mut().insert(handle, inode);
            Ok(Box::new(SimFile {
                world: Rc::clone(&self.0),
                handle,
                path: path.to_path_buf(),
                durable_writes: mode.durable_writes,
            }) as Box<dyn FileBackend>)
        }
        .boxed_local()
    }

    fn create_dir_all<'a>(&'a self, path: &'a Path) -> LocalBoxFuture<'a, io::Result<()>> {
        async move {
            self.0.perform(Step::new(Operation::CreateDir, path)).await?;
            self.0.names.borrow_mut().create_dir_all(path)
        }
        .boxed_local()
    }

    fn sync_dir<'a>(&'a self, path: &'a Path) -> LocalBoxFuture<'a, io::Result<()>> {
        async move {
            self.0.count(|counters| counters.syncs += 1);
            let covered = self.0.names.borrow().begin_sync_dir();
            let result = self.0.perform(Step::new(Operation::Sync, path)).await;
            let mut names = self.0.names.borrow_mut();
            if let Err(error) = result {
                // Where the directory could not be opened, nothing was synced.
                if !is_out_of_files(&error) {
                    names.fail_sync_dir(path, covered);
                }
                return Err(error);
            }
            names.check_dir(path)?;
            if self.0.lie.get() != Some(Lie::SyncsDoNothing) {
                names.sync_dir(path);
            }
            Ok(())
        }
        .boxed_local()
    }

    fn remove_file<'a>(&'a self, path: &'a Path) -> LocalBoxFuture<'a, io::Result<()>> {
        async move {
            self.0.perform(Step::new(Operation::Remove, path)).await?;
            self.0.names.borrow_mut().remove_file(path)
        }
        .boxed_local()
    }

    fn remove_dir<'a>(&'a self, path: &'a Path) -> LocalBoxFuture<'a, io::Result<()>> {
        async move {
            self.0.perform(Step::new(Operation::Remove, path)).await?;
            self.0.names.borrow_mut().remove_dir(path)
        }
        .boxed_local()
    }

    fn remove_dir_all<'a>(&'a self, path: &'a Path) -> LocalBoxFuture<'a, io::Result<()>> {
        async move {
            self.0.perform(Step::new(Operation::Remove, path)).await?;
            self.0.names.borrow_mut().remove_dir_all(path)
        }
        .boxed_local()
    }

    fn rename<'a>(&'a self, from: &'a Path, to: &'a Path) -> LocalBoxFuture<'a, io::Result<()>> {
        async move {
            self.0.perform(Step::new(Operation::Rename, from)).await?;
            self.0.names.borrow_mut().rename(from, to)
        }
        .boxed_local()
    }

    fn list_dir<'a>(&'a self, path: &'a Path) -> LocalBoxFuture<'a, io::Result<Vec<DirEntry>>> {
        async move {
            self.0.perform(Step::new(Operation::List, path)).await?;
            let names = self.0.names.borrow();
            let entries = names.list(path)?.into_iter().map(|(path, node)| DirEntry {
                name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
                is_dir: matches!(node, Node::Dir),
                bytes: match node {
                    Node::Dir => 0,
                    Node::File(inode) => inode.borrow().live().bytes(),
                },
            });
            Ok(entries.collect())
        }
        .boxed_local()
    }

    fn space<'a>(&'a self, path: &'a Path) -> LocalBoxFuture<'a, io::Result<Space>> {
        async move {
            self.0.perform(Step::new(Operation::Space, path)).await?;
            let total_bytes = self.0.capacity_bytes.get();
            Ok(Space { free_bytes: self.0.free_bytes(), total_bytes })
        }
        .boxed_local()
    }

    fn allocate_buffer(&self, bytes: usize) -> IoBuf {
        IoBuf::new(HeapMemory(vec![UNSPECIFIED_BYTE; bytes]))
    }

    fn shut_down(&self) -> LocalBoxFuture<'_, ()> {
        async {}.boxed_local()
    }
}

struct HeapMemory(Vec<u8>);

impl BufferMemory for HeapMemory {
    fn as_slice(&self) -> &[u8] {
        &self.0
    }

    fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

struct SimFile {
    world: Rc<World>,
    handle: u64,
    path: PathBuf,
    durable_writes: bool,
}

impl SimFile {
    fn inode(&self) -> io::Result<Rc<RefCell<Inode>>> {
        self.world.open.borrow().get(&self.handle).cloned().ok_or_else(closed)
    }
}

impl FileBackend for SimFile {
    fn write_at(
        &self,
        buffer: IoBuf,
        bytes: usize,
        position: u64,
    ) -> LocalBoxFuture<'_, io::Result<IoBuf>> {
        async move {
            let inode = self.inode()?;
            let memory = *buffer.into_memory::<HeapMemory>();
            self.world.count(|counters| {
                counters.writes += 1;
                counters.bytes_written += bytes as u64;
            });
            let id = inode.borrow_mut().begin_write(position, &memory.0[..bytes]);
            let step = Step {
                position,
                content: &memory.0[..bytes],
                ..Step::new(Operation::Write, &self.path)
            };
            let mut result = self.world.perform(step).await;
            if result.is_ok() {
                let missing = inode.borrow().missing_blocks(position, bytes as u64);
                result = self.world.check_room(missing);
            }
            if let Err(error) = result {
                let mut choice = CrashChoice::random(self.world.random.borrow_mut().next_u64());
                inode.borrow_mut().fail_write(id, is_disk_full(&error), &mut choice);
                return Err(error);
            }
            let is_lie = self.world.lie.get() == Some(Lie::DurableWritesAreNot);
            inode.borrow_mut().complete_write(id, self.durable_writes && !is_lie);
            Ok(IoBuf::new(memory))
        }
        .boxed_local()
    }

    fn read_at(&self, position: u64, bytes: usize) -> LocalBoxFuture<'_, io::Result<Bytes>> {
        async move {
            let inode = self.inode()?;
            self.world.count(|counters| {
                counters.reads += 1;
                counters.bytes_read += bytes as u64;
            });
            let step = Step::new(Operation::Read, &self.path);
            self.world.perform(Step { position, bytes: bytes as u64, ..step }).await?;
            let inode = inode.borrow();
            let content = inode.live().read(position, bytes);
            let content =
                content.ok_or_else(|| past_the_end(position, bytes, inode.live().bytes()))?;
            Ok(content.into())
        }
        .boxed_local()
    }

    fn sync(&self) -> LocalBoxFuture<'_, io::Result<()>> {
        async move {
            let inode = self.inode()?;
            self.world.count(|counters| counters.syncs += 1);
            let covered = inode.borrow().begin_sync();
            let result = self.world.perform(Step::new(Operation::Sync, &self.path)).await;
            if self.world.lie.get() != Some(Lie::SyncsDoNothing) {
                inode.borrow_mut().end_sync(&covered, result.is_ok());
            }
            result
        }
        .boxed_local()
    }

    fn allocate(&self, total_bytes: u64) -> LocalBoxFuture<'_, io::Result<()>> {
        async move {
            let inode = self.inode()?;
            self.world.count(|counters| counters.allocations += 1);
            let step = Step::new(Operation::Allocate, &self.path);
            self.world.perform(Step { bytes: total_bytes, ..step }).await?;
            let missing = inode.borrow().missing_blocks(0, total_bytes);
            self.world.check_room(missing)?;
            inode.borrow_mut().allocate(total_bytes);
            Ok(())
        }
        .boxed_local()
    }

    fn truncate(&self, bytes: u64) -> LocalBoxFuture<'_, io::Result<()>> {
        async move {
            let inode = self.inode()?;
            let step = Step::new(Operation::Truncate, &self.path);
            self.world.perform(Step { bytes, ..step }).await?;
            inode.borrow_mut().truncate(bytes);
            Ok(())
        }
        .boxed_local()
    }

    fn bytes(&self) -> io::Result<u64> {
        Ok(self.inode()?.borrow().live().bytes())
    }

    fn close(&self) -> LocalBoxFuture<'_, io::Result<()>> {
        async move {
            self.world.perform(Step::new(Operation::Close, &self.path)).await?;
            self.world.open.borrow_mut().remove(&self.handle).map(drop).ok_or_else(closed)
        }
        .boxed_local()
    }
}

impl Drop for SimFile {
    fn drop(&mut self) {
        self.world.open.borrow_mut().remove(&self.handle);
    }
}

#[cfg(test)]
#[path = "sim_test.rs"]
mod sim_test;
