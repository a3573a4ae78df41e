//! What all clients of a run have in common: whatever becomes of a connection, they come back.

use pelton_storage::disk::sim::Random;

use super::World;
use super::connection::{Connection, Lost};

/// A client that goes on until the run ends it.
pub(crate) trait Tireless: Sized {
    /// How long it may stay away after a connection, in milliseconds.
    const PAUSE_MS: u64 = 20;

    /// Where it is, and the chance that it acts by.
    fn world_and_random(&mut self) -> (&World, &mut Random);

    /// What it does with a connection, until that is lost.
    async fn session(&mut self, connection: &mut Connection) -> Result<(), Lost>;

    async fn run(mut self) {
        loop {
            let mut connection = self.world_and_random().0.connect().await;
            let _: Result<(), Lost> = self.session(&mut connection).await;
            drop(connection);
            let (world, random) = self.world_and_random();
            world.think(random, Self::PAUSE_MS).await;
        }
    }
}
