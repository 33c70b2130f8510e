//! A power cut of the collector. From a moment on it is kept what its files hold that was synced; the cut comes some steps
//! later and leaves that and nothing else. What was answered by then must be among it.

use crate::template::START_MS;
use crate::world::{Event, World};
use anyhow::Result;

impl World {
    /// The power will fail.
    pub(crate) fn cut_collector(&mut self) -> Result<()> {
        if self.collector.is_up() {
            self.collector.watch()?;
            let ms = self.rng.i64(1_000..60_000);
            self.after(ms, Event::Cut);
        }
        Ok(())
    }

    /// The power fails, unless the collector was killed or lost before.
    pub(crate) fn fail_power(&mut self) -> Result<()> {
        let now_ms = START_MS.saturating_add(self.now_ms);
        if self.collector.cut(now_ms)? {
            self.note(&format_args!("the collector's power is cut"));
            let ms = self.rng.i64(20_000..300_000);
            self.after(ms, Event::Serve);
        }
        Ok(())
    }
}
